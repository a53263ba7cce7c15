"""The cdb format, held against files that the original tcprules made, and against cdblib."""

import io
import os
import subprocess
from pathlib import Path

import _rules
import _tcpcdb as tcpcdb
import cdblib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "tcprules").glob("*.rules"))
ZERO = b"39.160.226.88"

keys = st.binary(max_size=20)
pairs = st.lists(st.tuples(keys, st.binary(max_size=20)), max_size=60)


@pytest.fixture(scope="module")
def cdb(tmp_path_factory):
    return tmp_path_factory.mktemp("cdb") / "rules.cdb"


def by_cdblib(records):
    file = io.BytesIO()
    writer = cdblib.Writer(file)
    for key, data in records:
        writer.put(key, data)
    writer.finalize()
    return file.getvalue()


@pytest.mark.parametrize("rules", GOLDEN, ids=lambda path: path.stem)
def test_the_bytes_are_those_of_the_original_tcprules(rules, cdb):
    tcpcdb.write(cdb, _rules.records(rules.read_bytes()))
    assert cdb.read_bytes() == rules.with_suffix(".cdb").read_bytes()


@pytest.mark.parametrize("rules", GOLDEN, ids=lambda path: path.stem)
def test_the_records_are_read_as_they_were_written(rules):
    golden = rules.with_suffix(".cdb")
    wanted = list(_rules.records(rules.read_bytes()))
    assert tcpcdb.records(golden) == wanted
    assert tcpcdb.count(golden) == len(wanted)


@given(pairs)
def test_the_bytes_are_those_of_cdblib(cdb, records):
    tcpcdb.write(cdb, records)
    assert cdb.read_bytes() == by_cdblib(records)
    assert tcpcdb.records(cdb) == records


@given(pairs, keys)
def test_every_key_that_was_written_is_found_and_no_other(cdb, records, other):
    tcpcdb.write(cdb, records)
    first = {}
    for key, data in records:
        first.setdefault(key, data)
    for key, data in first.items():
        assert tcpcdb.first(cdb, [key]) == (key, data)
    assert (tcpcdb.first(cdb, [other]) is not None) == (other in first)


def test_the_first_of_several_keys_answers(cdb):
    tcpcdb.write(cdb, [(b"", b"D\0"), (b"9.", b""), (b"9.9.", b"D\0")])
    assert tcpcdb.first(cdb, ["9.9.9.9", "9.9.9.", "9.9.", "9.", ""]) == (b"9.9.", b"D\0")
    assert tcpcdb.first(cdb, [b"1.1.1.1", b"1."]) is None


def test_an_address_whose_hash_is_0_is_not_lost(cdb):
    golden = next(path for path in GOLDEN if path.stem == "zero")
    records = list(_rules.records(golden.read_bytes()))
    assert cdblib.djb_hash(ZERO) == tcpcdb._djb_hash(ZERO) == 0
    assert cdblib.Reader(by_cdblib(records)).get(ZERO) is None
    tcpcdb.write(cdb, records)
    assert tcpcdb.first(cdb, [ZERO]) == (ZERO, b"")


def tcprulescheck(cdb, address):
    environment = {**os.environ, "TCPREMOTEIP": address}
    return subprocess.run(["tcprulescheck", cdb], env=environment, capture_output=True).stdout


def test_cdblib_must_not_write_rules_for_it_lets_a_denied_address_in(cdb):
    """Of two keys in one slot, it keeps the second where the hash of the first is 0."""
    records = list(_rules.records(b"39.160.226.88:deny\n10.0.1.92:allow\n"))
    cdb.write_bytes(by_cdblib(records))
    assert tcprulescheck(cdb, "39.160.226.88") == b"default:\nallow connection\n"
    tcpcdb.write(cdb, records)
    assert tcprulescheck(cdb, "39.160.226.88") == b"rule 39.160.226.88:\ndeny connection\n"


@given(keys)
def test_the_hash_in_python_is_that_in_c(key):
    assert tcpcdb._djb_hash(key) == tcpcdb._hash(key) & 0xFFFFFFFF


@given(st.integers(0, 2047))
def test_a_file_without_a_whole_index_is_no_cdb(cdb, size):
    tcpcdb.write(cdb, [(b"10.0.0.1", b"")])
    cdb.write_bytes(cdb.read_bytes()[:size])
    for read in (tcpcdb.records, tcpcdb.count, lambda path: tcpcdb.first(path, ["10.0.0.1"])):
        with pytest.raises(CommandExecutionError, match="not a cdb, or damaged"):
            read(cdb)


@given(st.integers(2048, 2400))
def test_a_file_cut_anywhere_is_damaged_and_never_answers_for_a_lost_record(cdb, size):
    records = [(b"10.0.0.%d" % number, b"D\0") for number in range(20)]
    tcpcdb.write(cdb, records)
    cdb.write_bytes(cdb.read_bytes()[:size])
    for key, _ in records:
        with pytest.raises(CommandExecutionError, match="not a cdb, or damaged"):
            tcpcdb.first(cdb, [key])
