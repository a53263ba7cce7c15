"""The line and the site behind a record, in files of every order and size."""

import _rulefiles as rulefiles
import _rules
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def origin(tmp_path):
    """Write a .rules file and return what finds a line in it."""
    rules = tmp_path / "ftp.rules"

    def write(text):
        rules.write_text(text)
        return lambda key: rulefiles.origin(
            str(rules), key if isinstance(key, bytes) else key.encode()
        )

    return write


def test_the_site_is_the_nearest_comment_above(origin):
    find = origin("# head\n\n# acme\n9.9.9.9:deny\n9.9.9.:allow\n\n# lan\n10.0-3.:allow\n:deny\n")
    assert find("9.9.9.9") == ("9.9.9.9:deny", "acme")
    assert find("9.9.9.") == ("9.9.9.:allow", "acme")
    assert find("10.2.") == ("10.0-3.:allow", "lan")
    assert find("") == (":deny", "lan")


def test_a_rule_without_a_comment_has_no_site(origin):
    assert origin("9.9.9.:allow\n:deny")("9.9.9.") == ("9.9.9.:allow", None)


def test_the_first_of_two_equal_keys_is_the_one(origin):
    find = origin("# a\n10.0.0.7:deny\n# b\n10.0.0.1-9:allow\n# c\n10.0.0.7:allow\n")
    assert find("10.0.0.7") == ("10.0.0.7:deny", "a")
    assert find("10.0.0.8") == ("10.0.0.1-9:allow", "b")


@pytest.mark.parametrize("text", ["", "# nothing\n", "10.0.0.1:allow\n"])
def test_a_file_that_lacks_the_rule_says_so(origin, text):
    assert origin(text)("9.9.9.9") is None


def test_a_file_that_is_not_there_has_no_line(tmp_path):
    assert rulefiles.origin(str(tmp_path / "ftp.rules"), b"9.9.9.9") is None


def test_a_line_that_tcprules_would_refuse_is_passed_over(origin):
    assert origin("a-b:allow\n# lan\n10.0.0.1-3:allow\n")("10.0.0.2") == ("10.0.0.1-3:allow", "lan")


def test_a_network_does_not_hide_the_addresses_taken_out_of_it(origin):
    find = origin("# a\n10.0.0.0:deny\n10.0.0.7:deny\n# b\n10.0.0.0-127:allow\n# c\n:deny\n")
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
def test_the_line_is_the_first_that_makes_the_key(origin, rules):
    find = origin("".join(f"# {number}\n{rule}\n" for number, rule in enumerate(rules)))
    first = {}
    for number, rule in enumerate(rules):
        for key in _rules.keys(rule.partition(":")[0]):
            first.setdefault(key, (rule, str(number)))
    assert {key: find(key) for key in first} == first
