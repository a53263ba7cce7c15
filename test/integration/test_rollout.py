"""A master and its minions: a change in waves, and the fleet in one table."""

import contextlib
import itertools
import json
import select
import signal
import socket

import _version
import fleet as sandbox
import pytest
from printed import plain, shown

ALL = "gw[1-4]"
NUMBERS = itertools.count(1)
ORDER = ("canaries=[gw3, gw1]", "wave=1", "sls=rules")


@pytest.fixture(scope="module")
def fleet(gateway, tmp_path_factory):
    """Four gateways with rules, applied once."""
    four = sandbox.Fleet(tmp_path_factory.mktemp("fleet"), 4)
    done = four.run("ftpgw.rollout", ALL, "wave=100%", "sls=rules")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("done\n  new  gw1 to gw4  changed\n")
    yield four
    four.end()


@pytest.fixture
def change(fleet):
    """Let all of them have something to change; returns what says who was changed."""

    def declare(**more):
        new = {"allow": [f"203.0.113.{next(NUMBERS)}"]}
        for one in fleet.ids:
            sites = {**sandbox.RULES["sites"], "new": new}
            fleet.declare(one, sites=sites, **more.get(one, {}))
        before = {one: fleet.rules(one) for one in fleet.ids}
        return lambda: [one for one in fleet.ids if fleet.rules(one) != before[one]]

    return declare


@pytest.mark.parametrize(
    ("poisoned", "touched", "wave"),
    [("gw4", ["gw1", "gw2", "gw3", "gw4"], 4), ("gw3", ["gw3"], 1), ("gw1", ["gw1", "gw3"], 2)],
)
def test_a_poisoned_gateway_stops_the_rest(fleet, change, poisoned, touched, wave):
    """The last of all, whose rules had come into force; the first canary, and another one."""
    who = change(**{poisoned: {"poison": "echo no room >&2; false"}})
    done = fleet.run("ftpgw.rollout", ALL, *ORDER)
    assert done.returncode == 1
    assert f"stopped in wave {wave} of 4" in done.stdout
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert ["between", poisoned, "failed: poison: Command"] in [
        [*row[:2], row[2][: len("failed: poison: Command")]] for row in rows if row[2:]
    ]
    assert who() == touched
    if poisoned == "gw4":
        assert plain(done.stdout) == shown("docs/fleet.md", "gw1 to gw3: would change")


def test_one_that_would_admit_whom_it_must_not_lets_nothing_begin(fleet, change):
    who = change(gw4={"expect": {"deny": ["9.9.9.9"]}})
    done = fleet.run("ftpgw.rollout", ALL, *ORDER)
    assert done.returncode == 1
    assert plain(done.stdout) == shown("docs/fleet.md", "stopped before anything was touched")
    assert who() == []


def test_one_that_dies_in_the_middle_stops_the_rest(fleet, change, tmp_path):
    """Nobody knows what it has; who comes later has the old."""
    there = tmp_path / "there"
    who = change(gw3={"waits": there})
    begun = fleet.running("ftpgw.rollout", ALL, *ORDER)
    sandbox.eventually(there.exists)
    fleet.kill("gw3")
    told = begun.communicate()[0]
    fleet.join("gw3")
    assert begun.returncode == 1
    rows = [line.split(maxsplit=2) for line in told.splitlines()]
    assert ["between", "gw3", "no answer (it may still be at work)"] in rows
    assert ["old", "gw1,", "gw2, gw4  not touched"] in rows
    assert who() == ["gw3"]


def test_one_that_is_away_lets_nothing_begin(fleet, change):
    """And it is named."""
    who = change()
    done = fleet.run("ftpgw.rollout", "gw*", *ORDER, "--out=json")
    assert done.returncode == 1
    stands = json.loads(done.stdout)["gateways"]
    assert stands.pop(sandbox.DEAD)["told"] == "no answer"
    assert {stand["has"] for stand in stands.values()} == {"old"}
    assert who() == []


