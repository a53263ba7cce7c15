"""_health: what is wrong with a gateway, asked of a gateway that answers as it is told to."""

import pathlib

import _health
import pytest
from salt.exceptions import CommandExecutionError

UP = {
    "state": "up",
    "want": "up",
    "enabled": True,
    "pid": 1,
    "seconds": 99,
    "since": "then",
    "problem": None,
    "log": None,
    "clients": 0,
    "limit": 29,
}
SERVICE = {"command": ["/usr/sbin/ftpd"], "tcpserver": {"port": 2121}, "multilog": False}
PLAN = {"changes": {}, "held": [], "warnings": []}
SHOW, ADMITTED = ["true"], {"allow": ["9.9.9.9"]}


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    """Settings of a gateway of which all is well, and files of its own."""
    for name in ("INETD", "SSHD", "SYSCTLD"):
        monkeypatch.setattr(_health, name, str(tmp_path / f"{name.lower()}.conf"))
    monkeypatch.setattr(_health, "SBIN", str(tmp_path))
    monkeypatch.setattr(_health._svscan, "watches", lambda folder: True)
    (tmp_path / "rules").write_text("a")
    (tmp_path / "ftp.cdb").touch()
    (tmp_path / "pam").write_text("ours\n")
    (tmp_path / "boot").write_text("include rules\n")
    boot = {"file": str(tmp_path / "boot"), "lines": ["include rules"]}
    return {
        "service_dir": "/service",
        "services": {"ftpd": SERVICE},
        "rules": {
            "ftp": {"sites": {"a": {"allow": ["9.9.9.9"]}}, "expect": {"allow": ["9.9.9.9"]}}
        },
        "pam": {"file": str(tmp_path / "pam"), "lines": ["ours"]},
        "firewall": {"manage": "include"},
        "filter": {"file": str(tmp_path / "rules"), "show": SHOW, "boot": boot},
        "proxied": True,
        "network": {"passive_ports": [1, 2]},
        "passive_sysctl": "ports",
    }


@pytest.fixture
def told(gateway, tmp_path):
    """Return the problems of that gateway, whose functions answer as said here or by the test."""
    answers = {
        "config.get": lambda name, default: {"tcprules.dir": str(tmp_path)}.get(name, default),
        "grains.get": lambda name, default: default,
        "daemontools.show": lambda: {"ftpd": dict(UP)},
        "daemontools.plan": lambda *_: {"changes": {}},
        "tcprules.plan": lambda *_: PLAN,
        "tcprules.check": lambda *_: {"verdict": "allow"},
        "ftpgw.plan_accounts": lambda: {**entry(), "accounts": {}},
        "ftpgw.leftovers": lambda: {"services": [], "rules": []},
        "ftpgw.filter": lambda *_: {"text": "a", "loaded": "A", "remembered": "A"},
        "ftpgw.sysctl": lambda *_: {"now": "1 2", "boot": "1 2", "by": _health.SYSCTLD},
    }

    def look(more=None, of="problems", **settings):
        known = {**answers, **(more or {})}
        given = {**gateway, **settings}
        return _health.look(given, lambda name, *arguments: known[name](*arguments))[of]

    return look


def test_what_is_held_against_the_settings_is_a_note_and_no_trouble(told):
    """Whoever holds it knows whom it denies; rules that are none of these are trouble as ever."""
    held = ["ftp: 9.9.9.9 is denied until then (tcprules.release ftp ends it)"]
    plan = {**PLAN, "held": held, "warnings": ["ftp: a list has ended", *held]}
    more = {
        "tcprules.plan": lambda *_: plan,
        "tcprules.check": lambda *_: {"verdict": "deny"},
    }
    assert told(more) == []
    assert told(more, of="notes") == plan["warnings"]
    plan["changes"] = {"acme": {}}
    assert told(more) == [
        "ftp: the rules in force are not as declared (acme) (state.apply ftpgw.rules)"
    ]


def test_a_filter_that_only_keeps_limits_is_needed_too(told, gateway, tmp_path):
    absent = {**gateway["filter"], "file": str(tmp_path / "absent")}
    nothing = {"ftpgw.filter": lambda *_: {"text": "", "loaded": "", "remembered": ""}}
    assert len(told(nothing, proxied=False, limited={"ftp": {}}, filter=absent)) == 1


def refuse(*_):
    raise CommandExecutionError("no\nfurther")


