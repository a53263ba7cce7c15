"""
How one service of a gateway is, beyond what its processes tell: what it is declared to be, whether
it has its port and greets, how often it was started, and how its log grows.
"""

import os
import time

import _glance
import _greeting
import _listener
import _multilog
import _restarts

HOUR = 3600
# Whoever works on a gateway starts a service a few times.
STARTS = 5
# How many bytes of a log are searched for the starts of an hour.
SEARCHED = 1 << 18
# Seconds by which a log may be older than the start that it tells of.
LATE = 5
# What multilog takes if not told.
SIZE, FILES = 99999, 10
# Seconds for a greeting.
PATIENCE = 5
LOOPBACK = "127.0.0.1"


def figures(record, log):
    """
    Return what a service does, in figures; None where that is not known.

    record
        as daemontools.show returns it
    log
        the directory of its log, or None

    Beside those of the record there are ``starts`` in the last hour, and of the log ``log_age``,
    the seconds since it was written to, ``log_size``, and ``log_free``, what it may still get.
    """
    known = {key: record[key] for key in ("state", "seconds", "clients", "limit")}
    known |= dict.fromkeys(("starts", "log_age", "log_size", "log_free"))
    if not log:
        return known
    now, room = time.time(), os.statvfs(log)
    with os.scandir(log) as files:
        known["log_size"] = sum(file.stat(follow_symlinks=False).st_size for file in files)
    known["log_free"] = room.f_bavail * room.f_frsize
    known["log_age"] = max(0, int(now - os.stat(os.path.join(log, "current")).st_mtime))
    known["starts"] = 0
    if (record["seconds"] or 0) < HOUR:
        moments, _ = _multilog.starts(log, SEARCHED)
        known["starts"] = sum(now - HOUR < moment <= now for moment in moments)
    return known


def problems(name, settings, record, known, path, call):
    """
    Yield what is wrong with a service; what comes later may be so because of the first.

    settings, path
        as they are declared, with the place in pillar
    record, known
        as daemontools.show returns it, or None, and `figures` of it
    call
        calls a function of Salt by name
    """
    if record and record["problem"]:
        yield from _glance.problems({name: record})
    changes = call("daemontools.plan", name, settings, path)["changes"]
    if changes:
        yield f"{name}: is not as declared: {', '.join(changes)} (state.apply ftpgw.services)"
    if not record or settings.get("state", "up") != "up":
        return
    yield from _port(name, settings, record)
    if (known["starts"] or 0) > STARTS:
        yield f"{name}: {known['starts']} starts in the last hour (daemontools.log {name} since=1h)"
    yield from _log(name, settings, record, known)


def log_directory(name, settings, log_dir):
    """Return where a service logs, as it is declared; None if nowhere."""
    declared = settings.get("multilog", True)
    if not declared:
        return None
    return (declared if isinstance(declared, dict) else {}).get("directory", f"{log_dir}/{name}")


def unwelcome(name, settings, addresses, call):
    """
    Ask a service for its greeting; return a line if it does not greet as it should, or None.

    addresses
        those of this machine from which a client may be admitted
    """
    options = settings["tcpserver"]
    place, rules = str(options.get("address", 0)), options.get("rules")
    asker = next((each for each in _own(place, addresses) if _admits(rules, each, call)), None)
    if asker is None:
        # Nobody on this machine may know.
        return None
    wanted = options.get("banner", "") + settings["greeting"]
    try:
        port = _listener.number(options["port"])
        wrong = _greeting.lacking(_greeting.said(asker, port, wanted, PATIENCE), wanted, settings)
    except TimeoutError:
        wrong = f"says nothing within {PATIENCE} s"
    except OSError as error:
        wrong = f"takes no connection from {asker}: {error.strerror}"
    return f"{name}: {wrong} (daemontools.log {name})" if wrong else None


def _own(place, addresses):
    return [place] if place.strip("0.") else addresses


def _admits(rules, address, call):
    return not rules or call("tcprules.check", rules, address)["verdict"] == "allow"


def _port(name, settings, record):
    """Say who has the port of a service, if it is another: what could not have it is young."""
    young = record["state"] == "up" and record["seconds"] < _restarts.YOUNG
    if not young or "tcpserver" not in settings:
        return
    port = _listener.number(settings["tcpserver"]["port"])
    held = _listener.ports(record["pid"]) if port else None
    if held is not None and port not in held:
        who = _listener.holder(port)
        yield f"{name}: does not listen on port {port}{who and f'; {who}'} (daemontools.log {name})"


def _log(name, settings, record, known):
    if known["log_age"] is None:
        return
    declared = settings.get("multilog")
    options = declared if isinstance(declared, dict) else {}
    most = options.get("size", SIZE) * options.get("files", FILES)
    # The first words of a service are in its log, unless they are not to be kept.
    unheard = known["log_age"] > (record["seconds"] or 0) + LATE
    if unheard and record["state"] == "up" and "run" not in settings and "select" not in options:
        yield f"{name}: log: nothing since the service was started (daemontools.restart {name}/log)"
    if known["log_free"] < most - known["log_size"]:
        free, grow = (f"{size // 1000000} MB" for size in (known["log_free"], most))
        yield f"{name}: log: it may have {grow}, but {free} are free (df)"
