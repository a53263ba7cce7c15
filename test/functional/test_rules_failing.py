"""Whatever call into the system fails, a state says of the rules in force what the cdb says."""

import os
import shutil
from pathlib import Path

import _tcpcdb
import failing
import pytest

OLD_STAND = "(the old rules stand)"
IN_FORCE = "in force, but "
OLD = {"sites": {"a": {"allow": ["9.9.9.9"]}}}
NEW = {"sites": {"a": {"allow": ["9.9.9.0/24", "1.1.1.1"]}}, "expect": {"allow": ["1.1.1.1"]}}


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "rules"


@pytest.fixture
def apply(minion, directory):
    def apply(state, **arguments):
        return minion.apply(f"tcprules.{state}", name=str(directory / "ftp.cdb"), **arguments)

    return apply


@pytest.fixture
def reader(minion):
    """A service of which a state that changes rules asks whom it serves; where that is read."""
    service = minion.root / "svc.d/reader"
    service.mkdir(parents=True)
    (service / "run").write_text("#!/bin/sh\nexec sleep 9\n")
    yield "open in scripts"
    shutil.rmtree(service)


def in_force(directory):
    """Return what the cdb does to a client, None where there is no cdb."""
    cdb = directory / "ftp.cdb"
    if not cdb.exists():
        return None
    return _tcpcdb.first(cdb, ["1.1.1.1", ""])[1]


def judge(where, done, is_new, directory, left):
    """See that a result tells the truth, and that nothing is left lying about."""
    assert bool(done["changes"]) == is_new, (where, done)
    assert done["result"] is False or is_new, (where, done)
    if done["result"] is False:
        assert "\n" not in done["comment"], (where, done)
        assert (IN_FORCE in done["comment"]) == is_new, (where, done)
        assert done["comment"].endswith(OLD_STAND) != is_new, (where, done)
    if directory.exists():
        assert set(os.listdir(directory)) <= left, where


@pytest.mark.parametrize("before", [None, OLD])
def test_new_rules(apply, directory, before, tmp_path):
    (tmp_path / "list").write_text("8.8.8.8\n")
    sites = {**NEW["sites"], "b": {"allow_from": str(tmp_path / "list")}}
    settings = {**NEW, "sites": sites}

    def prepare():
        shutil.rmtree(directory, ignore_errors=True)
        if before:
            assert apply("managed", settings=before)["result"]

    def run():
        return apply("managed", settings=settings)

    seen = set()
    for where, done in failing.each(prepare, run):
        is_new = in_force(directory) == b""
        judge(where, done, is_new, directory, {".lock", ".past", "ftp.cdb", "ftp.rules"})
        again = run()
        assert again["result"] is True, (where, again)
        assert bool(again["changes"]) != is_new, where
        assert (run()["changes"], in_force(directory)) == ({}, b"")
        seen.add((where, done["result"], is_new))
    assert {(result, is_new) for _, result, is_new in seen} == {
        (False, False),
        (False, True),
        # What is no longer there could not be removed.
        (True, True),
    }
    assert {where.split(" ")[0] for where, *_ in seen} >= {
        *("open", "write", "fsync", "fchmod", "chmod", "utime", "rename", "flock", "fork_exec"),
        *([] if before else ["mkdir"]),
    }


def test_rules_compiled_by_hand(apply, directory):
    directory.mkdir()

    def prepare():
        (directory / "ftp.rules").write_text(":deny\n")
        assert apply("compiled")["result"]
        (directory / "ftp.rules").write_text("1.1.1.1:allow\n:deny\n")

    seen = set()
    for where, done in failing.each(prepare, lambda: apply("compiled")):
        is_new = in_force(directory) == b""
        assert bool(done["changes"]) == is_new, (where, done)
        assert done["result"] is False or is_new, (where, done)
        assert (IN_FORCE in done["comment"]) == (is_new and not done["result"]), (where, done)
        assert set(os.listdir(directory)) == {".lock", "ftp.cdb", "ftp.rules"}, where
        again = apply("compiled")
        assert (again["result"], bool(again["changes"])) == (True, not is_new), where
        seen.add((done["result"], is_new))
    assert {(False, False), (False, True)} <= seen


def test_rules_that_are_to_go(apply, directory, reader):
    def prepare():
        assert apply("managed", settings=NEW)["result"]

    seen, asked = set(), []
    for where, done in failing.each(prepare, lambda: apply("absent")):
        names = {"ftp.cdb": "ftp.cdb", "ftp.rules": "ftp.rules", ".past/ftp": "ftp"}
        left = {name for name in names if (directory / name).exists()}
        gone = {Path(path).name for path in done["changes"]}
        assert gone == {base for name, base in names.items() if name not in left}, (where, done)
        if where.startswith(reader):
            assert (done["result"], left) == (True, set()), (where, done)
            assert "whether somebody is connected" in done["warnings"][0], (where, done)
            asked.append(where)
            continue
        assert done["result"] is False, (where, done)
        assert done["comment"].endswith(OLD_STAND) == ("ftp.cdb" in left), (where, done)
        assert apply("absent")["result"] is True, where
        assert apply("absent")["changes"] == {}, where
        seen.add(tuple(sorted(left)))
    everything = (".past/ftp", "ftp.cdb", "ftp.rules")
    assert seen == {everything, (".past/ftp", "ftp.rules"), (".past/ftp",), ()}
    assert len(asked) >= 2
