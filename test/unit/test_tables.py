"""Many answers in few lines: names folded, equal answers once, columns."""

import _tables


def test_names_are_in_the_order_in_which_people_count():
    assert _tables.in_order(["gw10", "gw2", "a", "gw1"]) == ["a", "gw1", "gw2", "gw10"]
    assert _tables.folded(["gw²", "gw1"]) == "gw1, gw²"


def test_names_that_follow_each_other_are_folded():
    """But not two of them, nor other ones, nor numbers that are written otherwise."""
    assert _tables.folded([f"gw{n}" for n in (1, 2, 3, 4, 6, 7)]) == "gw1 to gw4, gw6, gw7"
    assert _tables.folded(["b2", "a1", "b1", "b3", "lone"]) == "a1, b1 to b3, lone"
    assert _tables.folded([f"gw{n:03}" for n in range(8, 12)]) == "gw008 to gw011"
    dotted = [f"gw{n}.example.org" for n in (1, 2, 3)]
    assert _tables.folded(dotted) == "gw1.example.org to gw3.example.org"
    assert _tables.folded(["gw1", "gw2.example.org", "gw3"]) == "gw1, gw2.example.org, gw3"


def test_equal_answers_stand_together_the_most_frequent_first():
    answers = {"gw1": {"a": 1, "b": 2}, "gw2": None, "gw3": {"b": 2, "a": 1}}
    assert _tables.alike(answers) == [({"a": 1, "b": 2}, ["gw1", "gw3"]), (None, ["gw2"])]


def test_columns_are_as_wide_as_they_must_be():
    assert _tables.aligned([("a", "b", "long text"), ("abc", "", "x")]) == [
        "a    b  long text",
        "abc     x",
    ]


def test_what_is_nested_becomes_lines_with_their_path():
    changes = {
        "acme": {"deny -> allow": ["9.9.9.0/24", "9.8.8.8"]},
        "diff": "--- a\n+++ b",
        "none": {},
    }
    assert _tables.flat(changes) == [
        "acme: deny -> allow: 9.9.9.0/24, 9.8.8.8",
        "diff: --- a",
        "  +++ b",
        "none: {}",
    ]
    assert _tables.flat([{"a": 1}, {"b": 2}], "x: ") == ["x: a: 1", "x: b: 2"]


def test_what_is_too_long_is_counted():
    assert _tables.limited(["x"] * 12) == ["x"] * 12
    assert _tables.limited(["x"] * 14, 12)[-1] == "and 2 lines more"


def test_a_time_is_told_in_one_unit():
    assert list(map(_tables.age, (0, 59, 60, 7200, 90000))) == ["0s", "59s", "1m", "2h", "1d"]


def test_what_is_too_long_is_cut():
    assert [_tables.cut("gateway", most) for most in (7, 6)] == ["gateway", "gatew…"]


def test_nothing_steers_a_terminal():
    assert _tables.visible("ftpd: \x1b[31m\u202eroot é") == "ftpd: \\x1b[31m\\x202eroot é"
