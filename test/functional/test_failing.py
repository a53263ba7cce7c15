"""Whichever call into the system fails: what a state says is so, and the next run makes it good."""

import types

import failing
import pytest

THEIRS = "/bin/sh\n"


def failures(prepare, run):
    """Yield which call failed, and what a state then returned, for each of them in turn."""
    for where, state in failing.each(prepare, run):
        yield types.SimpleNamespace(call=where.partition(" ")[0], result=state, where=where)


def said(failed, path):
    """Check that a failure is one line about a file; only what was to be tidied may fail unsaid."""
    state = failed.result
    assert state["result"] is False or (state["result"], failed.call) == (True, "unlink"), failed
    assert state["result"] or state["comment"].startswith(str(path))
    assert "\n" not in state["comment"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_lines_of_ours_in_a_file_of_others(minion, tmp_path):
    file = tmp_path / "shells"

    def lines(test=False):
        return minion.apply("sharedfile.lines", test, name=str(file), lines=["ours"])

    file.write_text(THEIRS)
    new = lines()
    whole = file.read_text()
    calls = []
    for failed in failures(lambda: file.write_text(THEIRS), lines):
        calls.append(failed.call)
        said(failed, file)
        changed = file.read_text() == whole
        assert changed or file.read_text() == THEIRS
        assert failed.result["changes"] == (new["changes"] if changed else {}), failed
        assert names(tmp_path) == ["shells"] or failed.call == "unlink"
        again = lines()
        assert again["result"] is True
        assert (file.read_text(), names(tmp_path)) == (whole, ["shells"])
        assert lines(test=True)["changes"] == {}
    assert {"open", "write", "fsync", "rename"} <= set(calls)
    assert file.read_text() == whole


def test_ports_that_inetd_has_no_more(minion, tmp_path, monkeypatch):
    file = tmp_path / "etc/inetd.conf"
    old, new = "ftp stream tcp\n", "#ftpgw# ftp stream tcp\n"
    file.parent.mkdir()
    # It does not run; whether it was told is not lost all the same.
    monkeypatch.setattr("_inetd.PIDFILE", str(tmp_path / "pid"))

    def retired(test=False):
        return minion.apply("inetd.retired", test, name=str(file), services=["ftp"])

    owed = 0
    for failed in failures(lambda: file.write_text(old), retired):
        said(failed, file)
        changed = file.read_text() == new
        assert changed or file.read_text() == old
        assert bool(failed.result["changes"].get("lines")) == changed, failed
        if changed and not failed.result["result"]:
            # Or inetd would never be told.
            assert names(file.parent) == ["inetd.conf", "inetd.conf.hup"], failed
            owed += 1
        assert set(names(file.parent)) <= {"inetd.conf", "inetd.conf.hup"}
        assert retired()["result"] is True
        assert (file.read_text(), names(file.parent)) == (new, ["inetd.conf"])
        assert retired(test=True)["changes"] == {}
    assert owed
    assert file.read_text() == new


# What is in force is a copy of the file.
FILTER = {
    "check": ["test", "-s", "{file}"],
    "load": ["cp", "{file}", "IN_FORCE"],
    "show": ["cat", "IN_FORCE"],
    "unload": ["rm", "IN_FORCE"],
}


@pytest.fixture
def rules(minion, tmp_path):
    """Rules of a filter, and what is in force."""

    def loaded(text, test=False):
        path = str(tmp_path / "etc/rules")
        return minion.apply("firewall.loaded", test, name=path, text=text, filter=rules.filter)

    rules = loaded
    rules.in_force = tmp_path / "in-force"
    rules.file = tmp_path / "etc/rules"
    rules.filter = {
        key: [word.replace("IN_FORCE", str(rules.in_force)) for word in words]
        for key, words in FILTER.items()
    }
    rules.file.parent.mkdir()
    return rules


def now(path):
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("old", ["old\n", ""], ids=["old rules", "no rules"])
def test_rules_of_a_filter(rules, old):
    def reset():
        for path in (*rules.file.parent.iterdir(), rules.in_force):
            path.unlink(missing_ok=True)
        if old:
            rules(old)

    def agrees(failed):
        """What is said to be done is done, and what is not said is not."""
        said(failed, rules.file)
        changes = failed.result["changes"]
        assert now(rules.file) == ("new\n" if "file" in changes else old), failed
        # Where the new file is there, the guard has loaded that.
        assert now(rules.in_force) in ({"new\n", ""} if "file" in changes else {old}), failed
        beside = set(names(rules.file.parent)) - {"rules", "rules.loaded"}
        assert not beside or failed.call == "unlink", failed

    calls = []
    for failed in failures(reset, lambda: rules("new\n")):
        calls.append(failed.call)
        agrees(failed)
        assert rules("new\n")["result"] is True
        assert (now(rules.file), now(rules.in_force)) == ("new\n", "new\n")
        assert names(rules.file.parent) == ["rules", "rules.loaded"]
        assert rules("new\n", test=True)["changes"] == {}
    assert {"open", "write", "fsync", "rename", "fork_exec"} <= set(calls)
    assert (now(rules.file), now(rules.in_force)) == ("new\n", "new\n")
