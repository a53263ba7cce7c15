"""What many gateways say, as a few lines for eyes: the same once, with the names of who says it."""

import json
import re
from itertools import groupby

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
# So many that follow each other are named by the first and the last.
_RUN = 3
# As many lines of one difference as a person may want to read.
_LINES = 12
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def in_order(ids):
    """Return names sorted as people count: gw2 before gw10."""
    return sorted(
        ids, key=lambda one: [(int(p), "") if p.isdecimal() else (-1, p) for p in _parts(one)]
    )


def folded(ids):
    """Return names in a line, such as ``gw1 to gw17, gw19``."""
    told = []
    for _, run in groupby(enumerate(in_order(ids)), lambda pair: _place(*pair)):
        names = [name for _, name in run]
        told += [f"{names[0]} to {names[-1]}"] if len(names) >= _RUN else names
    return ", ".join(told)


def alike(answers):
    """Return ``[(answer, names)]`` of those that are equal, the most frequent first."""
    groups = {}
    for one, answer in answers.items():
        key = json.dumps(answer, sort_keys=True, default=str)
        groups.setdefault(key, (answer, []))[1].append(one)
    order = sorted(groups.values(), key=lambda group: (-len(group[1]), in_order(group[1])[0]))
    return [(answer, in_order(names)) for answer, names in order]


def aligned(rows):
    """Return lines of rows of text, each column as wide as it must be, the last one as it is."""
    rows = [list(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in rows
    ]


def flat(value, path=""):
    """Return the lines of a nested value, each with the path to it."""
    if isinstance(value, dict) and value:
        return [line for key, each in value.items() for line in flat(each, f"{path}{key}: ")]
    if isinstance(value, (list, tuple)) and value:
        if any(isinstance(each, (dict, list, tuple)) for each in value):
            return [line for each in value for line in flat(each, path)]
        return [path + ", ".join(map(str, value))]
    head, *more = str(value).splitlines() or [""]
    return [path + head, *(f"  {line}" for line in more)]


def limited(lines, most=_LINES):
    """Return so many lines at most, with a last one that counts the rest."""
    return [*lines[:most], f"and {len(lines) - most} lines more"] if lines[most:] else lines


def counted(number, noun):
    """Return ``1 gateway`` or ``2 gateways``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age(seconds):
    """Return a time in one unit, the largest that fits: 59s, 5m, 3h, 12d."""
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds // size}{unit}"


def cut(text, most):
    """Return a text of so many characters at most, which tells that there was more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def visible(line):
    """Return a line as it may be shown: what a client says of itself could steer a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def _parts(name):
    return [part for part in re.split(r"(\d+)", name) if part]


def _place(position, name):
    """Return what those have in common that follow each other and differ by a number alone."""
    found = _NUMBERED.fullmatch(name)
    if not found:
        return name
    width = len(found[2]) if found[2][0] == "0" else 0
    return found[1], found[3], int(found[2]) - position, width
