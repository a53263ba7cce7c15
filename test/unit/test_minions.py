"""What a minion answered, and what is told of one that did not."""

import _minions
import pytest


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