def entry(state="present", **changes):
    return {
        "accounts": {"partner": {"state": state, "changes": changes}},
        "files": {},
        "groups": {},
        "endings": [],
    }


def test_all_is_well(told):
    assert told() == []


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"daemontools.show": refuse}, "services: cannot be asked: no"),
        ({"daemontools.plan": refuse}, "ftpd: cannot be asked: no"),
        ({"tcprules.plan": refuse}, "ftp: cannot be asked: no"),
        ({"ftpgw.plan_accounts": refuse}, "accounts: cannot be asked: no"),
        ({"ftpgw.filter": refuse}, "packet filter: cannot be asked: no"),
        ({"ftpgw.sysctl": lambda *_: {}}, "passive ports: cannot be asked: 'now'"),
        ({"ftpgw.leftovers": refuse}, "leftovers: cannot be asked: no"),
        (
            {
                "daemontools.show": dict,
                "daemontools.plan": lambda *_: {"changes": {"run": "added"}},
            },
            "ftpd: is not as declared: run (state.apply ftpgw.services)",
        ),
        (
            {"tcprules.check": lambda *_: {"verdict": "deny"}},
            "ftp: 9.9.9.9 gets no allow (state.apply ftpgw.rules)",
        ),
        (
            {"tcprules.plan": lambda *_: {**PLAN, "changes": {"acme": {}}}},
            "ftp: the rules in force are not as declared (acme) (state.apply ftpgw.rules)",
        ),
        (
            {"ftpgw.plan_accounts": lambda: entry(password="changes", home="/a instead of /b")},
            "ftpgw:accounts:partner: is not as declared: password changes, home /a instead of /b",
        ),
        (
            {"ftpgw.plan_accounts": lambda: entry("left over")},
            "ftpgw:accounts: does not name partner any more (leftovers: remove, and state.apply",
        ),
        (
            {"ftpgw.plan_accounts": lambda: entry() | {"files": {"/etc/ftpchroot": "written"}}},
            "ftpgw:accounts: not as declared: /etc/ftpchroot (state.apply ftpgw.accounts)",
        ),
        (
            {
                "ftpgw.plan_accounts": lambda: (
                    entry() | {"endings": ["ftpgw:accounts:partner: ends"]}
                )
            },
            "ftpgw:accounts:partner: ends",
        ),
        (
            {"ftpgw.leftovers": lambda: {"services": ["old"], "rules": []}},
            "ftpgw:services: does not name old any more, which lives on",
        ),
        (
            {"ftpgw.sysctl": lambda *_: {"now": "1 2", "boot": None, "by": None}},
            "ports: is not 1 2 after a boot by ",
        ),
    ],
)
def test_what_is_wrong_is_one_line(told, more, line):
    """One that cannot be asked is a line too, and the rest is asked all the same."""
    [problem] = told(more)
    assert problem.startswith(line)
    assert "\n" not in problem


def test_what_is_known_is_told_though_more_cannot_be_asked(told):
    records = {"ftpd": {**UP, "state": "paused", "problem": "paused"}}
    asked = {"daemontools.show": lambda: records, "daemontools.plan": refuse}
    assert told(asked) == ["ftpd: paused (daemontools.cont ftpd)"]


def test_without_svscan_that_is_the_line(told, monkeypatch):
    """Services that only want for it add nothing; one that was stopped before does."""
    monkeypatch.setattr(_health._svscan, "watches", lambda folder: False)
    services = {"one": SERVICE, "two": SERVICE, "three": SERVICE}
    records = {
        "one": {**UP, "problem": f"{_health._svscan.NOBODY} (it said so)"},
        "two": {**UP, "state": "unsupervised", "want": None, "problem": "not supervised"},
        "three": {**UP, "state": "paused", "problem": "paused"},
    }
    first, second = told({"daemontools.show": lambda: records}, services=services)
    assert first.startswith("svscan: none runs on /service (start svscanboot")
    assert second == "three: paused (daemontools.cont three)"


def test_a_cdb_that_a_service_reads_is_told_of_with_the_service(told, tmp_path, gateway):
    (tmp_path / "ftp.cdb").unlink()
    planned = {"tcprules.plan": lambda *_: {**PLAN, "changes": {"lan": {}}}}
    assert len(told(planned)) == 1
    services = {"ftpd": {**SERVICE, "tcpserver": {"port": 2121, "rules": "ftp"}}}
    assert told(planned, services=services) == []


