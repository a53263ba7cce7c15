"""A setting is declared once; its check, its manual and its JSON Schema cannot differ."""

import collections

import _check
import pytest
from _check import Setting
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

HASH = "$6$ftpgwexample$GmmCzy8ENR4OIKHo1l44PUX4Nj3o"
PORT = _check.number(1, 65535)
SERVICE = _check.table(
    {
        "state": Setting(_check.choice("up", "down"), "what it shall be", "up"),
        "port": Setting(PORT, "where it listens", needed=True),
        "words": Setting(_check.listing(_check.LINE, "words", least=1), "what is run"),
        "log": Setting(
            _check.either(
                _check.choice(False),
                _check.table({"size": Setting(_check.number(1), "bytes", 9)}),
            ),
            "its log",
        ),
        "env": Setting(
            _check.mapping(
                _check.word("[A-Z]+", "a name in capitals"),
                _check.kind("text", lambda v: isinstance(v, str), {"type": "string"}, secret=True),
                "variables to text",
            ),
            "its environment",
            {},
        ),
    }
)
WRONG = [
    (1, "expected a mapping of settings, got a number"),
    ({"port": "x"}, ":port: expected a whole number from 1 to 65535, got 'x'"),
    ({"port": True}, ":port: expected a whole number from 1 to 65535, got true"),
    ({"port": None}, ":port: expected a whole number from 1 to 65535, got nothing"),
    ({"port": [1]}, ":port: expected a whole number from 1 to 65535, got a list"),
    ({"port": 1, "state": "on"}, ":state: expected up or down, got 'on'"),
    ({"port": 1, "stat": "up"}, ": unknown setting 'stat' (did you mean 'state'?)"),
    ({"port": 1, "zzz": 1}, ": unknown setting 'zzz' (known: state, port, words, log, env)"),
    ({}, ": needs 'port': where it listens"),
    ({"port": 1, "words": "ls -l"}, ":words: expected a list of words, got text"),
    ({"port": 1, "words": []}, ":words: expected a list of words, got an empty one"),
    (
        {"port": 1, "words": ["a", 5]},
        ":words: expected one line of text without control characters, got 5 (quote it)",
    ),
    ({"port": 1, "log": True}, ":log: expected false or a mapping of settings, got true"),
    ({"port": 1, "log": {"sise": 1}}, ":log: unknown setting 'sise' (did you mean 'size'?)"),
    ({"port": 1, "env": ["TOKEN=x"]}, ":env: expected a mapping of variables to text, got a list"),
    ({"port": 1, "env": {"A": 5}}, ":env:A: expected text, got a number (quote it)"),
]


def test_an_ordered_mapping_is_a_mapping():
    """As Salt reads pillar."""
    value = collections.OrderedDict(port=1, log=collections.OrderedDict(sise=1))
    [line] = _check.problems(SERVICE, value, "svc")
    assert line == "svc:log: unknown setting 'sise' (did you mean 'size'?)"
    assert _check.got(value) == "a mapping"


@pytest.mark.parametrize(("value", "problem"), WRONG)
def test_a_refusal_is_one_line_with_path_expectation_and_what_was_got(value, problem):
    problem = problem if problem.startswith(":") else f": {problem}"
    assert _check.problems(SERVICE, value, "svc") == [f"svc{problem}"]


@pytest.mark.parametrize(
    ("number", "told"),
    [(float("inf"), "inf"), (float("nan"), "nan"), (-1.5, "-1.5"), (2**70, str(2**70))],
)
def test_a_number_is_told_as_it_is(number, told):
    assert _check.got(number) == told


def test_a_number_that_python_does_not_write_is_told_all_the_same():
    assert _check.got(1 << 99999) == "0x8" + "0" * 37


def test_all_that_is_wrong_is_told_at_once():
    value = {"stat": 1, "state": 2, "words": 3}
    assert len(_check.problems(SERVICE, value, "svc")) == 4
    with pytest.raises(SaltInvocationError) as refused:
        _check.checked(SERVICE, value, "svc")
    assert str(refused.value).splitlines() == _check.problems(SERVICE, value, "svc")


def test_what_is_read_has_the_defaults_and_the_order_of_the_declaration():
    read = _check.checked(SERVICE, {"log": {}, "port": 21}, "svc")
    assert list(read.items()) == [("state", "up"), ("port", 21), ("log", {"size": 9}), ("env", {})]


def test_a_default_is_nobodys_to_change():
    _check.checked(SERVICE, {"port": 21}, "svc")["env"]["A"] = "b"
    assert _check.checked(SERVICE, {"port": 21}, "svc")["env"] == {}


def containers(leaf):
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["port", "env", "words", "log", "A", HASH]), inner)
        ),
        max_leaves=6,
    )


@given(containers(st.sampled_from([HASH, HASH.encode(), 1, None])))
def test_no_refusal_shows_a_hash(value):
    assert "$6$" not in "\n".join(_check.problems(SERVICE, value, "svc"))


@given(st.text(min_size=41).filter(lambda text: "$" not in text))
def test_no_refusal_quotes_more_than_40_characters(value):
    (line,) = _check.problems(SERVICE, {"port": 1, "state": value}, "svc")
    assert value not in line


@pytest.mark.parametrize("value", ["token", ["A=token"], {"A": ["token"]}, {"A": {"B": "token"}}])
def test_a_secret_is_never_shown(value):
    (line,) = _check.problems(SERVICE, {"port": 1, "env": value}, "svc")
    assert "token" not in line


def test_the_schema_says_the_same():
    schema = SERVICE.schema
    assert schema["required"] == ["port"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["state"] == {
        "description": "what it shall be",
        "default": "up",
        "enum": ["up", "down"],
    }
    assert schema["properties"]["words"]["items"]["type"] == "string"
