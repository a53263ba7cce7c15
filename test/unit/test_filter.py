"""What must change in a packet filter, and how the old rules come back."""

import socket
import time

import _filter
import pytest
from salt.exceptions import CommandExecutionError


@pytest.mark.parametrize(
    ("file", "loaded", "remembered", "text", "changes"),
    [
        ("a\n", "A\n", "A\n", "a\n", {}),
        ("", "", "", "", {}),
        ("", "", "", "a\n", {"file": "+a", "loaded": "there were none"}),
        ("a\n", "", "A\n", "a\n", {"loaded": "there were none"}),
        ("a\n", "", "", "a\n", {"loaded": "there were none"}),
        ("a\n", "A\nB\n", "A\n", "a\n", {"loaded": "-B"}),
        ("a\n", "A\n", "", "a\n", {"loaded": "-A"}),
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


@pytest.mark.parametrize(
    ("opts", "addresses"),
    [
        ({"master": "salt"}, [("salt", 4506), ("salt", 4505)]),
        (
            {"master": "salt.invalid", "master_ip": "9.9.9.9", "master_port": "1"},
            [("9.9.9.9", 1), ("9.9.9.9", 4505)],
        ),
        ({"master": "salt", "publish_port": 2}, [("salt", 4506), ("salt", 2)]),
        ({"master": "[2001:db8::1]"}, [("2001:db8::1", 4506), ("2001:db8::1", 4505)]),
        # The name in its configuration is only the default.
        ({"master": "salt", "file_client": "local"}, []),
        ({"master": ""}, []),
        ({"master": None}, []),
        ({"master": ["one", "two"]}, []),
    ],
)
def test_the_master_of_a_minion_is_where_its_configuration_says(opts, addresses):
    """At two ports, by its address where the minion knows that; some minions have none."""
    assert _filter.masters(opts) == addresses


def test_a_master_counts_where_it_answers():
    """At each port by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        assert _filter.answering([("127.0.0.1", 1), address]) == [address]


def test_the_guard_does_nothing_if_all_is_well(tmp_path):
    """The command is for the other case."""
    with _filter._dead_man("ours", ["touch", str(tmp_path / "back")]):
        pass
    assert not (tmp_path / "back").exists()


def test_the_guard_acts_before_an_error_is_told(tmp_path):
    """Whoever reads the error finds the old rules in force."""
    with (
        pytest.raises(ZeroDivisionError),
        _filter._dead_man("ours", ["touch", str(tmp_path / "back")]),
    ):
        raise ZeroDivisionError
    assert (tmp_path / "back").exists()


def test_the_guard_waits_no_longer_than_a_run_may_take(tmp_path, monkeypatch):
    """A run that hangs loses, and is told so when it wakes up."""
    monkeypatch.setattr(_filter, "PATIENCE", 0.1)
    back = tmp_path / "back"

    def hang():
        with _filter._dead_man("ours", ["touch", str(back)]):
            deadline = time.monotonic() + 5
            while not back.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.1)

    with pytest.raises(CommandExecutionError, match="ours: this took more than"):
        hang()
    assert back.exists()
