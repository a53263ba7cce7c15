"""
Whether a service that was started serves: its port is its own, and it greets.

A service is asked for its greeting from an address of this machine that its rules admit.
"""

import functools
import os
import time

import _greeting
import _listener
import _rules
import _supervise
import _tcpcdb
import _tcpserver
from salt.exceptions import CommandExecutionError

# For how many seconds a process must have been up that has its port, or its file.
MOMENT = 0.1
# What it said last may still be on its way to its log.
LOGGED = 0.2


def service(folder, wanted, old):
    """
    Wait until a service serves.

    folder
        its directory
    wanted
        its settings as checked, with the ``addresses`` of this machine
    old
        the pid of the process that is to be replaced, or None

    Returns what is wrong, or None; and what there is to say where nothing is.
    """
    place = _place(wanted)
    holds = functools.partial(_holds, place[1]) if place else None
    fault = _unsettled(folder, wanted, old, holds)
    if fault:
        return fault + (_not_its_own(folder, place[1]) if place else ""), ""
    if "greeting" not in wanted:
        return None, ""
    fault, note = _asked(folder, wanted, *place)
    if fault:
        time.sleep(LOGGED)
    return fault, note


def greeting(folder, wanted):
    """
    Ask a service that is up for its greeting, the arguments being those of `service`.

    Returns what is wrong, or None.  One that can be asked by nobody on this machine is not asked.
    """
    place = _place(wanted) if "greeting" in wanted else None
    return _asked(folder, wanted, *place)[0] if place else None


def logger(folder, wanted, old):
    """Wait until the logger of a service has its file; return what is wrong, or None."""
    current = os.path.join(wanted["multilog"]["directory"], "current")
    return _unsettled(folder, wanted, old, functools.partial(_writes, current))


def of_term(folder, seconds):
    """Return how long a process was given to end, and what to type."""
    name = os.path.basename(folder)
    if name == "log":
        name = f"{os.path.basename(os.path.dirname(folder))}/log"
    return f"{seconds} s of TERM (daemontools.kill {name}, or set kill_after)"


def _unsettled(folder, wanted, old, ready):
    seconds = wanted["timeout"]
    stable_for = wanted.get("stable_for", MOMENT if ready else _supervise.UNSEEN)
    record = _supervise.settle(folder, stable_for, seconds, old, ready)
    if record["stable"]:
        return None
    if record["starts"] > 1:
        return f"does not stay up ({record['starts']} starts)"
    if old and record["pid"] == old:
        return f"pid {old} did not end within {of_term(folder, seconds)}"
    if record["state"] == "up" and ready and ready(record["pid"]) is False:
        return f"not ready within {seconds} s"
    return f"not up for {stable_for} s within {seconds} s"


def _place(wanted):
    """Return where a service listens (address, port or 0 for any, cdb), or None if unknown."""
    options = wanted.get("tcpserver")
    if options:
        return options["address"], _number(options["port"]), options.get("rules")
    if "greeting" not in wanted:
        return None
    options, words = _tcpserver.told(wanted.get("run", ""))
    address, port = words[:2] if words[1:] else ("0", 0)
    return address, _number(port), dict(options).get("-x")


def _number(port):
    try:
        return _listener.number(port)
    except OSError:
        # tcpserver does not know it either, and says so.
        return 0


def _holds(port, pid):
    """Return whether a process listens on a port, 0 for any, or None where nothing tells."""
    held = _listener.ports(pid)
    return held if held is None else port in held or (not port and bool(held))


def _writes(path, pid):
    """Return whether a process has a file open, or None where nothing tells."""
    files = _listener.files(pid)
    if files is None:
        return None
    try:
        wanted = os.stat(path)
        return any(os.path.samestat(os.stat(file), wanted) for file in files)
    except OSError:
        return False


def _not_its_own(folder, port):
    """Return who has the port of a service, if that is somebody else."""
    if not port or _holds(port, _supervise.read(folder)["pid"]):
        return ""
    holder = _listener.holder(port)
    return f"; {holder}" if holder else ""


def _asked(folder, wanted, address, port, rules):
    """Ask a service for its greeting; return what is wrong, or None, and what there is to say."""
    pid = _supervise.read(folder)["pid"]
    port = port or min(_listener.ports(pid) or (0,))
    cdb = rules and os.path.join(folder, rules)
    if cdb and not os.path.exists(cdb):
        return None, f"not asked for its greeting: there is no {cdb}, so every client is dropped"
    asker = next((each for each in _own(address, wanted) if _admits(cdb, each, wanted)), None)
    if not port or asker is None:
        why = "its rules admit no address of this machine" if port else "nothing tells its port"
        return None, f"not asked for its greeting: {why}"
    expected = wanted.get("tcpserver", {}).get("banner", "") + wanted["greeting"]
    try:
        said = _greeting.said(asker, port, expected, wanted["timeout"])
        wrong = _greeting.lacking(said, expected, wanted)
    except TimeoutError:
        wrong = f"says nothing within {wanted['timeout']} s"
    except OSError as error:
        wrong = f"takes no connection from {asker}: {error.strerror}"
    return (f"its port is open, but it {wrong}", "") if wrong else (None, "greets")


def _own(address, wanted):
    """Return the addresses of this machine at which a service listens, the loopback first."""
    if address.strip("0.:"):
        return [address]
    loopback = "::1" if ":" in address else _greeting.LOOPBACK
    same = [each for each in wanted["addresses"] if (":" in each) == (":" in loopback)]
    return [loopback, *(each for each in same if each != loopback)]


def _admits(cdb, address, wanted):
    """Return whether rules let an address in, as far as that does not depend on its name."""
    options = wanted.get("tcpserver", {})
    if not cdb:
        return True
    if options.get("remote_host") or options.get("remote_info"):
        return False
    try:
        found = _tcpcdb.first(cdb, _rules.keys_for(address))
    except CommandExecutionError:
        return False
    return not found or _rules.meaning(found[1])[0] == "allow"
