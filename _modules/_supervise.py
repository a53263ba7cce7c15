"""
One directory under supervise: what it is doing, and one-letter orders to it.

The layout is that of daemontools 0.76, supervise.c: ``supervise/ok`` and ``supervise/control`` are
FIFOs that supervise keeps open, ``supervise/status`` is a file that it replaces at every change.
No process is started and nothing here can block.
"""

import datetime
import errno
import functools
import os
import stat
import struct
import time

from salt.exceptions import CommandExecutionError

# "TAI64: 2^62 + seconds of TAI"; daemontools takes TAI to be 10 seconds ahead of Unix time, always.
TAI_OFFSET = 2**62 + 10
# Big-endian seconds and nanoseconds, little-endian pid, paused, wanted.
STATUS = struct.Struct(">QI4sBB")
WANT = {ord("u"): "up", ord("d"): "down"}
# daemontools-encore writes a longer file, with a state in its nineteenth byte and then a zero.
ENCORE_STATES = {("up", 1): "starting", ("down", 5): "failed"}
ENCORE_LOG = slice(20, 40)
LETTERS, ENCORE_LETTERS = "udopchaitkx", "q12w"

# Where there is no O_PATH, opening a directory for reading does as well.
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
LISTEN = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW
POLL = 0.02
STABLE = 2
FLAPPING = 5
# For how many seconds a process of which nothing more is known must have been up to count as up:
# supervise takes one to notice that a process has died.
UNSEEN = 3

REFUSED = {
    errno.ENOENT: "unsupervised",
    errno.ENXIO: "unsupervised",
    errno.ENOTDIR: "unsupervised",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
}


def decode(data, now):
    """
    Return what the bytes of a status file say, or None if they cannot be one.

    data
        At least the 18 bytes of daemontools; of the 20 or 40 that daemontools-encore writes, the
        first 18 mean the same.

    now
        The time to count from, in seconds since 1970.

    Source: daemontools 0.76, supervise.c and svstat.c; daemontools-encore 1.11, svstatus.h.
    """
    if len(data) < STATUS.size:
        return None
    seconds, nanoseconds, pid, paused, want = STATUS.unpack_from(data)
    since = seconds - TAI_OFFSET + nanoseconds / 1e9
    if not 0 <= since < 1 << 37:
        return None
    pid = int.from_bytes(pid, "little") or None
    state = "down" if pid is None else "paused" if paused else "up"
    if len(data) > STATUS.size:
        state = ENCORE_STATES.get((state, _encore_state(data)), state)
    return {
        "state": state,
        "pid": pid,
        "since": _date(int(since)),
        "seconds": max(0, int(now - since)),
        "want": WANT.get(want, "once" if pid else None),
    }


def _encore_state(data):
    return data[18] if len(data) > 18 and not any(data[19:20]) else None


def program(directory):
    """
    Return the service of which a path is the logger, if that is a program and no directory.

    With daemontools-encore, ``log`` may be one: the same supervise then runs both.
    """
    service, name = os.path.split(os.path.normpath(directory))
    return service if name == "log" and os.path.isfile(directory) else None


def read(directory):
    """
    Return the record of the service in a directory.

    directory
        A service directory, or a link to one; or the logger of a service, a program.

    The record has ``state`` (up, starting, down, paused, failed, unsupervised, missing, denied,
    unreadable), ``pid``, ``since``, ``seconds``, ``want`` (up, down, once), ``enabled``,
    ``problem`` (one phrase or None), and ``log``, the same for the logger or None if there is none.
    """
    service = program(directory)
    record = _read_service(None, service or directory, time.time())
    record = record["log"] if service and record else record
    return (record or _without_status("missing")) | ({"log": None} if service or not record else {})


def letters(directory):
    """Return the letters of the orders that the supervise of a directory knows."""
    data = _read_one(None, program(directory) or directory, time.time())[1]
    return LETTERS + (ENCORE_LETTERS if _encore_state(data) is not None else "")


