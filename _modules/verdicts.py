"""
What ``.rules`` texts mean for every IPv4 address, and where two of them differ.
"""

import heapq
import re

_LAST = 2**32 - 1
# How many ranges of addresses a change names before it only counts them.
_NAMED = 10
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_KEY = re.compile(rf"(?:{_OCTET}\.){{0,3}}|(?:{_OCTET}\.){{3}}{_OCTET}")
_LAST_NUMBER = re.compile(r"((?:[0-9]+\.)*)([0-9]+)-([0-9]+)(\.?)")


def difference(old, new):
    """
    Return whose verdict differs between two ``.rules`` texts.

    old, new
        The texts. A rule belongs to the site that the nearest comment above it names.

    Returns a mapping such as ``{"acme": {"deny -> allow": ["9.9.9.0/24"]}}``. Addresses that fall
    back to the default are listed under the site that had them.

    CLI Example:

    .. code-block:: bash

        salt gw1 verdicts.difference ':deny' '9.9.9.:allow'
    """
    old, new = old.split("\n"), new.split("\n")
    near = _first_octets(set(old) ^ set(new))
    changes = {}
    for low, high, before, after in _differing(
        _partition(_spans(old, near)), _partition(_spans(new, near))
    ):
        site = before[1] if after[1] == "default" else after[1]
        ranges = changes.setdefault(site, {}).setdefault(f"{before[0]} -> {after[0]}", [])
        if ranges and ranges[-1][1] == low - 1:
            low = ranges.pop()[0]
        ranges.append((low, high))
    return {
        site: {change: _named(ranges) for change, ranges in found.items()}
        for site, found in changes.items()
    }


def _first_octets(lines):
    """Return the first octets that lines are about, or None where they have no single one."""
    octets = {line.partition(".")[0] for line in lines if line[:1] not in ("#", "")}
    return octets if all(octet.isdigit() for octet in octets) else None


def _spans(lines, near):
    """Yield (low, rank, high, (action, site)) for the rules that may decide near first octets."""
    # As tcprulescheck: without any rule the connection is allowed.
    yield 0, (1, 0), _LAST, ("allow", "no rule")
    site = "no site"
    for number, line in enumerate(lines):
        if line.startswith("#"):
            site = line[1:].strip()
        elif near is None or (octet := line.partition(".")[0]) in near or not octet.isdigit():
            address, colon, action = line.partition(":")
            # The key with most octets decides, and of two equal keys the one written first.
            for octets, low, high in _addresses(address) if colon else ():
                yield low, (-octets, number), high, (action.rstrip(), site)


def _addresses(address):
    """Yield (octets, low, high) for the addresses that a rule may decide."""
    last = _LAST_NUMBER.fullmatch(address)
    if last:
        head, low, high, dot = last.groups()
        keys = [f"{head}{int(low)}{dot}", f"{head}{min(int(high), 255)}{dot}"]
        ends = [keys] if int(low) <= min(int(high), 255) else []
    else:
        ends = [[key.decode()] for key in __salt__["rulestext.keys"](address)]
    for keys in ends:
        if all(_KEY.fullmatch(key) for key in keys):
            octets = [key.rstrip(".").split(".") if key else [] for key in (keys[0], keys[-1])]
            yield len(octets[0]), _padded(octets[0], "0"), _padded(octets[1], "255")


def _padded(octets, fill):
    padded = [*octets, fill, fill, fill, fill][:4]
    return int.from_bytes(bytes(map(int, padded)), "big")


def _partition(spans):
    """Yield (low, high, rule) from the first address to the last, as tcpserver would decide."""
    spans = sorted(spans)
    beginnings = [span[0] for span in spans[1:]]
    candidates = []
    for (position, rank, last, rule), limit in zip(spans, [*beginnings, _LAST + 1], strict=True):
        heapq.heappush(candidates, (rank, last, rule))
        while position < limit:
            while candidates[0][1] < position:
                heapq.heappop(candidates)
            _, last, rule = candidates[0]
            high = min(last, limit - 1)
            yield position, high, rule
            position = high + 1


def _differing(old, new):
    """Yield (low, high, rule before, rule after) where two partitions have different actions."""
    before = after = (0, -1, None)
    low = 0
    while low <= _LAST:
        before = next(old) if before[1] < low else before
        after = next(new) if after[1] < low else after
        high = min(before[1], after[1])
        if before[2][0] != after[2][0]:
            yield low, high, before[2], after[2]
        low = high + 1


def _named(ranges):
    named = [_range(low, high) for low, high in ranges[:_NAMED]]
    return [*named, f"and {len(ranges) - _NAMED} more"] if ranges[_NAMED:] else named


def _range(low, high):
    free = (high - low).bit_length()
    if high - low + 1 == 1 << free and not low % (1 << free):
        return __salt__["cidr.text"]((free << 32) + low)
    return f"{__salt__['cidr.dotted'](low)}-{__salt__['cidr.dotted'](high)}"