def test_who_is_named_and_has_no_key_is_in_the_table(fleet):
    """It is meant; nobody is told that all is well without it."""
    status = fleet.run("ftpgw.status", "gw1,gw22", "tgt_type=list")
    assert status.returncode == 1
    assert status.stdout.startswith("2 gateways: 1 without an answer, 1 well\n  gw22  no answer\n")
    done = fleet.run("ftpgw.rollout", "[gw1, gw22]", "tgt_type=list", "sls=rules")
    assert done.returncode == 1
    assert "old  gw22  no answer" in done.stdout
    nobody = fleet.run("ftpgw.status", "gw1", "tgt_type=shoe")
    assert (nobody.returncode, nobody.stdout.startswith("no accepted minion")) == (1, True)
    assert "Traceback" not in nobody.stderr


def test_who_is_not_meant_any_more_is_not_touched(fleet, change):
    """The master knows its grain of before; `salt -G` would not reach it either."""
    fleet.salt("gw[12]", "grains.setval", "role", "test")
    sandbox.eventually(lambda: fleet.salt("-G", "role:test", "test.ping").stdout.count("True") == 2)
    fleet.salt("gw1", "grains.setval", "role", "live", "refresh_pillar=False")
    who = change()
    done = fleet.run("ftpgw.rollout", "role:test", "tgt_type=grain", "sls=rules")
    assert done.stdout.endswith("done\n  new  gw2  changed\n")
    assert who() == ["gw2"]


def test_one_at_a_time_and_ctrl_c_prints_the_table(fleet, change, tmp_path):
    there = tmp_path / "there"
    who = change(gw1={"waits": there})
    begun = fleet.running("ftpgw.rollout", ALL, *ORDER)
    sandbox.eventually(there.exists)
    second = fleet.run("ftpgw.rollout", ALL, *ORDER)
    assert second.returncode == 1
    assert f"a rollout to {ALL} (pid {begun.pid}) has been at work" in second.stdout
    # Whoever watches by a pipe is told meanwhile, too.
    assert select.select([begun.stdout], [], [], 60)[0]
    begun.send_signal(signal.SIGINT)
    told = begun.communicate()[0]
    there.unlink()
    assert begun.returncode == 1
    assert "stopped in wave 2 of 4, by hand" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["between", "gw1", "asked,", "not", "answered", "yet"] in rows
    assert ["new", "gw3", "changed"] in rows
    assert ["old", "gw2,", "gw4", "not", "touched"] in rows
    assert who() == ["gw1", "gw3"]


def test_what_fails_gets_its_rules_back(fleet, change):
    """It was well before, and is not afterwards: whoever was admitted is again."""
    change()
    fleet.kill("svscan gw3")
    done = fleet.run("ftpgw.rollout", ALL, *ORDER, "on_failure=revert")
    fleet.watch("gw3")
    assert done.returncode == 1
    assert "changed, then not well: svscan: none runs" in done.stdout
    assert "its rules ftp of before are back for 2h" in done.stdout
    fleet.salt("gw3", "tcprules.release", "ftp")


def test_after_a_run_of_states_health_knows_its_pillar(fleet, change):
    """What a minion remembers is older, until somebody says otherwise: the run does."""

    def health():
        told = json.loads(fleet.salt("gw2", "ftpgw.health", "greeting=False", "--out=json").stdout)
        return told["gw2"]["problems"], told["gw2"]["notes"]

    fleet.salt("gw2", "state.apply", "rules")
    assert health() == ([], [])
    change()
    fleet.salt("gw2", "state.apply", "rules")
    assert health() == ([], [])
    change()
    fleet.salt("gw2", "saltutil.refresh_pillar", "wait=True")
    [problem], [note] = health()
    assert problem.startswith("ftp: the rules in force are not as declared (new)")
    assert note.startswith("ftpgw: not the pillar of the last run of states")


