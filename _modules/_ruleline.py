"""
The line of a ``.rules`` file from which tcprules made a record of the cdb.
"""

import mmap
import os
import re
from functools import partial
from itertools import islice

import _rulestext
import _tcpcdb

# How many lines in a row may repeat the keys of others before the search gives up on order.
_NEAR = 100
_RULE = re.compile(rb"^(?!#)([^:\n]*|[0-9a-f:.]+):(?:allow|deny).*$", re.M)


def find(rules, cdb, key):
    """
    Return the rule that made a key, and the site that the nearest comment above it names.

    rules, cdb
        The two files of a rule set.

    key
        The key of the record.

    Returns ``(rule, site)``, two texts; None where the file has no such line or is not there.
    """
    key = key if isinstance(key, bytes) else key.encode()
    if not os.path.isfile(rules) or not os.path.getsize(rules):
        return None
    with open(rules, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        line = _guided(text, cdb, key) or _searched(text, key)
        if not line:
            return None
        return line[0].decode(errors="replace").rstrip(), _site(text, line.start())


def _guided(text, cdb, key):
    """Let the order of the records lead near the line, and look at the next few."""
    place = _tcpcdb.place(cdb, key, len(text), partial(_line_at, text))
    lines = islice(_RULE.finditer(text, place), _NEAR)
    return next((line for line in lines if _makes(line, key)), None)


def _searched(text, key):
    """Look at every line that could be meant, for a file that is not what made the cdb."""
    lines = re.finditer(rb"^(?!#)(%s|[^:\n]*-[^:\n]*):.*$" % re.escape(key), text, re.M)
    return next((line for line in lines if _makes(line, key)), None)


def _line_at(text, offset):
    line = _RULE.search(text, offset)
    return line and (line.start(), line.end(), _keys(line[1]))


def _keys(address):
    return _rulestext.keys(address) if b"-" in address else [address]


def _makes(line, key):
    return key in _keys(line[1])


def _site(text, start):
    heading = text.rfind(b"\n#", 0, start) + 1
    if text[heading : heading + 1] != b"#":
        return None
    return text[heading + 1 : text.find(b"\n", heading)].decode(errors="replace").strip()
