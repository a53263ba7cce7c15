"""The line and the site behind a record, in files of every order and size."""

import _ruleline as ruleline
import _rulestext as rulestext
import _tcpcdb as tcpcdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def pair(tmp_path):
    """Write both files of a rule set and return what finds a line in them."""
    rules, cdb = tmp_path / "ftp.rules", tmp_path / "ftp.cdb"

    def write(text, compiled=None):
        rules.write_text(text)
        tcpcdb.write(cdb, rulestext.records(compiled or text))
        return lambda key: ruleline.find(str(rules), str(cdb), key)

    return write


def test_the_site_is_the_nearest_comment_above(pair):
    find = pair("# head\n\n# acme\n9.9.9.9:deny\n9.9.9.:allow\n\n# lan\n10.0-3.:allow\n:deny\n")
    assert find("9.9.9.9") == ("9.9.9.9:deny", "acme")
    assert find("9.9.9.") == ("9.9.9.:allow", "acme")
    assert find("10.2.") == ("10.0-3.:allow", "lan")
    assert find("") == (":deny", "lan")


def test_a_rule_without_a_comment_has_no_site(pair):
    assert pair("9.9.9.:allow\n:deny")("9.9.9.") == ("9.9.9.:allow", None)


def test_the_first_of_two_equal_keys_is_the_one(pair):
    find = pair("# a\n10.0.0.7:deny\n# b\n10.0.0.1-9:allow\n# c\n10.0.0.7:allow\n")
    assert find("10.0.0.7") == ("10.0.0.7:deny", "a")
    assert find("10.0.0.8") == ("10.0.0.1-9:allow", "b")


@pytest.mark.parametrize("text", ["", "# nothing\n", "10.0.0.1:allow\n"])
def test_a_file_that_lacks_the_rule_says_so(pair, text):
    assert pair(text, compiled="9.9.9.9:allow\n:deny\n")("9.9.9.9") is None


def test_a_file_that_was_reordered_after_compiling_is_searched(pair):
    text = "".join(f"# s{number}\n10.0.0.{number}:allow\n" for number in range(50))
    lines = text.splitlines(keepends=True)
    find = pair("".join(lines[60:] + lines[:60]), compiled=text)
    assert all(find(f"10.0.0.{n}") == (f"10.0.0.{n}:allow", f"s{n}") for n in range(50))


def test_a_network_does_not_hide_the_addresses_taken_out_of_it(pair):
    find = pair("# a\n10.0.0.0:deny\n10.0.0.7:deny\n# b\n10.0.0.0-127:allow\n# c\n:deny\n")
    assert find("10.0.0.0") == ("10.0.0.0:deny", "a")
    assert find("10.0.0.7") == ("10.0.0.7:deny", "a")
    assert find("10.0.0.8") == ("10.0.0.0-127:allow", "b")


# Lines that share keys, so that the order of the records says less than it might.
lines = st.builds(
    "10.0.0.{}:{}".format,
    st.one_of(
        st.integers(0, 9).map(str),
        st.tuples(st.integers(0, 9), st.integers(0, 9)).map("{0[0]}-{0[1]}".format),
    ),
    st.sampled_from(["allow", "deny"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=40))
def test_the_line_is_the_first_that_makes_the_key(pair, rules):
    find = pair("".join(f"# {number}\n{rule}\n" for number, rule in enumerate(rules)))
    first = {}
    for number, rule in enumerate(rules):
        for key in rulestext.keys(rule.partition(":")[0]):
            first.setdefault(key, (rule, str(number)))
    assert {key: find(key) for key in first} == first


def test_a_large_file_is_not_searched_line_by_line(pair, monkeypatch):
    text = "".join(f"# {n}\n10.{n >> 6}.{n & 63}.1-9:allow\n" for n in range(16000))
    find = pair(text)
    monkeypatch.setattr(ruleline, "_searched", None)
    looks = []
    line_at = ruleline._line_at
    monkeypatch.setattr(ruleline, "_line_at", lambda *near: looks.append(near) or line_at(*near))
    assert find("10.77.7.7") == ("10.77.7.1-9:allow", str(77 * 64 + 7))
    assert len(looks) < 30
