"""
How one service of a gateway is, beyond what its processes tell: what it is declared to be, whether
it has its port and greets, how often it was started, and how its log grows.
"""

import os
import time

import _glance
import _listener
import _multilog
import _ready
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
MEGABYTE = 1_000_000


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


def problems(name, wanted, record, known, changes):
    """
    Yield what is wrong with a service; what comes later may be so because of the first.

    wanted
        its settings as checked
    record, known
        as daemontools.show returns it, or None, and `figures` of it
    changes
        returns what separates it from its settings
    """
    if record and record["problem"]:
        yield from _glance.problems({name: record})
    different = changes()
    if different:
        yield f"{name}: is not as declared: {', '.join(different)} (state.apply ftpgw.services)"
    if record and wanted["state"] == "up":
        yield from _port(name, wanted, record)
        if (known["starts"] or 0) > STARTS:
            times = f"{known['starts']} starts in the last hour"
            yield f"{name}: {times} (daemontools.log {name} since=1h)"
        yield from _log(name, wanted, record, known)


def unwelcome(name, folder, wanted):
    """Ask a service for its greeting; yield a line if it does not greet as it should."""
    wrong = _ready.greeting(folder, wanted | {"timeout": PATIENCE})
    if wrong:
        yield f"{name}: {wrong} (daemontools.log {name})"


def _port(name, wanted, record):
    """Say who has the port of a service, if it is another: what could not have it is young."""
    young = record["state"] == "up" and record["seconds"] < _restarts.YOUNG
    if not young or "tcpserver" not in wanted:
        return
    port = _listener.number(wanted["tcpserver"]["port"])
    held = _listener.ports(record["pid"]) if port else None
    if held is not None and port not in held:
        who = _listener.holder(port)
        yield f"{name}: does not listen on port {port}{who and f'; {who}'} (daemontools.log {name})"


def _log(name, wanted, record, known):
    if known["log_age"] is None:
        return
    options = wanted["multilog"]
    # The first words of a service are in its log, unless they are not to be kept.
    unheard = known["log_age"] > (record["seconds"] or 0) + LATE
    if unheard and record["state"] == "up" and "run" not in wanted and "select" not in options:
        yield f"{name}: log: nothing since the service was started (daemontools.restart {name}/log)"
    most = options.get("size", SIZE) * options.get("files", FILES)
    if known["log_free"] < most - known["log_size"]:
        may, free = most / MEGABYTE, known["log_free"] / MEGABYTE
        yield f"{name}: log: it may have {may:.3g} MB, but {free:.3g} MB are free (df)"
