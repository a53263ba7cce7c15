"""
Events of services under daemontools: one when a service has become something else, and stayed so.

What a service is: ``up``; ``down``, though it is meant to be up; ``flapping``, where it dies again
and again; ``full``, where no place is left; ``log``, where its logger is in trouble; ``trouble``,
anything else that `daemontools.problems` tells.  A certificate is one more, which is ``up``, or
``ends`` soon; an account of pillar as well, and then it has ``ended``.  Whoever is banned is one
event.  docs/fleet.md describes tag and data.

All is in this file: Salt makes a beacon anew when it has been synced, in a process that lives on,
where a file beside it would stay the old one.
"""

import contextlib
import datetime
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
# Before its end a certificate, or an account, is told of, in days; the first is looked at again
# after so many seconds.
DAYS, EVERY = 14, 3600
# So often accounts are looked at, and it is asked who is banned; of so many is told who they are.
OFTEN, MOST = 60, 20
# No service is called like these.
CERTIFICATE, ACCOUNTS, BANS = "/certificate", "/accounts", "/bans"
# What could not be written down, for a disk that is full is when there is something to tell.
_UNWRITTEN = {}


def validate(config):
    """Return whether the settings make sense, and why not."""
    for name, unit in (("settle", "seconds"), ("days", "days")):
        number = _settings(config).get(name, 0)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not number >= 0:
            return False, f"daemontools: {name}: expected a number of {unit}, got {number!r}"
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
    days = _settings(config).get("days", DAYS)
    events += _certificate(memory.get(CERTIFICATE), seen, days, now)
    events += _accounts(memory.get(ACCOUNTS), seen, days, now)
    events += _bans(memory.get(BANS), seen, now)
    if seen != memory or _UNWRITTEN:
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
    # A clock that was set back leaves some in what is to come.
    starts = {since: moment for since, moment in starts.items() if abs(now - moment) < WINDOW}
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
    settled = seen["found"] == "flapping" or not 0 <= now - seen["since"] < settle
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


def _certificate(before, seen, days, now):
    """Return an event if the certificate has come near its end, or is another one."""
    before = before or {"told": "up", "asked": 0}
    seen[CERTIFICATE] = before
    if 0 <= now - before["asked"] < EVERY or "ftpgw.certificate" not in __salt__:
        return []
    until = __salt__["ftpgw.certificate"]().get("until")
    found = "up" if until is None or until - now >= days * 86400 else "ends"
    seen[CERTIFICATE] = {"told": found, "asked": now}
    if found == before["told"]:
        return []
    problem = None
    if found == "ends":
        problem = f"the certificate ends in {int((until - now) // 86400)} days"
    told = {"tag": f"certificate/{found}", "service": "certificate", "is": found}
    return [{**told, "was": before["told"], "problem": problem}]


def _accounts(before, seen, days, now):
    """Return an event for each account that has come near its end, passed it, or has another."""
    before = before or {"told": {}, "asked": 0}
    seen[ACCOUNTS] = before
    if 0 <= now - before["asked"] < OFTEN:
        return []
    today = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).date()
    ends = _ends(__pillar__.get("ftpgw"))
    left = {name: (until - today).days for name, until in ends.items()}
    found = {name: "ended" if left[name] < 0 else "ends" for name in left if left[name] <= days}
    seen[ACCOUNTS] = {"told": found, "asked": now}
    events = []
    for name in sorted(found.keys() | before["told"].keys()):
        was, what = (told.get(name, "up") for told in (before["told"], found))
        if what == was:
            continue
        said = {"ends": "is its last day", "ended": "was its last day: it cannot log in any more"}
        problem = (
            None if what == "up" else f"ftpgw:accounts:{name}:until: {ends[name]} {said[what]}"
        )
        told = {"tag": f"account/{what}", "service": "account", "account": name, "is": what}
        events.append({**told, "was": was, "problem": problem})
    return events


def _ends(fields):
    """Return the last days that pillar has for accounts, as far as it makes sense."""
    accounts, found = fields.get("accounts") if isinstance(fields, dict) else None, {}
    for name, account in accounts.items() if isinstance(accounts, dict) else ():
        if isinstance(account, dict) and account.get("state") != "absent":
            with contextlib.suppress(ValueError):
                found[str(name)] = datetime.date.fromisoformat(str(account.get("until")))
    return found


def _bans(before, seen, now):
    """Return an event if somebody is banned who was not when it was asked before."""
    before = before or {"known": [], "asked": 0}
    seen[BANS] = before
    if 0 <= now - before["asked"] < OFTEN or "ftpgw.banned" not in __salt__:
        return []
    try:
        bans = __salt__["ftpgw.banned"](ask=False)
    except CommandExecutionError:
        seen[BANS] = {**before, "asked": now}
        return []
    seen[BANS] = {"known": [[ban["rules"], ban["address"]] for ban in bans], "asked": now}
    new = [ban for ban in bans if [ban["rules"], ban["address"]] not in before["known"]]
    if not new:
        return []
    who = ", ".join(f"{ban['address']} by {ban['rules']}" for ban in new[:MOST])
    more = f", and {len(new) - MOST} more" if new[MOST:] else ""
    told = {"tag": "bans/made", "service": "bans", "is": "made", "bans": new[:MOST]}
    return [{**told, "count": len(new), "problem": f"banned: {who}{more}"}]


def _settings(config):
    """Return settings as one mapping, whether pillar has a list of them or one."""
    parts = config if isinstance(config, (list, tuple)) else [config]
    return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}


def _lines(name):
    with contextlib.suppress(CommandExecutionError, OSError):
        return __salt__["daemontools.log"](name, lines=LINES)
    return []


def _remembered(path):
    """Return what was remembered: in a file, for Salt forgets its beacons at each refresh."""
    if _UNWRITTEN:
        return dict(_UNWRITTEN)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(path, seen):
    _UNWRITTEN.clear()
    try:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(seen, file)
        os.replace(f"{path}.new", path)
    except OSError:
        _UNWRITTEN.update(seen)
