"""The grammar of .rules files, held against the real tcprules."""

import subprocess

import _rules
import _tcpcdb as tcpcdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

# Mostly what people write, with the characters that matter to the grammar in odd places.
WORDS = """
10.0.0.1 10. 0-3 - 9-300 . : allow deny ,A= " 'x' = @ # b =host info@ 007 é
"""
words = st.sampled_from([*WORDS.split(), " ", "\t", "\r", ',SITE="acme"', ":allow", ":deny"])
lines = st.lists(words, max_size=8).map("".join)

numbers = st.integers(0, 300)
parts = st.one_of(numbers.map(str), st.builds("{}-{}".format, numbers, numbers))
addresses = st.one_of(
    st.lists(parts, max_size=4).map(".".join),
    st.lists(parts, max_size=3).map("".join).map("{}.".format),
    st.sampled_from(["=host-1.example", "joe-1@10.0.0.1", "=", ""]),
)
actions = st.sampled_from(["allow", "deny", 'allow,SITE="acme"', "deny,A=|b|,C='d'", "allow,A=xx"])
rules = st.builds("{}:{}\n".format, addresses, actions)


def by_tcprules(text, directory):
    """Return the bytes that the real tcprules makes, or what it says."""
    cdb = directory / "rules.cdb"
    command = ["tcprules", cdb, directory / "rules.tmp"]
    done = subprocess.run(command, input=text.encode(), stderr=subprocess.PIPE)
    return done.stderr if done.returncode else cdb.read_bytes()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("rules")


@settings(max_examples=250)
@given(lines)
@example('10.0.0.1:allow,A=""')
@example("10.0.0.1:denyx")
@example("-5:allow")
@example("10.0-2.5.:deny,A=|b|,C=cdc")
def test_a_line_makes_what_tcprules_makes_of_it(directory, line):
    wanted = by_tcprules(line, directory)
    if wanted.startswith(b"tcprules: fatal: unable to parse this line: "):
        with pytest.raises(SaltInvocationError, match="unable to parse this line: "):
            list(_rules.records(line.encode()))
    else:
        tcpcdb.write(directory / "ours.cdb", _rules.records(line.encode()))
        assert (directory / "ours.cdb").read_bytes() == wanted


@settings(max_examples=150)
@given(st.lists(rules, max_size=40).map("".join))
def test_random_rule_sets_have_the_bytes_of_tcprules(directory, text):
    try:
        tcpcdb.write(directory / "ours.cdb", _rules.records(text.encode()))
    except SaltInvocationError:
        # Two ranges in one number, as 1-2-3 would be.
        assert by_tcprules(text, directory).startswith(b"tcprules: fatal: unable to parse")
    else:
        assert (directory / "ours.cdb").read_bytes() == by_tcprules(text, directory)


def test_a_range_at_every_place_of_an_address_has_the_bytes_of_tcprules(directory):
    text = "".join(
        f"{'10.' * place}{low}-{high}{'.' if place < 3 else ''}:{verdict}\n"
        for place in range(4)
        for low, high in ((0, 0), (0, 255), (7, 9), (200, 999), (9, 7))
        for verdict in ("allow", "deny", 'allow,SITE="a,b",X=|=|')
    )
    tcpcdb.write(directory / "ours.cdb", _rules.records(text.encode()))
    assert (directory / "ours.cdb").read_bytes() == by_tcprules(text, directory)


@given(
    st.sampled_from(["allow", "deny"]),
    st.dictionaries(
        st.from_regex("[A-Z]{1,3}", fullmatch=True),
        st.text(alphabet="ab =,\"'|/\\$é", max_size=6),
        max_size=3,
    ),
)
def test_what_an_action_says_is_what_tcpserver_takes_from_it(verdict, env):
    written = _rules.action(verdict, env)
    assert _rules.meaning(_rules.line(f"9.9.9.9:{written}")[1]) == (verdict, env)


def test_a_value_with_every_quote_is_refused():
    with pytest.raises(SaltInvocationError, match="no quote is left"):
        _rules.action("allow", {"A": "".join(map(chr, range(33, 127)))})


@pytest.mark.parametrize(
    ("client", "keys"),
    [
        ({"ip": "1.2.3.4"}, ["1.2.3.4", "1.2.3.", "1.2.", "1.", ""]),
        (
            {"ip": "1.2.3.4", "host": "a.b.c"},
            ["1.2.3.4", "=a.b.c", "1.2.3.", "1.2.", "1.", "=.b.c", "=.c", "=", ""],
        ),
        ({"ip": "1.2.3.4", "info": "joe"}, ["joe@1.2.3.4", "1.2.3.4", "1.2.3.", "1.2.", "1.", ""]),
        (
            {"ip": "1.2.3.4", "host": "h", "info": "joe"},
            ["joe@1.2.3.4", "joe@=h", "1.2.3.4", "=h", "1.2.3.", "1.2.", "1.", "=", ""],
        ),
    ],
)
def test_the_keys_come_in_the_order_of_tcpserver(directory, client, keys):
    assert _rules.keys_for(**client) == keys
    names = {"ip": "TCPREMOTEIP", "host": "TCPREMOTEHOST", "info": "TCPREMOTEINFO"}
    environment = {names[name]: value for name, value in client.items()}
    for first in range(len(keys)):
        tcpcdb.write(directory / "keys.cdb", [(key.encode(), b"D\0") for key in keys[first:]])
        said = subprocess.run(
            ["tcprulescheck", directory / "keys.cdb"], env=environment, capture_output=True
        ).stdout
        assert said.decode() == f"rule {keys[first]}:\ndeny connection\n"


variables = st.lists(
    st.sampled_from(
        [
            ',A="b"',
            ',A="c"',
            ",B='\"'",
            ",=xx",
            ",A B=xyx",
            ',A="a\tb "',
            ",Q=#\"'|/!%^~_#",
            ",é=1é1",
        ]
    ),
    max_size=3,
).map("".join)


@settings(max_examples=250)
@given(
    st.lists(st.builds("{}:{}{}".format, addresses, st.sampled_from(["allow", "deny"]), variables))
)
@example(["0-2.3-4:allow"])
@example(["1.2-3.4-5.:deny", "300.1-2.x-y.:allow", "7.8-8.9-"])
@example(['=h:allow,A="x",A="y"'])
def test_a_dump_makes_the_same_cdb_again(directory, lines):
    wanted = by_tcprules("\n".join(lines), directory)
    if not wanted.startswith(b"tcprules: fatal: "):
        dumped = "\n".join(_rules.dump(tcpcdb.records(directory / "rules.cdb")))
        assert by_tcprules(dumped, directory) == wanted
