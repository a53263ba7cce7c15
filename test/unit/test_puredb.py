"""The data base of pure-ftpd; that `pure-pw` makes the same is shown in test/integration."""

import itertools
import struct

import _puredb
import pytest
from hypothesis import given
from hypothesis import strategies as st


def number(made, place):
    return struct.unpack_from(">I", made, place)[0]


def found(made, name):
    """Look a name up as pure-ftpd does: its hash, its list, its record."""
    wanted = 5381
    for byte in reversed(name.encode()):
        wanted = (wanted + (wanted << 5) & 0xFFFFFFFF) ^ byte
    begin, end = (number(made, 4 + 4 * (wanted % 256 + more)) for more in (0, 1))
    for entry in range(begin, end - 7, 8):
        if number(made, entry) == wanted:
            place = number(made, entry + 4)
            key = made[place + 4 : place + 4 + number(made, place)]
            place += 4 + len(key)
            if key == name.encode():
                return made[place + 4 : place + 4 + number(made, place)].decode()
    return None


NAMES = st.text("abcdefgxyz019_.-", min_size=1, max_size=32)


@given(st.dictionaries(NAMES, st.text(max_size=200), max_size=600), NAMES)
def test_each_account_is_found_and_nobody_else(records, other):
    made = _puredb.made(records)
    assert made.startswith(b"PDB2")
    assert {name: found(made, name) for name in records} == records
    assert found(made, other) == records.get(other)


def test_the_lists_of_one_hash_are_in_order():
    """So pure-ftpd can search half of the rest each time."""
    made = _puredb.made({f"partner{count}": "" for count in range(2000)})
    begins = [number(made, 4 + 4 * which) for which in range(257)]
    for begin, end in itertools.pairwise(begins):
        hashes = [number(made, entry) for entry in range(begin, end - 7, 8)]
        assert hashes == sorted(hashes)


@pytest.mark.parametrize(("sessions", "said"), [(None, ""), (2, "2")])
def test_an_account_is_a_line_of_eighteen_fields(sessions, said):
    line = _puredb.account("$6$x", 1001, 1002, "/home/partner", sessions)
    fields = f"partner:{line}".split(":")
    assert fields[:6] == ["partner", "$6$x", "1001", "1002", "", "/home/partner/./"]
    assert (len(fields), fields[10]) == (18, said)
    assert set(fields[6:10] + fields[11:]) == {""}