def test_who_remembers_an_old_pillar_is_probed_with_that_of_now(fleet):
    """It has nothing to change, and is as pillar has it."""
    old, new = (
        {**sandbox.RULES["sites"], "new": {"allow": [one]}} for one in ("9.9.1.1", "9.9.1.2")
    )
    fleet.declare("gw2", sites=old)
    fleet.salt("gw2", "state.apply", "rules")
    fleet.declare("gw2", sites=new)
    fleet.salt("gw2", "saltutil.refresh_pillar", "wait=True")
    fleet.declare("gw2", sites=old)
    assert fleet.salt("gw2", "ftpgw.health", "greeting=False").returncode == 1
    done = fleet.run("ftpgw.rollout", "gw2", "sls=rules")
    assert done.stdout.endswith("done\n  new  gw2  nothing to change\n")
    assert done.returncode == 0


def test_what_is_denied_in_a_hurry_ends_by_itself(fleet):
    """Its minion ends it, also one that was killed meanwhile; no run of states comes."""

    def verdict():
        answer = fleet.salt("gw2", "tcprules.check", "ftp", "9.9.9.9", "--out=json")
        return json.loads(answer.stdout)["gw2"]["verdict"]

    def jobs():
        return fleet.salt("gw2", "schedule.list").stdout

    assert verdict() == "allow"
    # Who is denied for longer stays so.
    fleet.salt("gw2", "tcprules.deny", "ftp", "9.9.9.10", "until=1h")
    done = fleet.salt("gw2", "tcprules.deny", "ftp", "9.9.9.9", "until=10s")
    assert "allow -> deny" in done.stdout
    assert "no minion" not in done.stdout
    fleet.kill("gw2")
    fleet.join("gw2")
    sandbox.eventually(lambda: fleet.knows("gw2"))
    sandbox.eventually(lambda: verdict() == "allow")
    assert "9.9.9.10 is denied until" in fleet.salt("gw2", "tcprules.release", "ftp", "true").stdout
    assert "tcprules ftp:" in jobs()
    fleet.salt("gw2", "tcprules.release", "ftp")
    assert "tcprules ftp:" not in jobs()


def test_an_orchestration_does_it_as_well(fleet, change):
    """As one step, which fails as it does; a rehearsal touches nobody."""
    who = change()
    tried = fleet.run("ftpgw.rollout", ALL, "sls=rules", "test=True")
    assert tried.returncode == 0
    assert "would change" in tried.stdout
    assert "nothing to change" not in tried.stdout
    assert who() == []
    wanted = json.dumps({"rollout": {"tgt": ALL, "wave": "50%", "sls": "rules"}})
    done = fleet.run("state.orch", "ftpgw.rollout", f"pillar={wanted}")
    assert done.returncode == 0, done.stdout
    assert who() == fleet.ids


def test_the_fleet_stands_in_one_table(fleet):
    """Also who does not answer, and who means something else."""
    for one in fleet.ids:
        fleet.declare(one)
    assert fleet.run("ftpgw.rollout", ALL, "wave=100%", "sls=rules").returncode == 0
    allow = ["9.9.9.0/24", "203.0.113.7"]
    fleet.declare("gw2", sites={"acme": {"allow": allow, "deny": ["9.9.9.13"]}})
    drift = fleet.run("ftpgw.drift", ALL, "sls=ftpgw.rules")
    assert drift.returncode == 1
    assert plain(drift.stdout) == shown("docs/fleet.md", "gw2:")
    done = fleet.run("ftpgw.rollout", ALL, "wave=100%", "sls=ftpgw.rules")
    assert done.returncode == 0, done.stdout
    same = fleet.run("ftpgw.rollout", ALL, "sls=ftpgw.rules")
    assert same.stdout.endswith("done\n  new  gw1 to gw4  nothing to change\n")
    drift = fleet.run("ftpgw.drift", ALL, "sls=ftpgw.rules")
    assert (drift.returncode, drift.stdout) == (0, "gw1 to gw4: as declared\n")
    status = fleet.run("ftpgw.status", "gw*")
    assert status.returncode == 1
    assert status.stdout.endswith(f"version {_version.VERSION}: gw1 to gw4\n")
    assert plain(status.stdout) == shown("docs/fleet.md", "5 gateways")
    compared = fleet.run("ftpgw.compare", ALL)
    assert compared.returncode == 1
    assert plain(compared.stdout) == shown("docs/fleet.md", "ftp: gw1, gw3, gw4: the most")
    admitted = fleet.run("ftpgw.admits", "203.0.113.7", ALL)
    assert admitted.returncode == 0
    assert plain(admitted.stdout) == shown("docs/fleet.md", "verdict")


