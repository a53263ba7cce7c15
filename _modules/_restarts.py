"""
Services that die again and again, as far as their logs tell.

supervise starts what dies once a second for ever, and says only when it did so last: one look
cannot tell a new service from a dying one.
"""

import operator
import os
import time

import _listener
import _multilog
import _serving
from salt.exceptions import CommandExecutionError

# Seconds for which a process must have been up not to be looked at any closer.
YOUNG = 10
# So many starts within so many seconds are too many.
MANY, WINDOW = 3, 60
# Seconds by which the lives of a process that dies by the clock differ.
SLACK = 0.5
LONGEST = 160


def problem(folder, record):
    """
    Return what is wrong with a service by its record, and by its log where its processes are young.

    folder
        its directory, or a link to it
    record
        as `_supervise.read` returns it, whose own judgement stands where the log tells nothing
    """
    log = record["log"]
    if not log or not (_is_young(record) or _is_young(log)):
        return record["problem"]
    try:
        directory = _multilog.directory(folder)
        moments, last = _multilog.starts(directory)
        written = os.stat(os.path.join(directory, "current")).st_mtime
    except (OSError, CommandExecutionError):
        return record["problem"]
    now = time.time()
    recent = [moment for moment in moments if now - WINDOW < moment <= now]
    own = _of_itself(folder, record, recent and (recent, last, now))
    if own or not log["problem"]:
        return own
    # What has written since it was started does its work.
    works = _is_young(log) and log["pid"] and written >= now - log["seconds"] - 1
    return None if works else f"log: {log['problem']}"


def _of_itself(folder, record, told):
    problem = record["problem"]
    own = None if (problem or "").startswith("log: ") else problem
    if not told or not _is_young(record):
        return own
    recent, last, now = told
    if len(recent) >= MANY and not (record["pid"] and _outlives(recent, now)):
        seconds = max(1, round(now - recent[0]))
        count = f"{len(recent)} starts in {seconds} s"
        return f"dies again and again: {count}{_end(folder, record, last)}"
    if not record["pid"]:
        return f"{own}{_end(folder, record, last)}"
    # What dies before it has said a word has an old start at the end of its log.
    return None if recent[-1] >= now - record["seconds"] - 2 else own


def _outlives(recent, now):
    """Tell whether the last process has lived longer than all before it: it may be well."""
    return now - recent[-1] > max(map(operator.sub, recent[1:], recent)) + SLACK


def _end(folder, record, last):
    """Return the end of the log as a phrase, and who holds the port if that is what it tells of."""
    port = _serving.port(folder, record) if "unable to bind" in last else None
    held = _listener.holder(port) if port else ""
    said = f"; its log ends with: {last[:LONGEST]}" if last else ""
    return f"; {held}{said}" if held else said


def _is_young(record):
    """Tell whether a process is wanted, and there is none, or has not been for long."""
    if record["want"] != "up" or record["state"] not in ("up", "down"):
        return False
    return record["state"] == "down" or record["seconds"] < YOUNG
