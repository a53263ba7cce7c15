"""
What the log of a tcpserver says of a while: who was let in, who was refused, how full it was.

Its lines, of which only these are counted (ucspi-tcp 0.88, tcpserver.c):

    tcpserver: ok PID HOST:IP:PORT HOST:IP:INFO:PORT
    tcpserver: deny PID HOST:IP:PORT HOST:IP:INFO:PORT
    tcpserver: end PID status STATUS
    tcpserver: status: PLACES/LIMIT
"""

import collections
import functools
import itertools
import re

import _multilog
import _supervise

_LINE = re.compile(
    rb"^@([0-9a-f]{16})[0-9a-f]{8} tcpserver: (?:(ok|deny) \d+ \S+"
    rb" [^:\n]*:([0-9A-Fa-f.:]{2,45}(?:%[!-~]{1,15})?):[^:\n]*:\d+"
    rb"|status: (\d{1,9})/(\d{1,9})|end \d+ status (\d{1,9}))$",
    re.MULTILINE,
)
# What is stamped later has no date.
_LAST = _supervise.TAI_OFFSET + (1 << 37)
# How many rows are shown.
ROWS = 100
# For how many pairs of an hour and an address their key is remembered.
_PAIRS = 1 << 14
# What a program of the chain ends with, by its exit status.
_MEANT = {
    0: "well",
    100: "denied",
    111: "failed before the daemon (its rules, a limit, no memory)",
    126: "the daemon cannot be executed",
    127: "the daemon or a library of it is not there",
}


def read(directory, since, key, until=None):
    """
    Return what a log says since a moment, reading no more files than needed.

    since, until
        in seconds since 1970; what is of the second `until` is not counted any more
    key
        a function of the hour, in seconds since 1970, and the address of a connection: by what to
        count it; asked not much more than once for each pair

    Returns ``connections``, ``{key: {"admitted": count, "refused": count}}`` with the most frequent
    first, ``ends``, a count by what a session's program ended with, ``peak``, ``(places, seconds)``
    or None, ``limit``, and ``full``, how many times the last place was taken.  Raises OSError or
    CommandExecutionError where the log cannot be read.
    """
    start = b"%016x" % max(0, int(since) + _supervise.TAI_OFFSET)
    end = b"%016x" % (_LAST if until is None else int(until) + _supervise.TAI_OFFSET)
    connections, ends = collections.Counter(), collections.Counter()
    named = functools.lru_cache(_PAIRS)(lambda hour, address: key(hour * 3600, address.decode()))
    peak = limit = None
    full = before = 0
    for block in _multilog.blocks(directory, since):
        for stamp, verdict, address, places, most, status in _LINE.findall(block):
            if not start <= stamp < end:
                continue
            if verdict:
                connections[verdict, named(_seconds(stamp) // 3600, address)] += 1
            elif status:
                ends[status] += 1
            else:
                taken, limit = int(places), int(most)
                full += taken == limit > before
                before = taken
                if peak is None or taken > peak[0]:
                    peak = taken, stamp
    return {
        "connections": _table(connections),
        "ends": {_meaning(int(status)): count for status, count in ends.most_common()},
        "peak": peak and (peak[0], _seconds(peak[1])),
        "limit": limit,
        "full": full,
    }


# What connections can be counted by: functions of what decides about an address, each of which
# returns a key for `read`.
BY = {
    "site": lambda decide: lambda hour, address: decide(address)[1] or "none",
    "rule": lambda decide: lambda hour, address: decide(address)[0] or "none",
    "hour": lambda decide: lambda hour, address: _multilog.said(hour),
    "address": lambda decide: lambda hour, address: address,
}


def summed(figures):
    """Return what was read as people are shown it."""
    rows, peak = figures["connections"], figures["peak"]
    return {
        "admitted": sum(row["admitted"] for row in rows.values()),
        "refused": sum(row["refused"] for row in rows.values()),
        "by": dict(itertools.islice(rows.items(), ROWS)),
        "places": figures["limit"],
        "peak": peak and f"{peak[0]} at {_multilog.said(peak[1])}",
        "full": figures["full"],
        "ends": figures["ends"],
    }


def _table(connections):
    rows = {key: {"admitted": 0, "refused": 0} for _, key in connections}
    for (verdict, key), count in connections.items():
        rows[key]["admitted" if verdict == b"ok" else "refused"] = count
    return dict(sorted(rows.items(), key=lambda row: (-sum(row[1].values()), str(row[0]))))


def _seconds(stamp):
    return int(stamp, 16) - _supervise.TAI_OFFSET


def _meaning(status):
    """Return the words for what wait(2) told of a process."""
    if status & 127:
        return f"killed by signal {status & 127}"
    code = status >> 8
    return _MEANT.get(code, f"exit {code}")
