"""
The data base of accounts that pure-ftpd reads, as `pure-pw mkdb` makes it.

It is ``PDB2``, where the list of each of 256 hashes begins, and where the last one ends; these
lists, each of hashes and of where their records are, in order; and the records: a name and what is
said of it, each after its length.  The list of a hash that nobody has is one number.  All numbers
have 32 bits, the highest first.

Source: pure-ftpd 1.0.50, puredb/src/puredb_write.c.
"""

import struct

_LISTS = 256
_START = 4 + 4 * (_LISTS + 1)


def made(records):
    """Return the data base, in bytes, of ``{name: what is said of it}``."""
    lists, data = [[] for _ in range(_LISTS)], b""
    for name, said in records.items():
        number = _hash(name.encode())
        lists[number % _LISTS].append((number, len(data)))
        data += _counted(name.encode()) + _counted(said.encode())
    begins = [_START]
    for found in lists:
        begins.append(begins[-1] + (8 * len(found) or 4))
    index = b"".join(
        b"".join(_numbers(number, begins[-1] + place) for number, place in sorted(found))
        or _numbers(which)
        for which, found in enumerate(lists, 1)
    )
    return b"PDB2" + _numbers(*begins) + index + data


def account(hashed, uid, gid, home, sessions):
    """Return what is said of an account: its home is its ``/``; so many sessions, or any number."""
    limits = ["", "", "", "", str(sessions or ""), *[""] * 7]
    return ":".join([hashed, str(uid), str(gid), "", f"{home}/./", *limits])


def _hash(name):
    number = 5381
    for byte in reversed(name):
        number = (number * 33 & 0xFFFFFFFF) ^ byte
    return number


def _counted(text):
    return _numbers(len(text)) + text


def _numbers(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)
