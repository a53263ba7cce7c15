"""Whatever was done to a service before, the state makes it what it is declared to be."""

import contextlib
import os
import signal
import time

import _restarts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

NAME = "anything"
SETTINGS = {
    "command": ["sleep", "1000"],
    "envdir": {"SITE": "acme"},
    "multilog": {"user": False},
    "stable_for": 2,
}


def order(letters, name=NAME):
    def carry_out(minion, folder):
        minion.functions["daemontools.svc"](name, letters)

    return carry_out


def call(function):
    def carry_out(minion, folder):
        minion.functions[f"daemontools.{function}"](NAME)

    return carry_out


def kill(part):
    def carry_out(minion, folder):
        record = minion.functions["daemontools.show"](f"{NAME}{part}")
        if record["pid"]:
            os.kill(record["pid"], signal.SIGKILL)

    return carry_out


def edit(path, text):
    def carry_out(minion, folder):
        with contextlib.suppress(FileNotFoundError):
            (folder / path).write_text(text)

    return carry_out


def remove(path):
    def carry_out(minion, folder):
        (folder / path).unlink(missing_ok=True)

    return carry_out


def change_mode(path):
    def carry_out(minion, folder):
        if (folder / path).exists():
            (folder / path).chmod(0o600)

    return carry_out


DEEDS = {
    "start": order("u"),
    "stop": order("d"),
    "once": order("o"),
    "pause": order("p"),
    "terminate": order("t"),
    "stop the log": order("d", f"{NAME}/log"),
    "kill": kill(""),
    "kill the log": kill("/log"),
    "enable": call("enable"),
    "disable": call("disable"),
    "edit run": edit("run", "#!/bin/sh\nexec sleep 2000\n"),
    "break run": edit("run", "#!/bin/sh\nexit 1\n"),
    "break the log": edit("log/run", "#!/bin/sh\nexit 1\n"),
    "edit the environment": edit("env/SITE", "other\n"),
    "add to the environment": edit("env/MORE", "x\n"),
    "leave something behind": edit("run.new", "half"),
    "remove run": remove("run"),
    "remove the environment": remove("env/SITE"),
    "take the right to run": change_mode("run"),
}


def declare(minion):
    return minion.apply("daemontools.supervised", name=NAME, settings=SETTINGS)


@given(st.lists(st.sampled_from(sorted(DEEDS)), min_size=1, max_size=6))
@settings(
    max_examples=6,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_sequence_of_deeds_is_made_good_by_one_run(minion, svscan, deeds):
    for deed in deeds:
        with contextlib.suppress(CommandExecutionError):
            DEEDS[deed](minion, minion.root / "svc.d" / NAME)
        time.sleep(0.05)
    # supervise reads no orders for a second after a start.
    time.sleep(1.2)

    result = declare(minion)
    assert result["result"] is True, result["comment"]
    record = minion.functions["daemontools.show"](NAME)
    assert (record["state"], record["want"], record["enabled"]) == ("up", "up", True)
    assert record["log"]["state"] == "up"
    # Until it has lived longer than before, it may be one that dies again and again.
    deadline = time.monotonic() + _restarts.YOUNG + 5
    while minion.functions["daemontools.show"](NAME)["problem"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert declare(minion)["changes"] == {}
