"""What must change in a packet filter, and how the old rules come back."""

import os
import signal
import socket
import subprocess
import time

import _filter
import _guard
import pytest
from fakes import Fakes
from salt.exceptions import CommandExecutionError


@pytest.mark.parametrize(
    ("file", "loaded", "remembered", "text", "changes"),
    [
        ("a\n", "A\n", "A\n", "a\n", {}),
        ("", "", "", "", {}),
        ("", "", "", "a\n", {"file": "+a", "loaded": "there were none"}),
        ("a\n", "", "A\n", "a\n", {"loaded": "there were none"}),
        ("a\n", "", "", "a\n", {"loaded": "there were none"}),
        (
            "a\n",
            "A\n",
            None,
            "a\n",
            {"loaded": "what is remembered of them is older than the file"},
        ),
        ("a\n", "A\n", None, "", {"file": "-a", "loaded": "-A"}),
        ("a\n", "A\nB\n", "A\n", "a\n", {"loaded": "-B"}),
        ("a\n", "A\n", "", "a\n", {"loaded": "nothing is remembered of them"}),
        ("a\n", "A\n", "A\n", "b\n", {"file": "-a\n+b"}),
        ("a\n", "A\n", "A\n", "", {"file": "-a", "loaded": "-A"}),
        ("", "A\n", "", "", {"loaded": "-A"}),
        ("--a\n", "A\n", "A\n", "++b\n", {"file": "---a\n+++b"}),
    ],
)
def test_the_changes_are_those_of_the_file_and_of_what_is_loaded(
    file, loaded, remembered, text, changes
):
    """What is loaded is compared with what the filter showed when it was loaded."""
    world = {"text": file, "loaded": loaded, "remembered": remembered}
    assert _filter.plan(world, text) == changes


def at(*addresses):
    return [("the master", host, port, False) for host, port in addresses]


@pytest.mark.parametrize(
    ("opts", "peers"),
    [
        ({"master": "salt"}, at(("salt", 4506), ("salt", 4505))),
        ({"master": "salt", "publish_port": 2}, at(("salt", 4506), ("salt", 2))),
        (
            {"master": "salt.invalid", "master_ip": "9.9.9.9", "master_port": "1"},
            at(("9.9.9.9", 1), ("9.9.9.9", 4505)),
        ),
        ({"master": "[2001:db8::1]"}, at(("2001:db8::1", 4506), ("2001:db8::1", 4505))),
        ({"master": "2001:db8::1"}, at(("2001:db8::1", 4506), ("2001:db8::1", 4505))),
        ({"master": "[2001:db8::1]:7"}, at(("2001:db8::1", 7), ("2001:db8::1", 4505))),
        ({"master_ip": "[::1]", "master": "x"}, at(("::1", 4506), ("::1", 4505))),
        (
            {"master": ["one", "two:7"]},
            at(("one", 4506), ("one", 4505), ("two", 7), ("two", 4505)),
        ),
        # The second of these answered; the others are in reserve.
        (
            {"master": "two", "master_ip": "9.9.9.9", "master_list": ["one"]},
            at(("9.9.9.9", 4506), ("9.9.9.9", 4505), ("one", 4506), ("one", 4505)),
        ),
        # The name in its configuration is only the default.
        ({"master": "salt", "file_client": "local"}, []),
        ({"master": "salt", "master_type": "disable"}, []),
        ({"master": ""}, []),
        ({"master": None}, []),
        ({"master": ["a:b", 3, ""]}, []),
    ],
)
def test_the_masters_of_a_minion_are_where_its_configuration_says(opts, peers):
    """Each at two ports, by its address where the minion knows that; some minions have none."""
    assert _filter.masters(opts) == peers


def test_a_minion_with_a_process_for_each_master_must_lose_none(monkeypatch):
    """Whichever of them sent the job."""
    opts = {"master": "one", "multimaster": True}
    assert _filter.masters(opts, ["one", "two"]) == _filter.masters({"master": ["one", "two"]})


@pytest.mark.parametrize(
    ("connection", "peers"),
    [
        ("9.9.9.9 50000 192.168.0.254 22", [("the ssh client", "9.9.9.9", 22, True)]),
        ("2001:db8::9 5 2001:db8::1 22", [("the ssh client", "2001:db8::9", 22, True)]),
        ("", []),
    ],
)
def test_whoever_came_by_ssh_is_known(connection, peers):
    assert _filter.visitor(connection) == peers


