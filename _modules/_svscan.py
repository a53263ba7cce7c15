"""
The directory that svscan watches: where it is, and the links in it.

svscan, daemontools 0.76, looks at its directory every 5 seconds and starts a supervise for each
name that does not begin with a dot, and one for its ``log`` if there is one *when it first sees
the service*.  It forgets a service when it looks and finds neither the name nor the processes.
"""

import contextlib
import itertools
import os
import re
import time

import _supervise
from salt.exceptions import CommandExecutionError

USUAL_DIRECTORIES = ("/service", "/var/service", "/etc/service")
PACKAGED = {"Debian": "/etc/service", "FreeBSD": "/var/service"}
SCAN = 5
# How many seconds svscan may take to look and to start what it sees, on a busy machine.
LOOK = 30
# How many seconds svscan itself may take to start, once it has been installed.
START = 10
# How many seconds a process may take to end after KILL, and its supervise to notice.
KILLED = 5

# As readproctitle shows it, to which svscanboot gives them; the oldest may lack its beginning.
_MESSAGE = re.compile(r"^(?:supervise|svscan): (?:fatal|warning): .*", re.MULTILINE)

# The problem of services that are well, where it does not run.
NOBODY = "no svscan runs: what dies, or is new, has nobody to start it (start svscanboot)"

# Where svscan was last found; looked at first, since there may be thousands of processes.
_found = []


def directory(configured=None, system=None):
    """
    Return the directory that svscan watches, or will watch.

    configured
        what the minion is told, which decides

    system
        its grain ``os_family``

    If nothing is configured it is where this user's svscan runs (Linux), or else the first of
    /service, /var/service and /etc/service that exists, or else where the system's package of
    daemontools will have it.
    """
    usual = (path for path in USUAL_DIRECTORIES if os.path.isdir(path))
    coming = PACKAGED.get(system, USUAL_DIRECTORIES[0])
    return configured or next(itertools.chain(_running(), usual), coming)


def nowhere(folder):
    """Return what to say, and to do, where there is no directory for svscan."""
    return f"there is no {folder} for svscan (install daemontools, or set daemontools.service_dir)"


def link(path, target, timeout=LOOK):
    """
    Link a service directory, and wait until supervise answers for it and its log.

    path
        The link to make, in the directory that svscan watches.

    target
        The service directory.

    timeout
        How many seconds to wait at most; svscan looks every 5.

    Raises CommandExecutionError if the path is something else already, or nothing answers.
    """
    if not is_link(path, target):
        if os.path.lexists(path):
            raise CommandExecutionError(f"{path} is not a link to {target}")
        os.symlink(target, path)
    soon = min(timeout, START)
    if _supervise.wait(target, "supervised", soon):
        return True
    if watches(os.path.dirname(path)) is not False:
        soon = timeout
        if _supervise.wait(target, "supervised", timeout - START):
            return True
    whose = " of its log" if _supervise.answers(target) else ""
    raise CommandExecutionError(
        f"supervise{whose} did not answer within {soon} s ({_excuse(path)})"
    )


def unlink(path, target, timeout=10, kill=False):
    """
    Remove the link to a service directory, and end its processes and those of its log.

    path
        The link, in the directory that svscan watches; it may be gone already.

    target
        The service directory.

    timeout
        How many seconds to wait at most, first for the service, then for its log.

    kill
        Whether a process that has not ended by then gets KILL.

    Raises CommandExecutionError if the path is something else, or a process does not end.
    """
    if is_link(path, target):
        os.unlink(path)
    elif os.path.lexists(path):
        raise CommandExecutionError(f"{path} is not a link to {target}")
    # The logger goes last, so that it gets the last words of the service.
    for folder in (target, os.path.join(target, "log")):
        _end(folder, timeout, kill)
    return True


def relink(path, target, timeout=10, kill=False):
    """
    Let svscan forget a service and see it again, as it must when a ``log`` comes or goes.

    The arguments are those of `unlink` and `link`.  The service is down for up to 12 seconds.
    """
    unlink(path, target, timeout, kill)
    time.sleep(SCAN + 1)
    return link(path, target)


def is_link(path, target):
    """
    Return whether a path is a link to a directory.
    """
    return os.path.islink(path) and os.path.realpath(path) == os.path.realpath(target)


def watches(folder):
    """
    Return whether an svscan of this user runs in a directory, or None if that cannot be known.
    """
    if not os.path.isdir("/proc/self/ns"):
        return None
    found = any(os.path.samefile(found, folder) for found in _running())
    # Whoever is not root does not see where another's works.
    return found or (None if os.geteuid() else False)


def explained(records):
    """
    Add to the problem of each record what svscan or supervise said last of that service (Linux).

    records
        ``{name: record}``, as `_supervise.read_all` returns them
    """
    troubled = {name: record for name, record in records.items() if record["problem"]}
    said = list(_said()) if troubled else []
    for name, record in troubled.items():
        # The supervise of a log knows no other name.
        names = re.escape(name) + ("|log" if record["problem"].startswith("log: ") else "")
        about = _about(names, said)
        if about:
            record["problem"] += f" ({about[-1]})"
    return records


def _excuse(path):
    """Return why a link may not have been seen, as far as the processes of svscan tell (Linux)."""
    folder, name = os.path.split(path)
    if watches(folder) is False:
        elsewhere = next(_running(), None)
        return f"no svscan runs on {folder}" + (f", but one on {elsewhere}" if elsewhere else "")
    if _found and _state(_found[0]) == "T":
        return f"svscan is stopped: kill -CONT {os.path.basename(_found[0])}"
    said = _about(re.escape(name), _said())
    return f"it said: {said[-1]}" if said else f"is svscan running on {folder}?"


def _about(names, said):
    """Return those messages that are about a service."""
    return [line for line in said if re.search(rf" ({names})[/:,]", line)]


def _said():
    """Yield the messages of svscan and supervise that are still shown."""
    for process in _processes():
        with contextlib.suppress(OSError):
            if _command(process) == "readproctitle" and _same_mounts(process):
                with open(f"{process}/cmdline", errors="replace") as file:
                    yield from _MESSAGE.findall(file.read().rpartition("service\0errors:\0")[2])


def _end(folder, timeout, kill):
    if not _supervise.answers(folder):
        return
    _supervise.order(folder, "dx")
    if _supervise.wait(folder, "unsupervised", timeout):
        return
    if kill:
        _supervise.order(folder, "k")
    if not kill or not _supervise.wait(folder, "unsupervised", KILLED):
        raise CommandExecutionError(f"{folder} did not end within {timeout} s of TERM")


def _running():
    """Yield where each svscan of this user, in this mount namespace, runs (Linux)."""
    for process in itertools.chain(_found, _processes()):
        try:
            mine = os.stat(process).st_uid == os.geteuid()
            if mine and _command(process) == "svscan" and _same_mounts(process):
                folder = os.readlink(f"{process}/cwd")
                if os.path.isdir(folder):
                    _found[:] = [process]
                    yield folder
        except OSError:
            continue


def _processes():
    if os.path.isdir("/proc"):
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            yield f"/proc/{pid}"


def _command(process):
    with open(f"{process}/comm") as file:
        return file.read().rstrip("\n")


def _state(process):
    with open(f"{process}/stat", errors="replace") as file:
        return file.read().rpartition(") ")[2][:1]


def _same_mounts(process):
    return os.readlink(f"{process}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