def test_a_filter_that_nobody_needs_is_not_missed(told, gateway):
    """Nor is one that the administrator keeps by himself."""
    nothing = {"ftpgw.filter": lambda *_: {"text": "", "loaded": "", "remembered": ""}}
    assert len(told(nothing)) == 1
    absent = {**gateway["filter"], "file": "/no/such/rules"}
    assert told(nothing, proxied=False, filter=absent) == []
    assert len(told(nothing, proxied=False, guarded={"ftpd": 21}, filter=absent)) == 1
    assert told(nothing, firewall={"manage": False}) == []
    assert told(nothing, filter={"ways": {}}) == []


def test_the_variables_of_a_bsd_are_those_of_its_sysctl_conf(told, gateway):
    del gateway["passive_sysctl"]
    variables = {"/etc/rc.conf": {"ftpd": "NO"}, "/etc/sysctl.conf": {"first": 1, "last": 2}}
    asked = {"ftpgw.sysctl": lambda name, file: {"now": "1", "boot": "1", "by": file}}
    [problem] = told(asked, boot={"variables": variables})
    assert problem == "last: is 1, not 2 (state.apply ftpgw)"


def test_a_kernel_that_has_only_some_of_the_passive_ports_is_as_it_should_be(told):
    """With TLS the server has the others."""
    asked = {"ftpgw.sysctl": lambda name, file: {"now": "2 2", "boot": "2 2", "by": file}}
    assert told(asked, passive_kernel=["2", "2"]) == []
    assert len(told(asked)) == 1


def test_whom_only_a_list_that_has_ended_let_in_is_not_missed(told):
    rules = {"a": {"allow": ["9.9.9.9"], "allow_until": "2001-01-01"}}
    settings = {"ftp": {"sites": rules, "expect": {"allow": ["9.9.9.9"]}}}
    denies = {"tcprules.check": lambda *_: {"verdict": "deny"}}
    assert told(denies, rules=settings) == []


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("ftp stream tcp nowait root /usr/sbin/tcpd ftpd", "ftp"),
        ("127.0.0.1:21\tstream tcp nowait root /bin/f f", "21"),
        ("# ftp stream tcp nowait root /usr/sbin/tcpd ftpd", None),
        ("#ftpgw# ftp stream tcp nowait root /usr/sbin/tcpd ftpd", None),
        ("tftp dgram udp wait root /bin/t t", None),
    ],
)
@pytest.mark.parametrize("port", ["ftp", 21])
def test_a_line_of_inetd_may_have_the_name_or_the_number(told, tmp_path, line, taken, port):
    (tmp_path / "inetd.conf").write_text(f"\n{line}\n")
    services = {"ftpd": {**SERVICE, "tcpserver": {"port": port}}}
    expected = f"inetd: {tmp_path}/inetd.conf has lines for {taken} (state.apply ftpgw.inetd)"
    assert told(services=services) == ([expected] if taken else [])


@pytest.mark.parametrize(
    ("says", "missing"),
    [
        ("echo DenyGroups ftpgw; echo denygroups ftpgw-left; echo port 22", None),
        ("echo denygroups ftpgw", "ftpgw-left"),
        ("echo port 22", "ftpgw ftpgw-left"),
        ("exit 1", None),
    ],
)
def test_an_sshd_that_lets_accounts_in_is_told_of(told, tmp_path, says, missing):
    """It is asked of an account; one that cannot be asked serves nobody."""
    accounts = {"ftpgw.plan_accounts": entry}
    assert told(accounts) == []
    script = f'#!/bin/sh\n[ "$5" = user=partner,host=localhost,addr=127.0.0.1 ] && {{ {says}; }}\n'
    (tmp_path / "sshd").write_text(script)
    (tmp_path / "sshd").chmod(0o755)
    assert told(accounts) == []
    pathlib.Path(_health.SSHD).touch()
    lines = told(accounts)
    assert [line.partition(" (")[0] for line in lines] == (
        [f"sshd: does not deny {missing}"] if missing else []
    )


def test_other_lines_of_pam_admit_others(told, gateway, tmp_path):
    (tmp_path / "pam").write_text("theirs\n")
    assert told() == [
        f"ftpgw:accounts: {tmp_path}/pam admits others, too (state.apply ftpgw.accounts)"
    ]
