"""In which order gateways are changed: canaries one by one, then waves."""

import re

import _tables


def problem(ids, canaries, wave):
    """Return what is wrong with the order that somebody asks for, in a line, or None."""
    if not isinstance(canaries, (list, tuple)):
        return f"canaries: must be a list such as '[gw1, gw2]', not {canaries!r}"
    # An id may be a number, which is what Salt makes of it.
    canaries = list(map(str, canaries))
    strange = [one for one in canaries if one not in ids]
    if not ids:
        return "no accepted minion is meant by this target (salt-key --list=accepted)"
    if strange:
        return f"canaries: {_tables.folded(strange)}: not among the gateways that are meant"
    if len(set(canaries)) < len(canaries):
        return "canaries: each can be one only once"
    if not _size(wave, len(ids)):
        return f"wave: must be a number such as 5, or a part such as 10%, not {wave!r}"
    return None


def order(ids, canaries, wave):
    """
    Return the lists of gateways that are changed together, first to last.

    wave
        how many, or a part of all, such as ``10%``, of which there is always one at least
    """
    rest = _tables.in_order(set(ids) - set(canaries))
    size = _size(wave, len(ids))
    waves = [rest[start : start + size] for start in range(0, len(rest), size or 1)]
    return [[one] for one in canaries if one in ids] + waves


def _size(wave, total):
    """Return how many gateways are in a wave, or 0 where that makes no sense."""
    found = re.fullmatch(r"([0-9]{1,6})(%?)", str(wave))
    if not found or isinstance(wave, bool):
        return 0
    number = int(found[1])
    if not found[2]:
        return number
    return max(1, -(-total * number // 100)) if 0 < number <= 100 else 0
