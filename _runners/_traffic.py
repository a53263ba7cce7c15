"""Who came to the gateways of a fleet, and who is there now: what they say, added up."""

import _fleet
import _tables

# So many rows of what all of them have counted are shown, the most frequent first.
_ROWS = 20
_VERDICTS = ("admitted", "refused")


def figures(answers, by):
    """
    Return the table of `ftpgw.figures`, and whether an answer is missing.

    by
        what connections were counted by
    """
    told, missing = _fleet.heard("ftpgw.figures", answers)
    services = [(one, *service) for one in told for service in sorted(told[one].items())]
    if not services:
        nothing = "no service under tcpserver has a log" if answers else _fleet.NOBODY
        return missing or [nothing], bool(missing) or not answers
    services.sort(key=lambda row: -_frequency(row[2]))
    sums, counts = summed(told), [counted for *_, counted in services]
    totals = [f"{sum(counted[verdict] for counted in counts)} {verdict}" for verdict in _VERDICTS]
    rows = [("gateway", "service", *_VERDICTS, "places", "full", "at most")]
    rows += [(one, name, *_cells(counted)) for one, name, counted in services]
    many = [(key, *_counts(row), _tables.folded(row["gateways"])) for key, row in sums.items()]
    more = [f"  and {len(many) - _ROWS} more"] if many[_ROWS:] else []
    return [
        f"{_tables.counted(len(told), 'gateway')}: {', '.join(totals)}",
        *_indented(rows),
        *(["", *_indented([(by, *_VERDICTS, "gateways"), *many[:_ROWS]])] if many else []),
        *more,
        *missing,
    ], bool(missing)


def summed(told):
    """
    Add up what gateways have counted, over all their services.

    told
        ``{id: what ftpgw.figures returned}``

    Returns ``{key: {"admitted", "refused", "gateways"}}``, the most frequent first.
    """
    sums = {}
    for one, services in told.items():
        for counted in services.values():
            for key, row in counted["by"].items():
                total = sums.setdefault(key, dict.fromkeys(_VERDICTS, 0) | {"gateways": {}})
                for verdict in _VERDICTS:
                    total[verdict] += row[verdict]
                total["gateways"][one] = None
    return dict(sorted(sums.items(), key=lambda item: (-_frequency(item[1]), str(item[0]))))


def sessions(answers):
    """Return the table of `ftpgw.sessions`, the oldest first, and whether an answer is missing."""
    told, missing = _fleet.heard("ftpgw.sessions", answers)
    found = [(one, session) for one, listed in told.items() for session in listed]
    found.sort(key=lambda pair: -pair[1]["seconds"])
    count, busy = _tables.counted(len(found), "session"), len({one for one, _ in found})
    head = f"{count} on {busy} of {_tables.counted(len(told), 'gateway')}"
    rows = [("gateway", "for", "address", "site", "account", "service", "does")]
    rows += [
        (one, _tables.age(session["seconds"]), *(session[key] or "" for key in rows[0][2:]))
        for one, session in found
    ]
    lines = [head, *(_indented(rows) if found else [])] if told else []
    return [*lines, *missing] if answers else [_fleet.NOBODY], bool(missing) or not answers


def _cells(counted):
    return (*_counts(counted), counted["places"] or "", counted["full"], counted["peak"] or "")


def _counts(row):
    return [row[verdict] for verdict in _VERDICTS]


def _frequency(row):
    return sum(_counts(row))


def _indented(rows):
    return [f"  {line}" for line in _tables.aligned(rows)]
