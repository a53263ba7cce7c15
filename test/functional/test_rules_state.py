"""The states of rule sets, with the real loader and the real tcprules."""

import contextlib
import datetime
import errno
import os
import shutil
import subprocess
import time
import types
from copy import deepcopy
from pathlib import Path

import _rulefiles
import _sites
import _version
import pytest
import salt.output
from printed import plain, shown
from salt.exceptions import CommandExecutionError, SaltInvocationError

MAKEFILE = Path(__file__).parents[2] / "ftpgw" / "files" / "tcprules.mk"

PATH = "ftpgw:rules:ftp"
PAGE = {
    "sites": {
        "loopback": {"allow": ["127.0.0.0/16"]},
        "lan": {"allow": ["192.168.0.0/24"]},
        "acme": {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"], "env": {"SITE": "acme"}},
    },
    "expect": {"allow": ["9.9.9.9"], "deny": ["198.51.100.7"]},
}


@pytest.fixture
def rules(minion):
    """An empty directory of rules, as the minion is configured to have it."""
    directory = minion.root / "tcprules"
    shutil.rmtree(directory, ignore_errors=True)
    return directory


@pytest.fixture
def declare(minion, rules):
    def declare(settings, test=False):
        return minion.apply("tcprules.managed", test=test, name="ftp", settings=settings, path=PATH)

    return declare


@pytest.fixture
def page(declare):
    """Settings that are in force, to be changed."""
    assert declare(PAGE)["result"] is True
    return deepcopy(PAGE)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.glob("[!.]*")}


def stood(directory):
    """Return what is there, and since when it is as it is."""
    return {path: (path.read_bytes(), path.stat().st_ctime_ns) for path in directory.glob("[!.]*")}


def test_test_mode_foretells_the_changes_and_writes_nothing(declare, rules):
    foretold = declare(PAGE, test=True)
    assert foretold["result"] is None
    assert not rules.exists()
    done = declare(PAGE)
    assert done["result"] is True
    assert done["changes"] == foretold["changes"]
    assert done["changes"] == {
        "acme": {"none -> deny": ["9.9.9.13"], 'none -> allow,SITE="acme"': ["9.9.9.0/24"]},
        "lan": {"none -> allow": ["192.168.0.0/24"]},
        "loopback": {"none -> allow": ["127.0.0.0/16"]},
    }


@pytest.mark.parametrize("test", [True, False])
def test_a_second_run_changes_nothing(declare, page, rules, test):
    before = {path: path.stat() for path in rules.iterdir()}
    again = declare(page, test=test)
    assert (again["result"], again["changes"]) == (True, {})
    assert {path: path.stat().st_mtime_ns for path in rules.iterdir()} == {
        path: status.st_mtime_ns for path, status in before.items()
    }


def test_the_files_are_for_everyone_to_read_whatever_the_umask(declare, rules):
    before = os.umask(0o077)
    try:
        assert declare(PAGE)["result"]
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (rules, *rules.iterdir())}
    assert modes == {
        "tcprules": 0o755,
        "ftp.rules": 0o644,
        "ftp.cdb": 0o644,
        ".lock": 0o600,
        ".past": 0o700,
    }


def test_an_administrators_make_finds_nothing_to_do_and_would_make_the_same(page, rules):
    shutil.copy(MAKEFILE, rules / "Makefile")
    ours = (rules / "ftp.cdb").read_bytes()
    assert subprocess.run(["make", "-q", "ftp.cdb"], cwd=rules).returncode == 0
    subprocess.run(["make", "-B", "ftp.cdb"], cwd=rules, check=True, capture_output=True)
    assert (rules / "ftp.cdb").read_bytes() == ours


