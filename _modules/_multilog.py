"""
Logs that multilog writes, and their TAI64N stamps turned into time.

A log is a directory: ``current``, and older files that are named ``@STAMP.s`` (written safely to
disk) or ``@STAMP.u`` (cut off by an outage), where STAMP is the time at which they were finished.
"""

import contextlib
import datetime
import errno
import os
import re
import shlex
import signal
import stat
import threading
import time

import _check
import _supervise
from salt.exceptions import CommandExecutionError, SaltInvocationError

# "@ and 24 hexadecimal digits"
STAMP = re.compile(r"@([0-9a-f]{16})([0-9a-f]{8}) ?")
OLD = re.compile(r"@[0-9a-f]{24}\.[su]")
AGO = re.compile(r"(\d+)([smhdw])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BLOCK = 1 << 16
# For how many seconds to look for an expression.
PATIENCE = 30
# What is longer is no line of a log: the rest of it is left out.
LONGEST = 1 << 20
# The first words of a service of ours, and how much of a log is searched for them.
STARTING = "*** Starting "
TAIL = 1 << 13
# What opening a symbolic link without following it gives on Linux and OpenBSD, and on FreeBSD.
LINK = (errno.ELOOP, errno.EMLINK)


def read(directory, lines=20, since=None, grep=None):
    """
    Return the last lines of a log, each with its local time in front.

    directory
        The directory of the log.

    lines
        How many lines to return at most, or None for all.

    since
        Return nothing older: a time like ``2026-11-23T12:00``, or so long ago as ``45s``,
        ``30m``, ``1h``, ``2d``.

    grep
        Return only lines in which this regular expression is found.

    The log is read from its end, and no further back than needed.  Raises SaltInvocationError for
    a wrong argument, and CommandExecutionError if there is no log or it may not be read.
    """
    wanted = _limit(lines)
    start = moment(since) if since is not None else None
    pattern = _pattern(grep or "")
    found = []
    try:
        with _in_time(grep):
            for line in _since(start, directory):
                if len(found) == wanted:
                    break
                if pattern.search(line):
                    found.append(line)
    except OSError as error:
        raise CommandExecutionError(f"{directory}: {error.strerror}")
    return found[::-1]


@contextlib.contextmanager
def _in_time(grep):
    """
    Give up an expression that would take years to fit, such as ``(a+)+$``.

    Only the main thread can be interrupted; it is where Salt runs its jobs, if not told otherwise.
    """

    def give_up(*_):
        raise SaltInvocationError(f"grep: {grep!r} takes more than {PATIENCE} s")

    if not grep or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def decode(line):
    """
    Return the time of a line, in seconds since 1970, and its text with that time in front.

    A line without a stamp has the time None, and only its control characters are changed.

    Source: cr.yp.to/libtai/tai64.html; daemontools 0.76, tai64nlocal.c.
    """
    match = STAMP.match(line)
    seconds = int(match[1], 16) - _supervise.TAI_OFFSET if match else -1
    text = visible(line)
    if not 0 <= seconds < 1 << 37:
        return None, text
    nanoseconds = int(match[2], 16)
    moment = datetime.datetime.fromtimestamp(seconds).astimezone()
    moment = moment.replace(microsecond=nanoseconds // 1000 % 1000000)
    stamp = moment.isoformat(" ", "milliseconds")
    return seconds + nanoseconds / 1e9, f"{stamp} {text[match.end() :]}"


def visible(text):
    """Return a text as it may be shown on one line of a terminal."""
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(char):
    """Return a character as it may be shown: what is not seen could steer, or turn a line round."""
    if char.isprintable() or char == "\t":
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def blocks(directory, since):
    """
    Yield what a log holds since a moment in pieces of whole lines, from the oldest on, in bytes.

    since
        In seconds since 1970; a file that was finished before is not read.
    """
    seen = set()
    for name in _names(directory, f"@{int(since) + _supervise.TAI_OFFSET:016x}"):
        descriptor = _open(directory, name)
        if descriptor is None:
            continue
        with open(descriptor, "rb", buffering=0) as file:
            inode = os.fstat(descriptor).st_ino
            rest = b""
            while inode not in seen and (more := file.read(BLOCK << 4)):
                whole, end, rest = (rest + more).rpartition(b"\n")
                rest = rest[:LONGEST]
                yield whole + end
            seen.add(inode)
            yield rest


def _names(directory, start):
    """Yield the names of the files of a log from one on, also of one that is finished meanwhile."""
    names = [name for name in finished(directory) if name >= start]
    yield from [*names, "previous", "current"]
    yield from [name for name in finished(directory) if name >= start and name not in names]


def starts(directory, size=TAIL):
    """
    Return when a service of ours was started, and the last line that it wrote otherwise.

    directory
        The directory of the log.

    size
        How many bytes of its end to search; what was in finished files is not known.

    Returns a list of seconds since 1970, empty where the log does not tell, and a text without
    its stamp.  Raises OSError or CommandExecutionError where the log cannot be read.
    """
    descriptor = _open(directory, "current")
    if descriptor is None:
        return [], ""
    with open(descriptor, "rb", buffering=0) as file:
        file.seek(-min(size, file.seek(0, os.SEEK_END)), os.SEEK_END)
        lines = _text(file.read(size)).split("\n")
    moments, last = [], ""
    for line in lines:
        match = STAMP.match(line)
        if match and line.startswith(STARTING, match.end()):
            moments.append(int(match[1], 16) - _supervise.TAI_OFFSET + int(match[2], 16) / 1e9)
        elif match:
            last = visible(line[match.end() :])
    return moments, last


def finished(directory):
    """
    Return the names of the finished files of a log, the oldest first.
    """
    return sorted(name for name in os.listdir(directory) if OLD.fullmatch(name))


def is_logged(service):
    """Tell whether a service has a logger at all; pillar may say that it has none."""
    return os.path.lexists(os.path.join(service, "log", "run"))


def directory(service):
    """
    Return the directory to which the logger of a service writes, as its ``log/run`` says.

    service
        The service directory.

    Raises CommandExecutionError if there is no such script or it does not say.
    """
    logger = os.path.join(service, "log")
    try:
        with open(os.path.join(logger, "run"), encoding="utf-8", errors="replace") as file:
            script = file.read()
    except (FileNotFoundError, NotADirectoryError):
        there = os.path.exists(service)
        raise CommandExecutionError("it has no logger (no log/run)" if there else "no such service")
    except OSError as error:
        raise CommandExecutionError(f"{logger}: its run script cannot be read ({error})")
    named = told(script)
    if named is None:
        raise CommandExecutionError(f"{logger}: its run script does not say where multilog writes")
    return os.path.normpath(os.path.join(logger, named))


def told(script):
    """Return the directory that a script tells multilog to write to, or None."""
    try:
        words = shlex.split(script, comments=True)
    except ValueError:
        return None
    # multilog(8): an action that "starts with a dot or slash" is a directory.
    actions = words[words.index("multilog") :] if "multilog" in words else []
    return next((action for action in actions if action.startswith((".", "/"))), None)


def rotate(service, timeout=5):
    """
    Let the logger of a service finish its current file now.

    service
        The service directory.

    timeout
        How many seconds to wait for the finished file at most.

    Returns the name of the file, or None if ``current`` was empty.  Raises CommandExecutionError
    if the logger cannot be reached or does nothing.
    """
    folder = directory(service)
    before = finished(folder)
    if not os.lstat(os.path.join(folder, "current")).st_size:
        return None
    _supervise.order(os.path.join(service, "log"), "a")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        new = set(finished(folder)) - set(before)
        if new:
            return max(new)
        time.sleep(0.02)
    raise CommandExecutionError(f"{folder}: multilog did not finish a file within {timeout} s")


def _limit(lines):
    if lines is None or (type(lines) is int and lines >= 0):
        return lines
    raise SaltInvocationError(
        f"lines: expected a whole number of at least 0 or none, got {_check.got(lines)}"
    )


def _pattern(grep):
    try:
        return re.compile(grep)
    except (re.error, TypeError) as error:
        got = _check.got(grep)
        raise SaltInvocationError(f"grep: expected a regular expression, got {got} ({error})")


def moment(text, what="since", ahead=None):
    """
    Return a time that somebody has typed in seconds since 1970: 2026-11-23T12:00, 30m, 1h, 2d.

    what
        the argument that it is
    ahead
        of which moment ``1h`` is an hour ahead; without it, it is an hour ago

    Raises SaltInvocationError for anything else.
    """
    short = AGO.fullmatch(str(text))
    try:
        if short:
            seconds = int(short[1]) * SECONDS[short[2]]
            found = time.time() - seconds if ahead is None else ahead + seconds
        else:
            found = datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
        # Nobody could be told of one that no calendar has.
        said(found)
    except (ValueError, OverflowError, OSError):
        raise SaltInvocationError(
            f"{what}: expected a time like 45s, 30m, 1h, 2d or 2026-11-23T12:00, "
            f"got {_check.got(text)}"
        )
    return found


def said(moment):
    """Return a moment, in seconds since 1970, as it is shown to the minute."""
    return datetime.datetime.fromtimestamp(int(moment)).astimezone().isoformat(" ", "minutes")


def _since(start, directory):
    """
    Yield the lines of a log since a moment, or all, as they are shown, from the last to the first.

    A clock that was wrong for a while, as after a boot, has written older ones between them: only
    where a whole file has nothing else all before it is older.
    """
    # A line without a stamp is as old as the one after it.
    inside = True
    for lines in _files_backwards(directory):
        seen = set()
        for line in lines:
            seconds, text = decode(line)
            if seconds is not None:
                inside = not start or seconds >= start
                seen.add(inside)
            if inside:
                yield text
        if seen == {False}:
            return


def _files_backwards(directory):
    """Yield the lines of each file of a log, backwards, though it may be rotated meanwhile."""
    seen = set()
    yield _file_backwards(directory, "current", seen)
    names = finished(directory)
    # multilog(8) feeds "previous" through its processor before it becomes the next old file.
    for name in ["previous", *reversed(names)]:
        yield _file_backwards(directory, name, seen)


def _file_backwards(directory, name, seen):
    descriptor = _open(directory, name)
    if descriptor is None:
        return
    with open(descriptor, "rb", buffering=0) as file:
        inode = os.fstat(descriptor).st_ino
        if inode in seen:
            return
        seen.add(inode)
        position, rest = file.seek(0, os.SEEK_END), b""
        while position:
            size = min(BLOCK, position)
            position = file.seek(position - size)
            first, *lines = file.read(size).split(b"\n")
            if lines:
                lines[-1] += rest
                yield from (_text(line) for line in reversed(lines) if line)
            rest = first + (b"" if lines else rest[: LONGEST - len(first)])
        if rest:
            yield _text(rest)


def _text(line):
    return line.decode("utf-8", "backslashreplace")


def _open(directory, name):
    """
    Open a file of a log, or return None if there is none.

    The account that writes the log is not trusted: with a link it could show its readers, and root
    is one, what it may not read itself, or let them wait with a FIFO.
    """
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        status, owner = os.fstat(descriptor), os.fstat(folder).st_uid
        if stat.S_ISREG(status.st_mode) and status.st_uid == owner:
            return descriptor
        os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in LINK:
            raise
    finally:
        os.close(folder)
    raise CommandExecutionError(f"{directory}/{name} is not a file of the owner of that directory")
