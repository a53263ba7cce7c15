"""What a minion answered, and what is told of one that did not."""

import functools

import _minions
import _traffic
import pytest
from salt.exceptions import SaltReqTimeoutError


@pytest.mark.parametrize(
    ("value", "retcode", "kind", "told"),
    [
        ({}, 0, "good", None),
        ({"problems": ["x"]}, 1, "bad", None),
        ("ERROR: open-ftpd: down", 1, "bad", "open-ftpd: down"),
        ("ERROR executing 'ftpgw.figures': by: no", 1, "bad", "by: no"),
        (["Rendering SLS failed:\n  more", "x"], 1, "bad", "Rendering SLS failed:"),
        (
            "'ftpgw.health' is not available.",
            254,
            "unknowing",
            "does not know f (apply the formula there first)",
        ),
        ("", 1, "bad", "failed without a word"),
    ],
)
def test_an_answer_is_understood(value, retcode, kind, told):
    answer = _minions.understood(value, retcode)
    assert answer.kind == kind
    assert _minions.trouble("f", answer) == told


def test_who_is_silent_is_told_of():
    assert _minions.trouble("f", _minions.Answer("silent")) == "no answer"


@pytest.mark.parametrize("strange", [None, "x", 7, [7], {"a": 7}, {"open-ftpd": {"by": 1}}])
def test_who_answers_what_nobody_understands_hides_nobody(strange):
    """One gateway that somebody else has taken must not blind the fleet."""
    rows = {"by": {"acme": {"admitted": 1, "refused": 0}}, "places": 2, "full": 0, "peak": None}
    good = {"open-ftpd": {"admitted": 1, "refused": 0, **rows}}
    answers = {"gw1": _minions.Answer("good", good), "gw2": _minions.Answer("good", strange)}
    figures = functools.partial(_traffic.figures, by="site")
    (lines, wrong), _ = _minions.made(figures, answers)
    assert lines[0] == "1 gateway: 1 admitted, 0 refused"
    assert (lines[-1], wrong) == ("gw2: answered what nobody understands", True)


def test_a_fault_of_ours_is_one(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        _minions.made(lambda answers: 1 / (len(answers) - 2), {"gw1": None, "gw2": None})


class Client:
    """Of a master that ends when one minion has answered."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def cmd_iter(self, *_, **__):
        yield {"gw1": {"ret": True, "retcode": 0}}
        raise SaltReqTimeoutError("Salt request timed out. The master is not there. Type x.")


def test_a_master_that_ends_is_why_nobody_answers(monkeypatch):
    monkeypatch.setattr(_minions.salt.client, "get_local_client", lambda _: Client())
    found = dict(_minions.ask({"conf_file": ""}, None, ["gw1", "gw2"], "test.ping"))
    told = {one: _minions.trouble("test.ping", answer) for one, answer in found.items()}
    assert told["gw1"] is None
    assert found["gw2"].kind == "silent"
    assert told["gw2"] == "no answer: Salt request timed out. The master is not there"


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "asked"),
    [
        ("role:test", "grain", ("match.grain", "role:test")),
        ("G@a:b and gw*", "compound", ("match.compound", "G@a:b and gw*")),
        ("N@all and not gw2", "compound", ("match.compound", "gw1 or gw2 and not gw2")),
        (["N@all", "and", "gw1"], "compound", ("match.compound", "gw1 or gw2 and gw1")),
        ("all", "nodegroup", ("match.compound", "gw1 or gw2")),
        ("gw*", "glob", None),
        (["gw1", "gw2"], "list", None),
    ],
)
def test_whom_a_target_does_not_mean_any_more_says_so(tgt, tgt_type, asked):
    """Where an id does not tell. Who is silent, or does not know, is not taken out unseen."""
    questions = []

    def ask(ids, *question):
        questions.append(question)
        said = {"gw1": _minions.Answer("bad", False), "gw2": _minions.Answer("silent")}
        yield from said.items()

    opts = {"nodegroups": {"all": "gw1 or gw2"}}
    found = _minions.strangers(opts, tgt, tgt_type, ["gw1", "gw2"], ask)
    assert (found, questions) == ((["gw1"], [asked]) if asked else ([], []))