def test_changes_name_the_verdicts_that_change_by_site(declare, page):
    page["sites"]["acme"]["deny"] = ["9.9.9.14"]
    page["sites"]["lan"]["allow"] = ["192.168.0.0/25"]
    foretold = declare(page, test=True)
    assert foretold["result"] is None
    assert foretold["changes"] == declare(page)["changes"]
    assert foretold["changes"] == {
        "acme": {
            'deny -> allow,SITE="acme"': ["9.9.9.13"],
            'allow,SITE="acme" -> deny': ["9.9.9.14"],
        },
        "lan": {"allow -> deny": ["192.168.0.128/25"]},
    }
    assert declare(page)["changes"] == {}


def test_a_change_reads_as_the_page_has_it(minion, declare, page):
    page["sites"]["acme"]["deny"] = ["9.9.9.14"]
    changes = declare(page)["changes"]
    told = salt.output.out_format(changes, "nested", {**minion.states.opts, "color": False})
    assert plain(told) == shown("docs/rules.md", "acme:")


def test_the_file_is_as_the_page_has_it(declare, rules):
    acme = {**PAGE["sites"]["acme"], "allow": ["9.9.9.0/24", "203.0.113.7"]}
    assert declare({"sites": {"acme": acme, "lan": PAGE["sites"]["lan"]}})["result"] is True
    assert plain((rules / "ftp.rules").read_text()) == shown("docs/rules.md", "# Written by Salt")


def test_a_file_names_the_version_that_wrote_it(declare, page, rules, monkeypatch):
    """Another one writes it anew for other settings, and for nothing else."""
    monkeypatch.setattr(_version, "VERSION", "9.0.0")
    before = stood(rules)
    assert declare(page)["changes"] == {}
    assert stood(rules) == before
    page["sites"]["acme"]["deny"] = ["9.9.9.14"]
    assert sorted(declare(page)["changes"]) == ["acme"]
    assert "(ftpgw 9.0.0)\n" in (rules / "ftp.rules").read_text().splitlines(True)[0]


def test_a_file_of_a_version_that_did_not_name_itself_stays(declare, rules, monkeypatch):
    text = _sites.text
    name = f" (ftpgw {_version.VERSION})"
    with monkeypatch.context() as patch:
        patch.setattr(_sites, "text", lambda *given: text(*given).replace(name, ""))
        assert declare(PAGE)["result"] is True
    assert name not in (rules / "ftp.rules").read_text()
    before = stood(rules)
    assert declare(PAGE)["changes"] == {}
    assert stood(rules) == before


def test_who_forges_the_version_breaks_the_seal(declare, page, rules):
    path = rules / "ftp.rules"
    path.write_text(path.read_text().replace(_version.VERSION, "9.0.0"))
    assert declare(page)["changes"] == {"ftp.rules": "written again; no verdict changes"}
    assert f"(ftpgw {_version.VERSION})\n" in path.read_text()


def test_a_change_that_changes_no_verdict_says_so(declare, page):
    page["sites"]["office"] = page["sites"].pop("lan")
    changed = declare(page)
    assert changed["changes"] == {"ftp.rules": "written again; no verdict changes"}
    assert declare(page)["changes"] == {}


@pytest.mark.parametrize("name", ["ftp.rules", "ftp.cdb"])
@pytest.mark.parametrize("harm", ["edit", "empty", "remove", "chmod"])
def test_a_file_that_is_not_as_it_was_made_is_made_again(declare, page, rules, name, harm):
    before = contents(rules)
    file = rules / name
    if harm == "edit":
        file.write_bytes(file.read_bytes().replace(b"9.9.9.", b"9.9.8."))
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "remove":
        file.unlink()
    else:
        file.chmod(0o600)
    assert declare(page, test=True)["result"] is None
    repaired = declare(page)
    assert repaired["result"] is True
    assert repaired["changes"]
    assert contents(rules) == before
    assert declare(page)["changes"] == {}


