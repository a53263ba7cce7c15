"""What must change in a packet filter, and how the old rules come back."""

import os
import subprocess
import time

import _filter
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


def test_without_a_guard_nothing_is_touched(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    told = pytest.raises(CommandExecutionError, match="ours: no guard could be started")
    with told, _filter._dead_man("ours", [["true"]]):
        raise AssertionError


class TestModule:
    """The rules may need a module of the kernel, which is loaded before them."""

    @pytest.fixture
    def modprobe(self, tmp_path, monkeypatch):
        (tmp_path / "bin").mkdir()
        fakes = Fakes(tmp_path / "bin", monkeypatch)
        fakes.add("modprobe", "echo no such module >&2; exit 1")
        return fakes

    def test_one_that_is_there_is_left_alone(self, modprobe):
        there = os.listdir("/sys/module")[0]
        _filter._have("rules", there)
        _filter._have("rules", None)
        assert modprobe.calls() == []

    def test_one_that_is_missing_is_loaded(self, modprobe):
        modprobe.add("modprobe")
        _filter._have("rules", "no_such_module")
        assert modprobe.calls() == ["modprobe no_such_module"]

    def test_a_part_of_the_kernel_need_not_be_loaded(self, modprobe):
        _filter._have("rules", "tcp_v4_connect")

    def test_a_kernel_without_it_is_told(self, modprobe):
        with pytest.raises(
            CommandExecutionError, match=r"^rules: the kernel has no no_such_module"
        ):
            _filter._have("rules", "no_such_module")