def read_all(directory):
    """
    Return the records of all services in a scan directory, by name.

    directory
        The directory that svscan watches.  What svscan skips is left out: names that begin with a
        dot, and files.
    """
    now = time.time()
    scan = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        names = sorted(name for name in os.listdir(scan) if not name.startswith("."))
        records = {name: _read_service(scan, name, now) for name in names}
    finally:
        os.close(scan)
    return {name: record for name, record in records.items() if record}


def older(directory, files):
    """
    Return whether the process of a service is older than one of some files.

    directory
        A service directory; without a process in it the answer is False.

    files
        Paths; those that do not exist are not looked at.
    """
    try:
        with open(os.path.join(directory, "supervise/status"), "rb") as status:
            seconds, nanoseconds, pid, _, _ = STATUS.unpack(status.read(STATUS.size))
    except (OSError, struct.error):
        return False
    since = seconds - TAI_OFFSET + nanoseconds / 1e9
    written = [os.lstat(path).st_mtime for path in files if os.path.lexists(path)]
    return any(pid) and max(written, default=0) > since


def answers(directory):
    """
    Return whether a supervise runs in a directory.
    """
    try:
        folder = program(directory) or directory
        os.close(os.open(os.path.join(folder, "supervise/ok"), LISTEN))
    except OSError:
        return False
    return True


def order(directory, letters):
    """
    Give orders to the supervise of a directory.

    directory
        A service directory.

    letters
        The letters of svc(8), carried out from left to right: u up, d down, o once, p pause,
        c continue, h HUP, a ALRM, i INT, t TERM, k KILL, x exit; with daemontools-encore also
        q QUIT, 1 USR1, 2 USR2, w WINCH.

    Returns True when supervise has them.  Raises CommandExecutionError when it cannot be reached.
    """
    service = program(directory)
    if service:
        # "L" lets what follows be for the logger, and "l" what comes then for the service.
        directory, letters = service, f"L{letters}l"
    try:
        control = os.open(os.path.join(directory, "supervise/control"), LISTEN)
        try:
            return _give(control, letters)
        finally:
            os.close(control)
    except OSError as error:
        state = REFUSED.get(error.errno)
        if state == "unsupervised":
            state = read(directory)["state"]
        raise CommandExecutionError(PROBLEMS.get(state) or error.strerror)


def wait(directory, state, seconds):
    """
    Wait until a service is in a state, and return whether it is.

    directory
        A service directory.

    state
        ``down`` (no process), ``wanted up``, ``supervised`` (its log too, if it has one) or
        ``unsupervised``.

    seconds
        How long to wait at most.
    """
    return _within(seconds, lambda: _is(directory, state))


def ends(directory, pid, seconds):
    """Wait so many seconds at most until a process of a service ends, and return whether it has."""
    return _within(seconds, lambda: read(directory)["pid"] != pid)


def settle(directory, stable_for, seconds, unlike=None, ready=None):
    """
    Wait until a service stays up, and return its last record.

    directory
        A service directory.

    stable_for
        For how many seconds it must have been up with the same pid.

    seconds
        How long to wait at most; it ends sooner when the service is started again and again.

    unlike
        A pid that does not count: that of the process which is to be replaced.

    ready
        A function that tells of a pid whether it does its work, or returns None where nothing
        tells: it must then have been up for UNSEEN seconds.

    The record has two more keys: ``stable``, and ``starts``, the number of pids that were seen.
    """
    begun = started = time.monotonic()
    pids = [unlike]
    while True:
        record, now = read(directory), time.monotonic()
        if record["pid"] and record["pid"] != pids[-1]:
            pids.append(record["pid"])
            started = now
        up = record["state"] == "up" and record["pid"] != unlike
        works = ready(record["pid"]) if up and ready else True
        needed = max(stable_for, UNSEEN) if works is None else stable_for
        stable = up and works is not False and max(record["seconds"], now - started) >= needed
        if stable or now - begun >= seconds or len(pids) > FLAPPING:
            return record | {"stable": stable, "starts": len(pids) - 1}
        time.sleep(POLL)