def test_what_they_counted_and_who_is_there_is_added_up(fleet):
    """None of these has a service of its own, which is no failure."""
    figures = fleet.run("ftpgw.figures", "gw*")
    assert (figures.returncode, figures.stdout) == (1, "gw9: no answer\n")
    wrong = fleet.run("ftpgw.figures", ALL, "by=shoe")
    assert wrong.returncode == 1
    assert "gw1 to gw4: by: expected site, rule, hour, address, got 'shoe'" in wrong.stdout
    sessions = fleet.run("ftpgw.sessions", ALL, "who=acme", "--out=json")
    assert sessions.returncode == 0
    assert json.loads(sessions.stdout)["gateways"] == {one: [] for one in fleet.ids}


def test_a_page_shows_all_of_them(fleet, tmp_path):
    """Also who does not answer, and with drift=True what separates them from pillar."""
    page = tmp_path / "fleet.html"
    for more in ((), ("drift=True",)):
        done = fleet.run("ftpgw.report", "gw*", f"out={page}", *more)
        assert done.returncode == 1, done.stdout
        assert done.stdout.startswith(f"{page}: 5 gateways, ")
    text = page.read_text()
    assert "No answer: gw9." in text
    assert all(f"<b>{one}</b>" in text for one in fleet.ids)
    assert "<td>acme</td>" in text
    assert "What separates gateways from what is declared" in text
    assert page.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def visited(fleet):
    """Each has an FTP server, two sessions, and as many who were refused as its number says."""
    ports = {one: 2100 + number for number, one in enumerate(fleet.ids, 1)}
    for one, port in ports.items():
        loop = {"allow": ["127.0.0.1", "127.0.0.2"]}
        fleet.declare(one, port=port, sites={"loop": loop})
    done = fleet.salt(ALL, "state.apply", "ftpgw.services,ftpgw.rules")
    assert done.returncode == 0, done.stdout
    with contextlib.ExitStack() as sessions:
        for port in ports.values():
            for address in ("127.0.0.1", "127.0.0.2"):
                client = sessions.enter_context(connected(address, port))
                assert client.recv(3) == b"220"
            for _ in range(port - 2100):
                with connected("127.0.0.3", port) as stranger:
                    assert stranger.recv(3) == b""
        yield


def connected(address, port):
    return socket.create_connection(("127.0.0.1", port), 60, (address, 0))


@pytest.mark.usefixtures("visited")
def test_what_visitors_make_of_it_is_as_the_page_has_it(fleet):
    """The logs of the last second are not counted yet."""
    heading, *metrics = fleet.salt("gw1", "ftpgw.metrics").stdout.splitlines()
    values = "\n".join(line for line in metrics if "#" not in line)
    assert (heading, plain(values)) == ("gw1:", shown("docs/fleet.md", "ftpgw_problems 0"))
    table = shown("docs/fleet.md", "4 gateways: 8 admitted")
    sandbox.eventually(lambda: plain(fleet.run("ftpgw.figures", ALL).stdout) == table)
    # Of the same second any may be the first.
    sessions = plain(fleet.run("ftpgw.sessions", ALL).stdout).splitlines()
    assert sorted(sessions) == sorted(shown("docs/fleet.md", "8 sessions").splitlines())
