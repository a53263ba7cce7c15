"""A state ends with one of four sentences."""

import _result
import pytest
from salt.exceptions import CommandExecutionError, SaltInvocationError


def test_the_four_results():
    assert _result.unchanged("a", "is up") == {
        "name": "a",
        "result": True,
        "changes": {},
        "comment": "is up",
    }
    assert _result.would_change("a", {"b": 1}, "would")["result"] is None
    assert _result.changed("a", {"b": 1}, "has")["result"] is True
    assert _result.failed("a", "broken")["result"] is False


@pytest.mark.parametrize(
    ("error", "comment"),
    [
        (CommandExecutionError("no such thing"), "svc: no such thing"),
        (CommandExecutionError("svc: no such thing"), "svc: no such thing"),
        (SaltInvocationError("ftpgw:services:svc: expected x"), "ftpgw:services:svc: expected x"),
        (OSError(28, "No space left on device", "/a/b"), "svc: /a/b: No space left on device"),
        (OSError("odd"), "svc: odd"),
    ],
)
def test_a_failure_begins_with_what_it_is_about(error, comment):
    assert _result.failed("svc", error)["comment"] == comment


def test_what_watches_a_failure_is_not_restarted():
    assert _result.failed("svc", "x")["skip_watch"] is True


def test_warnings_are_there_only_if_there_are_any():
    assert _result.changed("a", {}, "x", ["w"])["warnings"] == ["w"]
    assert "warnings" not in _result.changed("a", {}, "x")
