"""firewall: what must change in a packet filter, and how the old rules come back."""

import socket
import time

import pytest
from salt.exceptions import CommandExecutionError

from _modules import firewall


@pytest.fixture
def opts(monkeypatch):
    """The configuration of the minion."""
    told = {"file_client": "remote"}
    monkeypatch.setattr(firewall, "__opts__", told, raising=False)
    return told


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
    assert firewall.compare(world, text) == changes


def test_a_master_counts_where_it_answers(opts):
    """At each of its two ports, by its address where the minion knows that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        opts |= {"master": "salt.invalid", "master_ip": "127.0.0.1", "master_port": port}
        opts["publish_port"] = 1
        assert firewall.masters() == [f"127.0.0.1:{port}"]


@pytest.mark.parametrize("master", ["", None, ["one", "two"]])
def test_a_minion_may_not_know_its_master(opts, master):
    """Then there is nothing to lose."""
    opts["master"] = master
    assert firewall.masters() == []


def test_a_minion_without_a_master_has_none(opts):
    """The name in its configuration is only the default."""
    opts |= {"file_client": "local", "master": "127.0.0.1"}
    assert firewall.masters() == []


def test_the_guard_does_nothing_if_all_is_well(tmp_path):
    """The command is for the other case."""
    with firewall._dead_man("ours", ["touch", str(tmp_path / "back")]):
        pass
    assert not (tmp_path / "back").exists()


def test_the_guard_acts_before_an_error_is_told(tmp_path):
    """Whoever reads the error finds the old rules in force."""
    with (
        pytest.raises(ZeroDivisionError),
        firewall._dead_man("ours", ["touch", str(tmp_path / "back")]),
    ):
        raise ZeroDivisionError
    assert (tmp_path / "back").exists()


def test_the_guard_waits_no_longer_than_a_run_may_take(tmp_path, monkeypatch):
    """A run that hangs loses, and is told so when it wakes up."""
    monkeypatch.setattr(firewall, "PATIENCE", 0.1)
    back = tmp_path / "back"

    def hang():
        with firewall._dead_man("ours", ["touch", str(back)]):
            deadline = time.monotonic() + 5
            while not back.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.1)

    with pytest.raises(CommandExecutionError, match="ours: this took more than"):
        hang()
    assert back.exists()