def test_somebody_counts_where_he_answers():
    """At each port by itself; a refusal is an answer where nobody need listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        asked = [("a", host, port, False), ("b", host, 1, False), ("c", host, 1, True)]
        reached = [f"a at {host}:{port}", f"c at {host}:1"]
        assert list(_filter.reachable(asked).values()) == reached


def test_an_address_of_ipv6_is_told_as_people_write_it():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        [who] = _filter.reachable([("the master", "::1", port, False)]).values()
    assert who == f"the master at [::1]:{port}"


def test_a_name_that_nobody_knows_is_nobody(monkeypatch):
    assert _filter.reachable([("the master", "salt.invalid", 4506, False)]) == {}


def test_many_are_asked_at_once(monkeypatch):
    """A few seconds for each would be more than the guard waits."""
    monkeypatch.setattr(_filter, "_answers", lambda _: time.sleep(0.2) or True)
    start = time.monotonic()
    asked = [("a", f"127.0.0.{n}", 4506, False) for n in range(1, 30)]
    assert len(_filter.reachable(asked)) == len(asked)
    assert time.monotonic() - start < 2


def test_the_guard_does_nothing_if_all_is_well(tmp_path):
    """The command is for the other case."""
    with _filter._dead_man("ours", [["touch", str(tmp_path / "back")]]):
        pass
    assert not (tmp_path / "back").exists()


def test_the_guard_acts_before_an_error_is_told(tmp_path):
    """Whoever reads the error finds the old rules in force."""
    with (
        pytest.raises(ZeroDivisionError),
        _filter._dead_man("ours", [["touch", str(tmp_path / "back")]]),
    ):
        raise ZeroDivisionError
    assert (tmp_path / "back").exists()


def test_the_guard_waits_no_longer_than_a_run_may_take(tmp_path, monkeypatch):
    """A run that hangs loses, and is told so when it wakes up."""
    monkeypatch.setattr(_filter, "PATIENCE", 0.1)
    back = tmp_path / "back"

    def hang():
        with _filter._dead_man("ours", [["touch", str(back)]]):
            deadline = time.monotonic() + 5
            while not back.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.1)

    with pytest.raises(CommandExecutionError, match="ours: this took more than"):
        hang()
    assert back.exists()


@pytest.mark.parametrize(
    ("commands", "made", "told"),
    [
        (["false", "touch {}/unloaded"], ["unloaded"], "so ours are out of force"),
        (["no-such", "touch {}/unloaded"], ["unloaded"], "so ours are out of force"),
        (["sleep 9", "touch {}/unloaded"], ["unloaded"], "so ours are out of force"),
        (["false", "false"], [], "not even the old rules could be loaded"),
        (["touch {}/loaded", "touch {}/unloaded"], ["loaded"], ""),
        # There were no old rules, and the new ones never came.
        (["false"], [], ""),
    ],
)
def test_where_the_old_rules_do_not_load_ours_are_unloaded(
    commands, made, told, tmp_path, monkeypatch
):
    """Rather than to leave those in force that cut somebody off."""
    monkeypatch.setattr(_filter, "PROGRAM", 1)
    back = [command.format(tmp_path).split() for command in commands]
    error = CommandExecutionError if told else ZeroDivisionError
    with pytest.raises(error, match=told or None), _filter._dead_man("ours", back):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == made


def test_what_an_orphan_loads_is_taken_back_afterwards(tmp_path):
    """The guard sees the end only when nobody is left who could load the new rules."""
    order = tmp_path / "order"
    back = ["sh", "-c", f"echo old >>{order}"]

    def die():
        with _filter._dead_man("ours", [back]) as pipe:
            load = ["sh", "-c", f"sleep 0.3; echo new >>{order}"]
            subprocess.Popen(load, pass_fds=[pipe])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    assert order.read_text() == "new\nold\n"


def test_a_run_that_wakes_up_late_does_not_bring_the_new_rules_back(tmp_path, monkeypatch):
    """The guard comes a second time, when whoever hung has ended."""
    order = tmp_path / "order"

    def hang():
        with _filter._dead_man("ours", [["sh", "-c", f"echo old >>{order}"]]):
            time.sleep(0.4)
            with order.open("a") as file:
                file.write("new\n")

    monkeypatch.setattr(_filter, "PATIENCE", 0.3)
    with pytest.raises(CommandExecutionError, match="ours: this took more than"):
        hang()
    assert order.read_text() == "old\nnew\nold\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_guard_is_not_ended_with_us(tmp_path, number):
    """It is in a session of its own, and ignores what a service manager sends to all."""
    guard = _guard.start([["touch", str(tmp_path / "back")]], 10, 10)
    assert os.getsid(guard.pid) == guard.pid
    guard.send_signal(number)
    assert _guard.end(guard) == _guard.BACK
    assert (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ('test "$1 $2 $3 $4" = "--scope --quiet --collect --"; shift 4; exec "$@"', 1),
        ("exit 1", 1),
    ],
    ids=["it works", "it fails"],
)
def test_where_systemd_runs_a_guard_has_a_unit_of_its_own(tmp_path, monkeypatch, script, calls):
    """Or does without, where systemd cannot be asked."""
    fakes = Fakes(tmp_path, monkeypatch)
    fakes.add("systemd-run", script)
    monkeypatch.setattr(_guard, "SYSTEMD", str(tmp_path))
    guard = _guard.start([["touch", str(tmp_path / "back")]], 10, 10)
    assert _guard.end(guard) == _guard.BACK
    assert (tmp_path / "back").exists()
    assert len(fakes.calls()) == calls


def test_without_a_guard_nothing_is_touched(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    told = pytest.raises(CommandExecutionError, match="ours: no guard could be started")
    with told, _filter._dead_man("ours", [["true"]]):
        raise AssertionError
