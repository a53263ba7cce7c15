"""
The system's journal: what was told the system log, and by whom, as journald itself has seen it.

Everybody may tell it anything under any name; only fields that begin with ``_`` have another
source: the kernel ("trusted fields", systemd.journal-fields(7)).
"""

import json
import os
import subprocess
import typing

import _multilog

PROGRAM = "journalctl"
# What the system log is asked by, and where that leads when the journal has it.
SOCKET, JOURNAL = "/dev/log", "/run/systemd/journal/dev-log"
FIELDS = ["MESSAGE", "_PID", "_UID", "_SYSTEMD_CGROUP", "_SOURCE_REALTIME_TIMESTAMP"]


class JournalError(Exception):
    """There is no journal that could be read, and why."""


class Entry(typing.NamedTuple):
    """What was told: when, in seconds since 1970, by which process, and a text for one line."""

    moment: float
    pid: str
    uid: str
    group: str
    text: str


def read(name, since):
    """
    Yield what the journal has been told under a name since a moment, the oldest first.

    name
        what a program gave as its own, or what somebody else gave as such

    since
        in seconds since 1970

    A text of 4096 bytes or more is empty: journalctl leaves it out.  Raises JournalError where the
    journal is not there or not told, or may not be read.
    """
    if os.path.realpath(SOCKET) != JOURNAL:
        raise JournalError(f"{SOCKET} is not the journal's here")
    options = [f"--identifier={name}", f"--since=@{int(since)}"]
    known = False
    for line in _lines([*options, f"--output-fields={','.join(FIELDS)}"]):
        known = True
        yield _entry(json.loads(line))
    if not known and not any(_lines(["--lines=1"])):
        raise JournalError("the journal has nothing that can be read here")


def _lines(options):
    """Yield what journalctl prints, a line for each entry."""
    command = [PROGRAM, "--quiet", "--no-pager", "--output=json", *options]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise JournalError(f"there is no {PROGRAM} here ({error.strerror})")
    with process:
        try:
            yield from process.stdout
            said = process.stderr.read().decode(errors="replace").strip()
            if process.wait():
                raise JournalError(f"{PROGRAM} failed ({_multilog.visible(said)})")
        finally:
            process.kill()


def _entry(fields):
    stamp = fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"]
    trusted = (str(fields.get(name, "")) for name in FIELDS[1:4])
    return Entry(int(stamp) / 1e6, *trusted, _multilog.visible(_text(fields.get("MESSAGE"))))


def _text(message):
    """Return a message, which is a list of numbers where its bytes are no text."""
    if isinstance(message, list):
        try:
            return bytes(message).decode("utf-8", "backslashreplace")
        except (TypeError, ValueError):
            return ""
    return message or ""
