"""
Events of services under daemontools: one when a service has become something else, and stayed so.

What a service is: ``up``; ``down``, though it is meant to be up; ``flapping``, where it dies again
and again; ``full``, where no place is left; ``log``, where its logger is in trouble; ``trouble``,
anything else that `daemontools.problems` tells.  docs/fleet.md describes tag and data.

All is in this file: Salt makes a beacon anew when it has been synced, in a process that lives on,
where a file beside it would stay the old one.
"""

import contextlib
import json
import os
import time

from salt.exceptions import CommandExecutionError

# So many starts within so many seconds are too many.
STARTS, WINDOW = 3, 60
# Seconds for which a service must have been something else.
SETTLE = 10
# Of its log.
LINES = 5


def validate(config):
    """Return whether the settings make sense, and why not."""
    settle = _settings(config).get("settle", SETTLE)
    if isinstance(settle, bool) or not isinstance(settle, (int, float)) or settle < 0:
        return False, f"daemontools: settle: expected a number of seconds, got {settle!r}"
    return True, "valid"


def beacon(config):
    """Return an event for each service that has become something else."""
    path = os.path.join(__opts__["cachedir"], "daemontools-beacon.json")
    memory, now = _remembered(path), time.time()
    try:
        records = __salt__["daemontools.show"]()
    except CommandExecutionError:
        # Nobody knows: that is no event.
        return []
    seen = {name: look(record, memory.get(name), now) for name, record in records.items()}
    settle = _settings(config).get("settle", SETTLE)
    events = []
    for name in sorted(seen):
        if is_news(seen[name], settle, now):
            events.append({**event(name, records[name], seen[name]), "lines": _lines(name)})
            seen[name]["told"] = seen[name]["found"]
    if seen != memory:
        _remember(path, seen)
    return events


def look(record, before, now):
    """
    Return what is to be remembered of a service, after one more look at it.

    before
        what was remembered of it, or None

    ``found`` is what it is, ``since`` when that began, ``told`` what has been told of it, and
    ``starts`` when it was started lately, by the words of its record.
    """
    # What is well at first sight is nothing to tell.
    before = before or {"found": None, "told": "up", "starts": {}}
    starts = dict(before["starts"])
    if record["pid"] and record["seconds"] is not None:
        starts.setdefault(record["since"], now - record["seconds"])
    starts = {since: moment for since, moment in starts.items() if now - WINDOW < moment}
    found = what(record, len(starts))
    since = before["since"] if found == before["found"] else now
    return {"found": found, "since": since, "told": before["told"], "starts": starts}


def what(record, starts):
    """Return what a service is, in a word; `starts` is how often it was started lately."""
    problem = record["problem"] or ""
    if starts >= STARTS or problem.startswith("dies again and again"):
        return "flapping"
    if problem.startswith("log: "):
        return "log"
    if record["limit"] is not None and (record["clients"] or 0) >= record["limit"]:
        return "full"
    if not problem:
        return "up"
    return "trouble" if record["state"] == "up" else "down"


def is_news(seen, settle, now):
    """Tell whether a service is something else than was told, and has been so for long enough."""
    settled = seen["found"] == "flapping" or now - seen["since"] >= settle
    return seen["found"] != seen["told"] and settled


def event(name, record, seen):
    """Return what is told of a service, but for the end of its log."""
    starts = seen["starts"].values()
    return {
        "tag": f"{name}/{seen['found']}",
        "service": name,
        "is": seen["found"],
        "was": seen["told"],
        "problem": record["problem"],
        "starts": len(starts),
        "seconds": round(max(starts) - min(starts)) if starts else 0,
        "clients": record["clients"],
        "limit": record["limit"],
    }


def _settings(config):
    """Return settings as one mapping, whether pillar has a list of them or one."""
    parts = [config] if isinstance(config, dict) else config
    return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}


def _lines(name):
    with contextlib.suppress(CommandExecutionError, OSError):
        return __salt__["daemontools.log"](name, lines=LINES)
    return []


def _remembered(path):
    """Return what was remembered: in a file, for Salt forgets its beacons at each refresh."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _remember(path, seen):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(seen, file)
    os.replace(f"{path}.new", path)
