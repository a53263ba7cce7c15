"""What keeps a service from serving though it is up, as far as its scripts tell."""

import functools
import os
import pwd
import re

import _multilog
import _tcpserver

# A logger without room waits, and with it whatever it reads from.
ROOM = 1 << 16
_EXEC = re.compile(r"^exec (.*)$", re.MULTILINE | re.DOTALL)
_ACCOUNT = re.compile(r"\bsetuidgid\s+(\S+)")


def look(folder, record):
    """
    Return how many clients a service has, how many it may have, and what keeps it from its work.

    folder
        a service directory, or a link to one
    record
        what its processes do, as `_supervise.read` returns it

    Each is None where there is none: clients without a process, both without a tcpserver.
    """
    cdb, program, limit, _ = _needed(folder, record["pid"], record["since"])
    clients = _tcpserver.clients(record["pid"]) if limit and record["pid"] else None
    if record["want"] != "up":
        return clients, limit, None
    problem = _missing(cdb, program) if cdb or program else None
    if not problem and record["log"]:
        said = _log_problem(folder, record["log"])
        problem = said and f"log: {said}"
    if not problem and limit and clients is not None and clients >= limit:
        problem = (
            f"all {limit} places are taken: the next client waits (raise tcpserver: concurrency)"
        )
    return clients, limit, problem


def _missing(cdb, program):
    if cdb and not os.path.exists(cdb):
        return f"there is no {cdb}, so every client is dropped (apply its rules, or make it)"
    if program and not os.access(program, os.X_OK):
        return (
            f"{program} is not there, or cannot be executed, so every client is dropped "
            "(install its package)"
        )
    return None


def port(folder, record):
    """Return where the tcpserver of a service listens, as its script has it, or None."""
    return _needed(folder, record["pid"], record["since"])[3]


@functools.lru_cache(maxsize=4096)
def _needed(folder, _pid, _since):
    """
    Return what the process of a service goes by: a cdb, a program, places, and a port.

    Each is None where the script does not say; it is read again for another process only.
    """
    script = _script(folder)
    options, words = _tcpserver.told(script)
    options, limit = dict(options), None
    if words:
        limit = int(options.get("-c", _tcpserver.PLACES))
    else:
        # Of a chain of programs, only the last one is written with its path.
        found = _EXEC.search(script)
        words = ["", None, *(found[1].split() if found else [])]
    program = next((word for word in words[2:] if word.startswith("/")), None)
    return options.get("-x"), program, limit, words[1]


@functools.lru_cache(maxsize=4096)
def _written(logger, _pid, _since):
    """Return the directory that a logger writes to, and as whom, if its script says."""
    script = _script(logger)
    account = _ACCOUNT.search(script)
    return _multilog.told(script), account and account[1]


def _script(folder):
    try:
        with open(os.path.join(folder, "run"), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _log_problem(folder, record):
    logger = os.path.join(folder, "log")
    directory, account = _written(logger, record["pid"], record["since"])
    if not directory:
        return None
    directory = os.path.normpath(os.path.join(logger, directory))
    try:
        room = os.statvfs(directory)
    except FileNotFoundError:
        return f"there is no {directory} to write to (apply its state)"
    except OSError:
        return None
    if room.f_flag & os.ST_RDONLY:
        return f"{directory} is on a file system that cannot be written (mount it anew)"
    if room.f_bavail * room.f_frsize < ROOM or (room.f_files and not room.f_favail):
        return f"no space is left for {directory}, and the service waits for it (df {directory})"
    if account and not _may_write(directory, account):
        return (
            f"{directory} does not belong to {account}, who writes it "
            f"(chown -R {account} {directory})"
        )
    return None


def _may_write(directory, account):
    try:
        uid = pwd.getpwnam(account).pw_uid
    except KeyError:
        return False
    status = os.stat(directory)
    return status.st_uid == uid and bool(status.st_mode & 0o300 == 0o300)