def test_rules_that_somebody_compiled_by_hand_are_told_by_their_meaning(declare, page, rules):
    text = (rules / "ftp.rules").read_text().replace("9.9.9.13:deny", "198.51.100.:allow")
    (rules / "ftp.rules").write_text(text)
    subprocess.run(["tcprules", rules / "ftp.cdb", rules / "tmp"], input=text.encode(), check=True)
    assert declare(page)["changes"] == {
        "acme": {'allow,SITE="acme" -> deny': ["9.9.9.13"]},
        "no site": {"allow -> deny": ["198.51.100.0/24"]},
    }


@pytest.mark.parametrize("test", [True, False])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (None, f"{PATH}: expected a mapping of settings, got nothing"),
        ({"sits": {}}, f"{PATH}: unknown setting 'sits' (did you mean 'sites'?)"),
        (
            {**PAGE, "expect": {"allow": ["9.9.9.13"]}},
            f"{PATH}:expect:allow: 9.9.9.13 would get 9.9.9.13:deny of site acme"
            " (the old rules stand)",
        ),
        (
            {"sites": {"a": {"allow_from": "salt://nowhere.txt"}}},
            f"{PATH}:sites:a:allow_from: there is no file salt://nowhere.txt",
        ),
        (
            {"sites": {"a": {"allow_from": "/nowhere.txt"}}},
            f"{PATH}:sites:a:allow_from: there is no file /nowhere.txt",
        ),
        (
            {"sites": {"a": {"allow_from": "/dev"}}},
            f"{PATH}:sites:a:allow_from: there is no file /dev",
        ),
    ],
)
def test_a_wrong_setting_fails_in_one_line_and_the_old_rules_stand(
    declare, page, rules, settings, message, test
):
    before = contents(rules)
    failed = declare(settings, test=test)
    assert (failed["result"], failed["changes"], failed["comment"]) == (False, {}, message)
    assert contents(rules) == before


@pytest.mark.parametrize("name", ["", "a/b", "../ftp", ".ftp", "-x", "ftp\n", None, 7.5, "/etc/x"])
def test_a_name_that_is_no_name_is_refused(minion, rules, name):
    failed = minion.apply("tcprules.managed", name=name, settings=PAGE)
    assert failed["result"] is False
    assert failed["comment"].startswith("the name of the rules: expected a name for rules (")


def test_lists_come_from_salt_and_from_the_minion(minion, declare):
    (minion.root / "partners.txt").write_text("# partners\n203.0.113.0/24\n\n203.0.113.7 # one\n")
    (minion.root / "banned.txt").write_text("203.0.113.66\n")
    sites = {
        "partners": {
            "allow": ["198.51.100.1"],
            "allow_from": "salt://partners.txt",
            "deny_from": [str(minion.root / "banned.txt")],
        }
    }
    assert declare({"sites": sites})["changes"]["partners"] == {
        "none -> allow": ["198.51.100.1", "203.0.113.7", "203.0.113.0/24"],
        "none -> deny": ["203.0.113.66"],
    }
    assert declare({"sites": sites})["changes"] == {}
    (minion.root / "partners.txt").write_text("203.0.113.0/25\n")
    assert declare({"sites": sites})["changes"] == {
        "partners": {"allow -> deny": ["203.0.113.128/25"]}
    }


