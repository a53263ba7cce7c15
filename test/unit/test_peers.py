"""Whom a minion must not lose, and whether they answer."""

import socket
import time

import _peers
import pytest


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
    assert _peers.masters(opts) == peers


def test_a_minion_with_a_process_for_each_master_must_lose_none(monkeypatch):
    """Whichever of them sent the job."""
    opts = {"master": "one", "multimaster": True}
    assert _peers.masters(opts, ["one", "two"]) == _peers.masters({"master": ["one", "two"]})


@pytest.mark.parametrize(
    ("connection", "peers"),
    [
        ("9.9.9.9 50000 192.168.0.254 22", [("the ssh client", "9.9.9.9", 22, True)]),
        ("2001:db8::9 5 2001:db8::1 22", [("the ssh client", "2001:db8::9", 22, True)]),
        ("", []),
    ],
)
def test_whoever_came_by_ssh_is_known(connection, peers):
    assert _peers.visitor(connection) == peers


def test_somebody_counts_where_he_answers():
    """At each port by itself; a refusal is an answer where nobody need listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        asked = [("a", host, port, False), ("b", host, 1, False), ("c", host, 1, True)]
        reached = [f"a at {host}:{port}", f"c at {host}:1"]
        assert list(_peers.reachable(asked).values()) == reached


def test_an_address_of_ipv6_is_told_as_people_write_it():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        [who] = _peers.reachable([("the master", "::1", port, False)]).values()
    assert who == f"the master at [::1]:{port}"


def test_a_name_that_nobody_knows_is_nobody(monkeypatch):
    assert _peers.reachable([("the master", "salt.invalid", 4506, False)]) == {}


def test_many_are_asked_at_once(monkeypatch):
    """A few seconds for each would be more than the guard waits."""
    monkeypatch.setattr(_peers, "_answers", lambda _: time.sleep(0.2) or True)
    start = time.monotonic()
    asked = [("a", f"127.0.0.{n}", 4506, False) for n in range(1, 30)]
    assert len(_peers.reachable(asked)) == len(asked)
    assert time.monotonic() - start < 2
