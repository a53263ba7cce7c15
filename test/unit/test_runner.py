"""What the runner tells when it is not over as it should be."""

import importlib.util
import pathlib
import types

import _rollout
import pytest
from _minions import Answer

RUNNER = pathlib.Path(__file__).parents[2] / "_runners/ftpgw.py"


@pytest.fixture
def runner():
    """The runner as a master loads it."""
    spec = importlib.util.spec_from_file_location("ftpgw_runner", RUNNER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__opts__, module.__context__ = {}, {}
    return module


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), "stopped in wave 1 of 1, by hand"),
        (SystemExit(1), "stopped in wave 1 of 1, by hand"),
        (TypeError("x\ny"), "stopped in wave 1 of 1, by a fault: TypeError: x"),
    ],
)
def test_whatever_ends_a_rollout_says_who_has_what(runner, error, told):
    def ask(ids, function, *_, **settings):
        states = {"a_|-b_|-c_|-d": {"__id__": "b", "result": None, "changes": {"x": "y"}}}
        for one in ids:
            yield one, Answer("good", states)
            if not settings.get("test"):
                raise error

    change = _rollout.Rollout(["gw1", "gw2"], [], "100%", "x", None, False, ask, print)
    answer = runner._run(change, test=False)
    assert answer["retcode"] == 1
    assert answer["text"].splitlines()[0] == told
    assert "between  gw2  asked, not answered yet" in answer["text"]


def test_what_a_gateway_says_steers_no_terminal(runner):
    """Not even while it is rehearsed."""
    said = []
    runner.__jid_event__ = types.SimpleNamespace(fire_event=lambda *event: said.append(event[0]))
    runner._say("gw1: would change\n  a: \x1b[2Jb")
    assert [event["text"] for event in said] == ["gw1: would change\n  a: \\x1b[2Jb"]


def test_whoever_reads_by_a_pipe_and_goes_stops_nothing(runner):
    def broken(*_):
        raise BrokenPipeError

    runner.__jid_event__ = types.SimpleNamespace(fire_event=broken)
    runner._say("wave 1 of 2: gw1")


@pytest.mark.parametrize("sls", ["", None, []])
def test_no_states_at_all_are_not_all_of_them(runner, sls, monkeypatch):
    """An empty variable of a shell would have a minion apply its highstate."""
    monkeypatch.setattr(runner._minions, "matched", lambda *_: ["gw1"])
    answer = runner.rollout("gw1", sls=sls)
    assert (answer["retcode"], answer["text"]) == (
        1,
        f"sls: must name states such as ftpgw, not {sls!r}",
    )
