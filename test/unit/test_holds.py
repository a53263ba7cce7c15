"""What is kept of a rule set: its last settings, and what is held against them for a while."""

import _holds
import pytest
from salt.exceptions import CommandExecutionError, SaltInvocationError

ONE, TWO = {"sites": {"a": {}}}, {"sites": {"b": {}}}
LISTS = {"salt://list": b"9.9.9.9\n\xff\xfe"}


@pytest.fixture
def stem(tmp_path):
    return str(tmp_path / "ftp")


def test_the_last_settings_are_recalled_with_the_files_that_they_name(stem):
    _holds.remember(stem, ONE, LISTS, 1000)
    _holds.remember(stem, TWO, {}, 2000.5)
    assert _holds.past(stem) == [2000.5, 1000]
    assert _holds.recall(stem, 0) == (TWO, {})
    assert _holds.recall(stem, 1) == (ONE, LISTS)
    with pytest.raises(IndexError):
        _holds.recall(stem, 2)


def test_settings_that_come_into_force_again_are_not_kept_twice(stem):
    for moment in (1000, 2000):
        _holds.remember(stem, ONE, LISTS, moment)
    assert _holds.past(stem) == [1000]


def test_a_clock_that_was_set_back_makes_new_settings_no_older(stem):
    for number, moment in enumerate([9000, 1000, 2000]):
        _holds.remember(stem, {"number": number}, {}, moment)
    assert _holds.past(stem) == [2000, 1000, 9000]
    assert [_holds.recall(stem, number)[0]["number"] for number in range(3)] == [2, 1, 0]
    assert _holds.is_last(stem, {"number": 2}, {})
    assert not _holds.is_last(stem, {"number": 0}, {})
    assert not _holds.is_last(stem, {"number": 2}, LISTS)


def test_only_the_last_ten_are_kept(stem):
    for moment in range(13):
        _holds.remember(stem, {"number": moment}, {}, moment)
    assert _holds.past(stem) == [*range(12, 2, -1)]
    assert _holds.recall(stem, 9)[0] == {"number": 3}


def test_what_is_kept_is_for_root_alone(stem, tmp_path):
    """Lists name customers."""
    _holds.remember(stem, ONE, LISTS, 1000)
    _holds.hold(stem, {"denied": {"9.9.9.9": 2000}, "again": None})
    kept = [tmp_path / ".past", *(tmp_path / ".past").rglob("*")]
    assert len(kept) == 4
    assert not [path for path in kept if path.stat().st_mode & 0o077]


def test_what_is_held_ends_by_itself(stem):
    again = {"since": 10, "until": 2000, "settings": ONE, "lists": {}}
    _holds.hold(stem, {"denied": {"9.9.9.9": 1000, "8.8.8.8": 3000}, "again": again})
    assert _holds.held(stem, 999)["denied"] == {"9.9.9.9": 1000, "8.8.8.8": 3000}
    assert _holds.held(stem, 1999) == {"denied": {"8.8.8.8": 3000}, "again": again}
    assert _holds.held(stem, 3000) == {"denied": {}, "again": None}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"denied": [], "again": null}'])
def test_what_is_held_and_cannot_be_read_is_not_taken_for_nothing(stem, tmp_path, text):
    _holds.hold(stem, {"denied": {"9.9.9.9": 1000}, "again": None})
    (tmp_path / ".past/ftp/held").write_text(text)
    with pytest.raises(CommandExecutionError, match=r"/held is not as it was written"):
        _holds.held(stem, 0)


def test_nothing_is_held_where_nobody_said_so(stem):
    assert _holds.held(stem, 0) == {"denied": {}, "again": None}
    _holds.hold(stem, {"denied": {"9.9.9.9": 1000}, "again": None})
    _holds.hold(stem, {"denied": {}, "again": None})
    assert _holds.held(stem, 0) == {"denied": {}, "again": None}


def test_all_of_it_is_forgotten_and_nothing_of_others(stem, tmp_path):
    _holds.remember(stem, ONE, LISTS, 1000)
    _holds.remember(str(tmp_path / "other"), TWO, {}, 1000)
    for _ in range(2):
        _holds.forget(stem)
    assert _holds.past(stem) == []
    assert _holds.past(str(tmp_path / "other")) == [1000]


@pytest.mark.parametrize(
    ("text", "moment"), [("45m", 1000 + 2700), ("2h", 1000 + 7200), ("1d", 1000 + 86400)]
)
def test_a_moment_to_come_is_typed_as_one_that_has_passed(text, moment):
    assert _holds.until(text, 1000) == moment


@pytest.mark.parametrize(
    "text", ["2001-01-01T00:00", "0s", "soon", "", None, ["1d"], "9999999999d", "9" * 400 + "w"]
)
def test_what_is_no_moment_to_come_is_refused(text):
    with pytest.raises(SaltInvocationError, match=r"^until: "):
        _holds.until(text, 1e9)


def test_the_first_end_is_that_of_whatever_is_held():
    again = {"since": 1, "until": 5, "settings": {}, "lists": {}}
    assert _holds.first_end(_holds.NOTHING) is None
    assert _holds.first_end({"denied": {"9.9.9.9": 7, "9.9.9.8": 9}, "again": None}) == 7
    assert _holds.first_end({"denied": {"9.9.9.9": 7}, "again": again}) == 5
    assert _holds.first_end({"denied": {}, "again": again}) == 5
