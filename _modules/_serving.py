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


def problem(folder):
    """
    Return what keeps the service of a directory, or its log, from its work, or None.

    folder
        a service directory, or a link to one
    """
    cdb, program = _needed(_script(folder))
    if cdb and not os.path.exists(cdb):
        return f"there is no {cdb}, so every client is dropped (apply its rules, or make it)"
    if program and not os.access(program, os.X_OK):
        return f"{program} is not there, or cannot be executed, so every client is dropped"
    said = _log_problem(folder)
    return f"log: {said}" if said else None


def _script(folder):
    """Return the text of a run script; it is read again only when it has changed."""
    path = os.path.join(folder, "run")
    try:
        status = os.stat(path)
        return _text(path, status.st_mtime_ns, status.st_ino)
    except OSError:
        return ""


@functools.lru_cache(maxsize=4096)
def _text(path, _modified, _inode):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


@functools.lru_cache(maxsize=4096)
def _needed(script):
    """Return the cdb of the tcpserver in a script, and the program that it ends in, if known."""
    options, words = _tcpserver.told(script)
    if not words:
        # Of a chain of programs, only the last one is written with its path.
        found = _EXEC.search(script)
        words = ["", "", *(found[1].split() if found else [])]
    program = next((word for word in words[2:] if word.startswith("/")), None)
    return dict(options).get("-x"), program


@functools.lru_cache(maxsize=4096)
def _written(script):
    """Return the directory that the logger in a script writes to, and as whom, if known."""
    account = _ACCOUNT.search(script)
    return _multilog.told(script), account and account[1]


def _log_problem(folder):
    logger = os.path.join(folder, "log")
    directory, account = _written(_script(logger))
    if not directory:
        return None
    directory = os.path.normpath(os.path.join(logger, directory))
    try:
        room = os.statvfs(directory)
    except FileNotFoundError:
        return f"there is no {directory} to write to"
    except OSError:
        return None
    if room.f_flag & os.ST_RDONLY:
        return f"{directory} is on a file system that cannot be written"
    if room.f_bavail * room.f_frsize < ROOM or (room.f_files and not room.f_favail):
        return f"no space is left for {directory}, and the service waits for it"
    if account and not _may_write(directory, account):
        return f"{directory} does not belong to {account}, who writes it"
    return None


def _may_write(directory, account):
    try:
        uid = pwd.getpwnam(account).pw_uid
    except KeyError:
        return False
    status = os.stat(directory)
    return status.st_uid == uid and bool(status.st_mode & 0o300 == 0o300)
