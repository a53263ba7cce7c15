"""What an administrator asks of rules, through the real loader."""

import os
import shutil
import time

import _tcpserver
import pytest
from salt.exceptions import CommandExecutionError, SaltInvocationError

PAGE = {
    "sites": {
        "loopback": {"allow": ["127.0.0.0/16"]},
        "lan": {"allow": ["192.168.0.0/23"]},
        "acme": {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"], "env": {"SITE": "acme"}},
    }
}
BY_NAME = """# people
joe@9.9.9.9:allow,WHO="joe"
joe@=ftp.example.com:allow
# hosts
=ftp.example.com:allow
=.example.com:deny
# default
:deny
"""


@pytest.fixture
def rules(minion):
    """The directory of the rules, with those of the page in it."""
    directory = minion.root / "tcprules"
    shutil.rmtree(directory, ignore_errors=True)
    assert minion.apply("tcprules.managed", name="ftp", settings=PAGE)["result"]
    return directory


@pytest.fixture
def ask(minion, rules):
    def ask(function, *args, **kwargs):
        return minion.functions[f"tcprules.{function}"](*args, **kwargs)

    return ask


@pytest.fixture
def by_name(ask, rules):
    """Rules by name and ident, compiled as ``names``."""
    (rules / "names.rules").write_text(BY_NAME)
    assert ask("compile", "names")["warnings"] == []


@pytest.fixture
def run(minion):
    """Write the run script of a service, and take it away again."""
    service = minion.root / "svc.d" / "rules-test"

    def run(script):
        service.mkdir(parents=True, exist_ok=True)
        (service / "run").write_text(f"#!/bin/sh\n{script}\n")

    yield run
    shutil.rmtree(service, ignore_errors=True)


@pytest.mark.parametrize(
    ("address", "verdict", "rule", "site", "env"),
    [
        ("9.9.9.9", "allow", '9.9.9.:allow,SITE="acme"', "acme", {"SITE": "acme"}),
        ("9.9.9.13", "deny", "9.9.9.13:deny", "acme", {}),
        ("192.168.1.7", "allow", "192.168.0-1.:allow", "lan", {}),
        ("198.51.100.7", "deny", ":deny", "default", {}),
    ],
)
def test_check_names_the_rule_and_the_site(ask, rules, address, verdict, rule, site, env):
    wanted = {"verdict": verdict, "rule": rule, "site": site, "env": env}
    for name in ("ftp", str(rules / "ftp.cdb"), str(rules / "ftp.rules")):
        assert ask("check", name, address) == wanted


def test_check_of_rules_by_name_follows_tcpserver(ask, by_name):
    wanted = {
        (): ":deny",
        ("ftp.example.com",): "=ftp.example.com:allow",
        ("www.example.com",): "=.example.com:deny",
        ("ftp.example.com", "joe"): "joe@=ftp.example.com:allow",
    }
    assert {who: ask("check", "names", "1.2.3.4", *who)["rule"] for who in wanted} == wanted
    answer = ask("check", "names", "9.9.9.9", info="joe")
    assert (answer["rule"], answer["env"]) == ('joe@9.9.9.9:allow,WHO="joe"', {"WHO": "joe"})


@pytest.mark.parametrize(
    ("options", "warned"),
    [("-RH", True), ("-R -H", True), ("-rh", False), ("-HR -v -c 29 -rh", False), ("-v", False)],
)
def test_check_warns_of_a_rule_that_tcpserver_cannot_use(ask, rules, by_name, run, options, warned):
    run(f"exec softlimit -m 99 tcpserver {options} -l0 \\\n -x {rules}/names.cdb 0 21 /bin/true")
    by_info = ask("check", "names", "9.9.9.9", info="joe")
    by_host = ask("check", "names", "9.9.9.9", host="ftp.example.com")
    for answer in (by_info, by_host):
        assert ("warnings" in answer) == warned
    assert "warnings" not in ask("check", "names", "9.9.9.9")
    assert bool(ask("lint", "names")) == warned


@pytest.mark.parametrize("script", ["exec true", "tcpserver -x", "tcpserver 'x", "tcpserver -? 0"])
def test_a_service_that_runs_something_else_is_passed_over(minion, ask, by_name, run, script):
    run(script)
    scripts = _tcpserver.scripts(str(minion.root / "svc.d"))
    assert _tcpserver.readers("/etc/tcprules/names.cdb", scripts) == {}
    assert "warnings" not in ask("check", "names", "9.9.9.9", info="joe")


def test_check_says_where_text_and_cdb_disagree(ask, rules):
    text = rules / "ftp.rules"
    whole = text.read_text()
    text.write_text(whole.replace("9.9.9.13:deny", "9.9.9.13:allow"))
    answer = ask("check", "ftp", "9.9.9.13")
    assert answer["verdict"] == "deny"
    assert answer["warnings"] == [f"{text} says something else; the cdb decides"]
    text.write_text(whole.replace("9.9.9.13:deny", "9.9.9.13: deny"))
    assert ask("check", "ftp", "9.9.9.13")["warnings"] == answer["warnings"]
    text.write_text(whole.replace("9.9.9.13:deny\n", ""))
    assert "has no such rule" in ask("check", "ftp", "9.9.9.13")["warnings"][0]
    text.write_text(whole)
    os.utime(text, (time.time() + 9, time.time() + 9))
    assert "newer than the cdb" in ask("check", "ftp", "9.9.9.9")["warnings"][0]
    text.unlink()
    answer = ask("check", "ftp", "9.9.9.9")
    assert (answer["verdict"], answer["site"]) == ("allow", None)
    assert answer["warnings"] == [f"there is no {text} to tell the site"]


def test_a_script_can_ask_who_may_connect(minion, ask):
    """salt-call exits with 1 for a denied client, and not for a question about all rule sets."""
    context = minion.functions.pack["__context__"]
    context.pop("retcode", None)
    for address in ("9.9.9.9", "9.9.9.13"):
        assert "retcode" not in context
        ask("check", "ftp", address)
    assert context.pop("retcode") == 1
    ask("lookup", "9.9.9.13")
    assert "retcode" not in context


def test_without_any_rule_for_it_an_address_is_admitted(ask, rules):
    (rules / "open.rules").write_text("9.9.9.9:deny\n")
    warnings = ask("compile", "open")["warnings"]
    assert warnings == ["no last rule ':deny': whoever no rule names is admitted"]
    assert ask("check", "open", "1.1.1.1")["verdict"] == "allow"
    assert ask("check", "open", "1.1.1.1")["rule"] is None


@pytest.mark.parametrize("address", ["9.9.9.0/24", "9.9.9.9-9.9.9.10", "9.9.9.", "x", 9, None])
def test_check_takes_one_address(ask, address):
    with pytest.raises(SaltInvocationError):
        ask("check", "ftp", address)


def test_check_without_a_cdb_says_what_tcpserver_does(ask, rules):
    with pytest.raises(CommandExecutionError, match=r"pop3: there is no .*, so tcpserver drops"):
        ask("check", "pop3", "9.9.9.9")
    (rules / "pop3.cdb").write_text("")
    with pytest.raises(CommandExecutionError, match="not a cdb, or damaged"):
        ask("check", "pop3", "9.9.9.9")


def test_lookup_asks_every_rule_set(ask, by_name):
    found = ask("lookup", "9.9.9.9")
    assert {name: answer["verdict"] for name, answer in found.items()} == {
        "ftp": "allow",
        "names": "deny",
    }


def test_dump_shows_the_records(ask, rules):
    assert ask("dump", "ftp") == [
        "9.9.9.13:deny",
        '9.9.9.:allow,SITE="acme"',
        "192.168.0.:allow",
        "192.168.1.:allow",
        "127.0.:allow",
        ":deny",
    ]
    with pytest.raises(CommandExecutionError, match=f"pop3: {rules}/pop3.cdb: No such file"):
        ask("dump", "pop3")


def test_diff_compares_what_is_in_force_with_what_would_be(ask, rules):
    other = rules / "other.rules"
    other.write_text("# lan\n192.168.0.:allow\n# default\n:deny\n")
    assert ask("diff", "ftp", str(other)) == {
        "acme": {'allow,SITE="acme" -> deny': ["9.9.9.0-9.9.9.12", "9.9.9.14-9.9.9.255"]},
        "lan": {"allow -> deny": ["192.168.1.0/24"]},
        "loopback": {"allow -> deny": ["127.0.0.0/16"]},
    }
    assert ask("diff", "ftp", str(rules / "ftp.rules")) == {}
    for absent in ("pop3", str(rules / "pop3.rules")):
        with pytest.raises(CommandExecutionError, match="there is no "):
            ask("diff", "ftp", absent)


def test_render_shows_what_would_be_written(ask, rules):
    assert (rules / "ftp.rules").read_text().startswith(ask("render", "ftp", PAGE))


def test_plan_tells_whose_verdict_would_change_and_by_which_lines(ask, rules):
    nothing = {"changes": {}, "lines": [], "revoked": [], "held": [], "warnings": []}
    assert ask("plan", "ftp", PAGE) == nothing
    sites = {**PAGE["sites"], "acme": {**PAGE["sites"]["acme"], "deny": ["9.9.9.14"]}}
    planned = ask("plan", "ftp", {"sites": sites})
    assert planned == {
        "changes": {
            "acme": {
                'deny -> allow,SITE="acme"': ["9.9.9.13"],
                'allow,SITE="acme" -> deny': ["9.9.9.14"],
            }
        },
        "lines": ["-9.9.9.13:deny", "+9.9.9.14:deny"],
        "revoked": [],
        "held": [],
        "warnings": [],
    }
    assert ask("check", "ftp", "9.9.9.13")["verdict"] == "deny"
    done = ask("install", "ftp", {"sites": sites})
    assert done == {"changes": planned["changes"], "revoked": [], "warnings": []}
    assert ask("check", "ftp", "9.9.9.13")["verdict"] == "allow"
    gone = ask("plan", "ftp", {"state": "absent"})
    assert sorted(gone["changes"]) == [
        str(rules / name) for name in (".past/ftp", "ftp.cdb", "ftp.rules")
    ]
    assert "-9.9.9.14:deny" in gone["lines"]


def test_compile_tells_what_it_would_change_and_changes_it(ask, rules):
    (rules / "pop3.rules").write_text("# lan\n192.168.0.:allow\n:deny\n")
    foretold = ask("compile", "pop3", test=True)
    assert foretold == {"changes": {"lan": {"deny -> allow": ["192.168.0.0/24"]}}, "warnings": []}
    assert not (rules / "pop3.cdb").exists()
    assert ask("compile", "pop3") == foretold
    assert ask("compile", "pop3") == {"changes": {}, "warnings": []}


def test_lint_reads_a_file_or_a_text(ask, rules):
    assert ask("lint", "ftp") == []
    assert "did you mean '192.168.0.:allow'?" in ask("lint", text="192.168.0:allow\n:deny")[0]
    with pytest.raises(CommandExecutionError, match="pop3: there is no "):
        ask("lint", "pop3")


@pytest.mark.parametrize(
    ("cidr", "address"),
    [("192.168.0.0/23", "192.168.0-1."), ("9.9.9.9", "9.9.9.9"), ("0.0.0.0/0", "")],
)
def test_from_cidr_is_the_address_of_a_rule(ask, cidr, address):
    assert ask("from_cidr", cidr) == address


def test_from_cidr_takes_what_is_one_rule(ask):
    with pytest.raises(SaltInvocationError, match="needs 3 rules"):
        ask("from_cidr", "9.9.9.9-9.9.9.12")


def test_compile_refuses_what_tcprules_refuses(ask, rules):
    (rules / "pop3.rules").write_text("9.9.9.9: allow\n")
    with pytest.raises(CommandExecutionError, match=r"^pop3: unable to parse this line: 9\."):
        ask("compile", "pop3")
    with pytest.raises(CommandExecutionError, match="nothing: "):
        ask("compile", "nothing")
    found = sorted(path.name for path in rules.iterdir())
    assert found == [".lock", ".past", "ftp.cdb", "ftp.rules", "pop3.rules"]


@pytest.mark.parametrize(
    "name",
    [
        "check",
        "compile",
        "diff",
        "dump",
        "from_cidr",
        "install",
        "lint",
        "lookup",
        "plan",
        "render",
    ],
)
def test_every_function_has_an_example_for_the_command_line(minion, name):
    assert f"salt gw1 tcprules.{name} " in minion.functions[f"tcprules.{name}"].__doc__