def _within(seconds, reached):
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True


def _is(directory, state):
    if state == "down":
        return read(directory)["pid"] is None
    if state == "wanted up":
        return read(directory)["want"] == "up"
    if state == "unsupervised":
        return not answers(directory)
    log = os.path.join(directory, "log")
    return answers(directory) and (answers(log) or not os.path.exists(log))


@functools.lru_cache(maxsize=1024)
def _date(seconds):
    return datetime.datetime.fromtimestamp(seconds).astimezone().isoformat(" ")


def _give(control, letters):
    if not stat.S_ISFIFO(os.fstat(control).st_mode):
        raise CommandExecutionError("supervise/control is not a FIFO")
    return os.write(control, letters.encode("ascii")) == len(letters)


def _read_service(parent, name, now):
    record, data = _read_one(parent, name, now)
    if not data:
        # Only now is it worth a look whether there is such a directory at all.
        try:
            os.close(os.open(name, FOLDER, dir_fd=parent))
        except NotADirectoryError:
            return None
        except OSError as error:
            state = "denied" if error.errno == errno.EACCES else "missing"
            return _without_status(state) | {"log": None}
    record["log"] = log = _read_log(parent, name, data, now)
    if log and log["problem"] and not record["problem"]:
        record["problem"] = f"log: {log['problem']}"
    return record


def _read_log(parent, name, data, now):
    # Of a logger that is a program; the same "down" is for both.
    inner = decode(data[ENCORE_LOG], now) if len(data) > STATUS.size else None
    if inner:
        enabled = not os.access(f"{name}/down", os.F_OK, dir_fd=parent)
        return _judged(inner | {"enabled": enabled})
    if os.access(f"{name}/log", os.F_OK, dir_fd=parent):
        return _read_one(parent, f"{name}/log", now)[0]
    return None


def _read_one(parent, name, now):
    alive = False
    try:
        os.close(os.open(f"{name}/supervise/ok", LISTEN, dir_fd=parent))
        alive = True
        status = os.open(f"{name}/supervise/status", os.O_RDONLY | os.O_NONBLOCK, dir_fd=parent)
        try:
            data = os.read(status, 64)
        finally:
            os.close(status)
    except OSError as error:
        state = REFUSED.get(error.errno, "unreadable")
        return _without_status("unreadable" if alive and state != "denied" else state), b""
    record = decode(data, now)
    if record is None:
        return _without_status("unreadable"), b""
    record["enabled"] = not os.access(f"{name}/down", os.F_OK, dir_fd=parent)
    return _judged(record), data


def _without_status(state):
    record = dict.fromkeys(("pid", "since", "seconds", "want", "enabled"))
    return _judged({"state": state} | record)


PROBLEMS = {
    "paused": "paused",
    "starting": "its start script has not ended",
    "failed": "failed: run exited with 100, or start did not succeed",
    "unsupervised": "not supervised (is svscan running?)",
    "missing": "no such service",
    "denied": "permission denied",
    "unreadable": "supervise/status is missing or not a status file",
}


def _judged(record):
    """Add the problem: what is differs from what is wanted."""
    state, want = record["state"], record["want"]
    problem = PROBLEMS.get(state)
    if state == "up" and want == "down":
        problem = "wanted down but up"
    elif state == "up" and record["seconds"] < STABLE:
        problem = f"just started, or flapping (up for less than {STABLE} s)"
    elif state == "down" and want == "up":
        problem = "wanted up but down"
    elif state == "down" and want == "down" and record["enabled"]:
        problem = "down since somebody stopped it, and starts at the next boot"
    record["problem"] = problem
    return record
