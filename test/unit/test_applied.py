"""What `state.apply` answers."""

import _applied
from _minions import Answer


def state(number, result, changes=None, comment="", **more):
    return {
        "__run_num__": number,
        "result": result,
        "changes": changes or {},
        "comment": comment,
        **more,
    }


def test_the_first_failure_is_told_not_those_that_follow_from_it():
    answer = Answer(
        "bad",
        {
            "a": state(2, False, comment="no room\nat all", __id__="second"),
            "b": state(1, False, comment="One or more requisite failed: x", __id__="first"),
            "c": state(3, False, comment="no more", __id__="third"),
        },
    )
    assert _applied.failure(answer) == "second: no room (and 1 more)"
    assert _applied.failure(Answer("good", {"a": state(1, None)})) is None
    assert _applied.failure(Answer("bad", ["The function is running as PID 7"])) == (
        "The function is running as PID 7"
    )
    assert _applied.failure(Answer("silent")) == "no answer"


def test_changes_are_equal_whosever_they_are():
    told = [
        _applied.changes(
            one,
            Answer(
                "good",
                {
                    "a": state(1, None, {"diff": {f"/srv/{one}": "new"}}, __id__=f"file of {one}"),
                    "b": state(2, True, __id__="same"),
                    "c": state(3, None, comment="would run", __id__="command"),
                },
            ),
        )
        for one in ("gw1", "gw2")
    ]
    assert told[0] == told[1]
    assert told[0] == {"file of ID": ["diff: /srv/ID: new"], "command": ["would run"]}


def test_the_rule_sets_that_were_changed_are_named():
    answer = Answer(
        "bad",
        {
            "tcprules_|-ftpgw rules ftp_|-ftp_|-managed": state(1, True, {"acme": {}}),
            "tcprules_|-ftpgw rules web_|-web_|-managed": state(2, True),
            "file_|-x_|-/etc/x_|-managed": state(3, True, {"diff": "x"}),
        },
    )
    assert _applied.rules(answer) == ["ftp"]
    assert _applied.rules(Answer("silent")) == []


def test_other_modules_and_what_is_left_over_are_told():
    answer = Answer(
        "good",
        {
            "test_|-ftpgw modules are new on this minion_|-x_|-nop": state(
                1, True, __id__="ftpgw modules are new on this minion"
            ),
            "ftpgw_|-over_|-over_|-leftovers": state(2, True, warnings=["does not name hello"]),
            "ftpgw_|-other_|-other_|-accounts": state(3, True, warnings=["a hash of MD5"]),
        },
    )
    assert _applied.strays(answer) == [
        "its modules were those of another version; they have been brought",
        "does not name hello",
    ]