def test_a_rule_set_without_tcprules_is_made_of_the_same_bytes(declare, rules, monkeypatch):
    assert declare(PAGE)["result"]
    made = (rules / "ftp.cdb").read_bytes()
    shutil.rmtree(rules)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert declare(PAGE)["result"]
    assert (rules / "ftp.cdb").read_bytes() == made


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Put a script in the place of tcprules."""

    def tool(script):
        (tmp_path / "tcprules").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "tcprules").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return tool


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'tcprules: fatal: no' >&2; exit 111", "ftp: tcprules: fatal: no"),
        ("kill -9 $$", "ftp: tcprules was killed by signal 9 (the old rules stand)"),
        ("exit 111", "ftp: tcprules ended with 111 (the old rules stand)"),
        ("echo 'tcprules: fatal: no\n\nmore' >&2; exit 1", "ftp: tcprules: fatal: no more (the"),
        ("printf '' > $1", "not a cdb, or damaged"),
        ("head -c 3000 /dev/zero > $1", "ftp: the new cdb has 0 records instead of 6"),
        (
            "exec /usr/bin/tcprules $1 $2 <<!\n10.0.0.1-6:allow\n!",
            "ftp: the new cdb does not allow",
        ),
    ],
)
def test_a_tcprules_that_fails_or_lies_leaves_the_old_rules(
    minion, declare, page, rules, tool, script, message
):
    before = contents(rules)
    tool(script)
    page["sites"]["lan"]["allow"] = ["192.168.1.0/24", "192.168.2.0/24"]
    failed = declare(page)
    assert failed["result"] is False
    assert message in failed["comment"]
    assert "\n" not in failed["comment"]
    assert contents(rules) == before


def test_a_tcprules_that_never_ends_is_ended(minion, declare, page, rules, tool, monkeypatch):
    before = contents(rules)
    tool("exec sleep 1000")
    monkeypatch.setattr(_rulefiles, "_TIME_LIMIT", 0.3)
    page["sites"]["lan"]["allow"] = ["192.168.1.0/24"]
    failed = declare(page)
    assert failed["result"] is False
    assert failed["comment"] == "ftp: tcprules took more than 0.3 s (the old rules stand)"
    assert contents(rules) == before


def test_a_directory_that_cannot_be_made_is_one_clear_line(minion, rules):
    rules.parent.joinpath("file").write_text("")
    name = str(rules.parent / "file" / "ftp.cdb")
    failed = minion.apply("tcprules.managed", name=name, settings=PAGE)
    assert failed["result"] is False
    assert failed["comment"].startswith(f"{name}: {rules.parent}/file")
    assert failed["comment"].endswith(": Not a directory (the old rules stand)")


def test_rules_live_anywhere_by_an_absolute_path(minion, tmp_path):
    name = str(tmp_path / "deep" / "pop3.cdb")
    assert minion.apply("tcprules.managed", name=name, settings=PAGE)["result"] is True
    assert minion.apply("tcprules.managed", name=name, settings=PAGE)["changes"] == {}
    assert sorted(contents(tmp_path / "deep")) == ["pop3.cdb", "pop3.rules"]
    assert minion.functions["tcprules.check"](name, "9.9.9.9")["site"] == "acme"


def test_absent_removes_both_files_and_only_them(minion, declare, page, rules):
    (rules / "other.cdb").write_text("")
    gone = {"state": "absent"}
    assert declare(gone, test=True)["result"] is None
    assert len(contents(rules)) == 3
    removed = declare(gone)
    assert removed["result"] is True
    there = ("ftp.rules", "ftp.cdb", ".past/ftp")
    assert removed["changes"] == {str(rules / name): "removed" for name in there}
    again = declare(gone)
    assert (again["result"], again["changes"]) == (True, {})
    assert sorted(contents(rules)) == ["other.cdb"]


@pytest.fixture
def by_hand(minion, rules):
    """A .rules file that somebody wrote, and the state that compiles it."""
    rules.mkdir()

    def by_hand(text, test=False):
        if text is not None:
            (rules / "pop3.rules").write_text(text)
        return minion.apply("tcprules.compiled", test=test, name="pop3")

    return by_hand


def test_an_existing_file_is_compiled_and_left_as_it_is(by_hand, rules):
    text = "# lan\n192.168.0.:allow\n# default\n:deny\n"
    foretold = by_hand(text, test=True)
    assert foretold["result"] is None
    assert not (rules / "pop3.cdb").exists()
    done = by_hand(None)
    assert done["result"] is True
    assert done["changes"] == foretold["changes"] == {"lan": {"deny -> allow": ["192.168.0.0/24"]}}
    assert "warnings" not in done
    assert (rules / "pop3.rules").read_text() == text
    assert (rules / "pop3.cdb").stat().st_mode & 0o777 == 0o644
    for test in (True, False):
        again = by_hand(None, test=test)
        assert (again["result"], again["changes"]) == (True, {})


def test_an_edited_file_is_compiled_again(by_hand):
    by_hand("192.168.0.:allow\n:deny\n")
    edited = by_hand("# lan\n192.168.0.:allow\n# bob\n9.9.9.9:allow\n# default\n:deny\n")
    assert edited["changes"] == {"bob": {"deny -> allow": ["9.9.9.9"]}}


def test_a_file_in_another_encoding_is_compiled_once(by_hand, rules):
    (rules / "pop3.rules").write_bytes('9.9.9.:allow,SITE="caf\xe9"\n:deny\n'.encode("latin-1"))
    assert by_hand(None)["result"] is True
    assert by_hand(None)["changes"] == {}


def test_rules_that_never_match_are_warnings(by_hand):
    done = by_hand("192.168.0:allow\n:deny\n")
    assert done["result"] is True
    assert done["warnings"] == [
        "line 1: '192.168.0:allow' never matches: a part of an address ends with a dot"
        " (did you mean '192.168.0.:allow'?)"
    ]
    assert by_hand(None)["warnings"] == done["warnings"]


@pytest.mark.parametrize("test", [True, False])
def test_a_line_that_tcprules_refuses_fails_and_the_old_cdb_stands(by_hand, rules, test):
    by_hand("9.9.9.:allow\n:deny\n")
    before = contents(rules)["pop3.cdb"]
    failed = by_hand("9.9.9.: allow\n:deny\n", test=test)
    assert failed["result"] is False
    assert failed["comment"] == "pop3: unable to parse this line: 9.9.9.: allow"
    assert contents(rules)["pop3.cdb"] == before


def test_a_file_that_is_not_there_is_one_clear_line(by_hand, rules):
    failed = by_hand(None)
    assert failed["result"] is False
    assert failed["comment"] == f"pop3: there is no {rules}/pop3.rules"


def test_the_run_after_the_last_day_of_a_list_takes_it_out(declare, monkeypatch):
    """Though nothing in pillar has changed; every run then tells that it has ended."""
    guests = {"allow": ["9.9.9.0/24"], "allow_until": str(datetime.date.today())}
    settings = {"sites": {"guests": guests}, "expect": {"allow": ["9.9.9.9"]}}
    assert declare(settings)["result"] is True
    assert "warnings" not in declare(settings)

    class Tomorrow(datetime.date):
        @classmethod
        def today(cls):
            return datetime.date.today() + datetime.timedelta(1)

    later = types.SimpleNamespace(date=Tomorrow)
    monkeypatch.setattr(_sites, "datetime", later)
    ended = {"guests": {"allow -> deny": ["9.9.9.0/24"]}}
    foretold, done, after = declare(settings, test=True), declare(settings), declare(settings)
    assert (foretold["result"], foretold["changes"]) == (None, ended)
    assert (done["result"], done["changes"]) == (True, ended)
    assert (after["result"], after["changes"]) == (True, {})
    for told in (foretold, done, after):
        [line] = told["warnings"]
        assert line.startswith(f"{PATH}:sites:guests:allow_until: ")


class TestHeld:
    """What is denied in a hurry, or put back, holds against every run until its time has come."""

    @pytest.fixture
    def ask(self, minion):
        def ask(function, *arguments, **options):
            return minion.functions[f"tcprules.{function}"]("ftp", *arguments, **options)

        return ask

    @pytest.fixture
    def later(self, monkeypatch):
        """Let an hour pass at once."""

        def later(hours=1):
            moment = time.time() + 3600 * hours
            clock = types.SimpleNamespace(**vars(time) | {"time": lambda: moment})
            monkeypatch.setattr(_rulefiles, "time", clock)

        yield later
        monkeypatch.undo()

    def verdict(self, ask, address):
        return ask("check", address)["verdict"]

    def test_an_address_is_denied_at_once_until_its_time_has_come(self, ask, declare, page, later):
        done = ask("deny", "9.9.9.9", until="30m")
        hurry = {'allow,SITE="acme" -> deny': ["9.9.9.9"]}
        assert done["changes"] == {"denied in a hurry, by tcprules.deny": hurry}
        assert self.verdict(ask, "9.9.9.9") == "deny"
        assert self.verdict(ask, "9.9.9.8") == "allow"
        for test in (True, False):
            again = declare(page, test=test)
            assert (again["result"], again["changes"]) == (True, {})
            [line] = again["warnings"]
            assert line.startswith("ftp: 9.9.9.9 is denied until ")
        later()
        foretold, done = declare(page, test=True), declare(page)
        assert (
            done["changes"]
            == foretold["changes"]
            == {"acme": {'deny -> allow,SITE="acme"': ["9.9.9.9"]}}
        )
        assert "warnings" not in done
        assert self.verdict(ask, "9.9.9.9") == "allow"

    def test_what_is_past_its_time_is_released_alone(self, ask, declare, page, later):
        """As the minion's schedule asks for; where none is, a warning says so."""
        ask("deny", "9.9.9.9", until="30m")
        done = ask("deny", "9.9.9.8", until="3h")
        assert done["warnings"][-1].startswith("ftp: no minion runs here to end it then")
        assert ask("release", passed=True)["changes"] == {}
        later()
        done = ask("release", passed=True)
        assert list(done["changes"]["acme"].values()) == [["9.9.9.9"]]
        assert self.verdict(ask, "9.9.9.8") == "deny"
        later(4)
        assert list(ask("release", passed=True)["changes"]["acme"].values()) == [["9.9.9.8"]]
        assert declare(page)["changes"] == {}

    def test_a_network_is_denied_with_all_that_is_inside(self, ask, declare, page):
        page["sites"]["one"] = {"allow": ["9.9.9.77"]}
        page["expect"] = {}
        declare(page)
        ask("deny", "9.9.9.0/25")
        for address, verdict in (("9.9.9.77", "deny"), ("9.9.9.1", "deny"), ("9.9.9.200", "allow")):
            assert self.verdict(ask, address) == verdict
        assert ask("check", "9.9.9.77")["site"].startswith("denied in a hurry")

    def test_a_change_of_pillar_comes_into_force_without_letting_in_who_is_denied(
        self, ask, declare, page
    ):
        ask("deny", "9.9.9.9")
        page["sites"]["new"] = {"allow": ["7.7.7.7"]}
        assert declare(page)["changes"] == {"new": {"deny -> allow": ["7.7.7.7"]}}
        assert self.verdict(ask, "9.9.9.9") == "deny"

    def test_release_makes_the_rules_what_pillar_says(self, ask, declare, page):
        ask("deny", "9.9.9.9")
        ask("deny", "192.168.0.0/24")
        assert ask("release")["changes"] == {
            "acme": {'deny -> allow,SITE="acme"': ["9.9.9.9"]},
            "lan": {"deny -> allow": ["192.168.0.0/24"]},
        }
        assert declare(page)["changes"] == {}
        assert ask("release")["changes"] == {}

    def test_past_rules_come_back_for_a_while(self, ask, declare, page, later):
        second = {**page, "sites": {"lan": {"allow": ["192.168.0.0/24"]}}, "expect": {}}
        declare(second)
        assert [entry["number"] for entry in ask("history")] == [0, 1]
        would = ask("diff", 1)
        assert would["acme"] == {
            'deny -> allow,SITE="acme"': ["9.9.9.0-9.9.9.12", "9.9.9.14-9.9.9.255"]
        }
        assert ask("revert", 1, until="30m")["changes"] == would
        assert self.verdict(ask, "9.9.9.9") == "allow"
        again = declare(second)
        assert (again["result"], again["changes"]) == (True, {})
        assert again["warnings"][0].startswith("ftp: the rules of ")
        assert len(ask("history")) == 2
        later()
        assert declare(second)["result"] is True
        assert self.verdict(ask, "9.9.9.9") == "deny"

    def test_others_are_compared_with_past_rules_that_have_come_back(self, ask, declare, page):
        """What is held is no part of what each of them would change."""
        second = {**page, "sites": {"lan": {"allow": ["192.168.0.0/24"]}}, "expect": {}}
        declare(second)
        ask("revert", 1)
        would = ask("diff", 0)
        assert "acme" in str(would)
        assert ask("release")["changes"] == would
        assert ask("diff", 0) == {}

    def test_who_is_denied_stays_so_when_past_rules_come_back(self, ask, declare, page):
        second = {**page, "sites": {"lan": {"allow": ["192.168.0.0/24"]}}, "expect": {}}
        declare(second)
        ask("deny", "9.9.9.9")
        ask("revert", 1)
        assert self.verdict(ask, "9.9.9.9") == "deny"
        assert self.verdict(ask, "9.9.9.8") == "allow"

    def test_what_cannot_be_done_is_one_line_and_changes_nothing(self, ask, declare, page, rules):
        before = contents(rules)
        for call, message in (
            (("revert", 7), r"^ftp: there is no number 7 in its history \(the old rules stand\)$"),
            (("revert", "x"), "^number: expected"),
            (("deny", "9.9.9.300"), "is not an IPv4 address"),
            (("deny", "0.0.0.0/0"), "^address: that is everyone"),
            (("deny", "9.9.9.9", "soon"), "^until: expected a time"),
        ):
            with pytest.raises((SaltInvocationError, CommandExecutionError), match=message):
                ask(*call)
        assert contents(rules) == before
        assert declare(page)["changes"] == {}

    def test_rules_that_salt_did_not_make_have_no_past(self, ask, rules):
        rules.mkdir()
        (rules / "ftp.rules").write_text(":deny\n")
        (rules / "ftp2.cdb").write_bytes(b"")
        why = r"^ftp: no run of states has made such rules \(did you mean 'ftp2'\?\) \(the old"
        with pytest.raises(CommandExecutionError, match=why):
            ask("deny", "9.9.9.9")
        assert ask("history") == []

    def test_denials_at_once_all_hold_while_pillar_changes(self, ask, declare, page):
        """Whoever is second waits, and goes by what the first has left."""
        hurried = [f"9.9.9.{number}" for number in range(20, 28)]
        children = [in_a_child(lambda one=one: ask("deny", one)) for one in hurried]
        for number in range(4):
            page["sites"]["new"] = {"allow": [f"7.7.7.{number}"]}
            assert declare(page)["result"] is True
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(hurried)
        assert {self.verdict(ask, one) for one in hurried} == {"deny"}
        assert self.verdict(ask, "7.7.7.3") == "allow"
        assert self.verdict(ask, "7.7.7.2") == "deny"
        assert len(declare(page)["warnings"]) == len(hurried)

    def test_who_is_denied_between_plan_and_change_is_not_let_in(
        self, ask, declare, page, monkeypatch
    ):
        install = _rulefiles.install

        def late(*arguments):
            monkeypatch.undo()
            ask("deny", "9.9.9.9")
            return install(*arguments)

        monkeypatch.setattr(_rulefiles, "install", late)
        page["sites"]["new"] = {"allow": ["7.7.7.7"]}
        assert declare(page)["result"] is True
        assert self.verdict(ask, "7.7.7.7") == "allow"
        assert self.verdict(ask, "9.9.9.9") == "deny"

    def test_a_denial_after_the_clock_was_set_back_brings_no_old_rules_back(
        self, ask, declare, page, later
    ):
        """Whom the rules of now keep out."""
        later(24)
        page["sites"]["new"] = {"allow": ["7.7.7.7"]}
        declare(page)
        later(0)
        del page["sites"]["new"]
        declare(page)
        ask("deny", "9.9.9.9")
        assert self.verdict(ask, "7.7.7.7") == "deny"

    def test_rules_that_cannot_be_kept_do_not_come_into_force(
        self, ask, declare, page, rules, monkeypatch
    ):
        """A denial later would be one against those of before, and let in whom they do."""
        before = contents(rules)
        with monkeypatch.context() as patch:
            patch.setattr(_rulefiles._holds._files, "put", no_room)
            del page["sites"]["acme"], page["expect"]
            failed = declare(page)
        assert failed["result"] is False
        assert failed["comment"].endswith("No space left on device (the old rules stand)")
        assert contents(rules) == before

    def test_when_past_rules_end_those_of_pillar_come(self, ask, declare, page, later):
        """Those of the last run, not those before the past ones came back."""
        second, third = deepcopy(page), deepcopy(page)
        second["sites"]["two"] = {"allow": ["7.7.7.2"]}
        third["sites"]["three"] = {"allow": ["7.7.7.3"]}
        declare(second)
        ask("revert", 1, until="30m")
        assert declare(third, test=True)["result"] is None
        for changes in (True, False):
            done = declare(third)
            assert (done["result"], bool(done["changes"])) == (True, changes)
        assert self.verdict(ask, "7.7.7.3") == "deny"
        later()
        ask("release", passed=True)
        assert self.verdict(ask, "7.7.7.3") == "allow"
        assert self.verdict(ask, "7.7.7.2") == "deny"

    def test_a_denial_that_fails_is_not_held(self, ask, declare, page, rules, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(_rulefiles, "_compile", failing_compile)
            with pytest.raises(CommandExecutionError, match="the old rules stand"):
                ask("deny", "9.9.9.9")
        assert self.verdict(ask, "9.9.9.9") == "allow"
        assert declare(page)["changes"] == {}
        assert "warnings" not in declare(page)

    def test_what_was_edited_by_hand_is_not_undone_while_nobody_looks(
        self, ask, declare, page, rules, later
    ):
        """By the minion's schedule; the next run of states tells whose verdict it changes back."""
        ask("deny", "9.9.9.9", until="30m")
        text = (rules / "ftp.rules").read_text()
        (rules / "ftp.rules").write_text(f"9.9.9.8:deny\n{text}")
        ask("compile")
        later()
        done = ask("release", passed=True)
        assert (done["changes"], len(done["warnings"])) == ({}, 1)
        assert {self.verdict(ask, one) for one in ("9.9.9.9", "9.9.9.8")} == {"deny"}
        assert declare(page)["changes"]
        assert {self.verdict(ask, one) for one in ("9.9.9.9", "9.9.9.8")} == {"allow"}

    def test_rules_that_go_leave_nothing_to_the_minions_schedule(
        self, minion, ask, declare, page, monkeypatch
    ):
        asked = []
        module = minion.functions["tcprules.release"].__globals__
        monkeypatch.setitem(module, "_ended_in_time", lambda name: asked.append(name) or [])
        declare(page)
        assert asked == []
        ask("deny", "9.9.9.9")
        for count in (2, 2):
            declare({"state": "absent"})
            assert asked == ["ftp"] * count
        assert ask("release", passed=True) == {"changes": {}, "warnings": []}
        assert asked == ["ftp"] * 3

    def test_rules_that_go_take_their_past_along(self, ask, declare, page, rules):
        ask("deny", "9.9.9.9")
        declare({"state": "absent"})
        assert ask("history") == []
        assert declare(page)["result"] is True
        assert self.verdict(ask, "9.9.9.9") == "allow"


def in_a_child(work):
    """Begin something in a process of its own, which ends with 0 if it goes well."""
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(Exception):
            work()
            status = 0
        os._exit(status)
    return child


def no_room(path, *_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def failing_compile(*_):
    raise CommandExecutionError("no")
