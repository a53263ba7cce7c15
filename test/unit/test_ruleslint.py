"""Every line that tcprules accepts without a word and that does not mean what it seems to."""

import _rules
import _ruleslint as ruleslint
import _sites
import pytest

NO_LAST_RULE = "no last rule ':deny': whoever no rule names is admitted"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("9.9.9.9", "is ignored: it has no colon (did you mean '9.9.9.9:allow'?)"),
        (" # blank first", "is ignored, but only for want of a colon"),
        (" # blank: first", "is refused by tcprules (a comment begins in the first column)"),
        ("192.168.0.0/23:allow", "no CIDR notation (did you mean '192.168.0-1.:allow'?)"),
        ("192.168.0:allow", "ends with a dot (did you mean '192.168.0.:allow'?)"),
        ("1.2.3.4.:deny", "ends without a dot (did you mean '1.2.3.4:deny'?)"),
        ("192.168.000.1:allow", "leading zeros (did you mean '192.168.0.1:allow'?)"),
        ("010.0.0.1:allow", "leading zeros (did you mean '10.0.0.1:allow'?)"),
        (" 10.0.0.1:allow", "the blanks belong to the address (did you mean '10.0.0.1:allow'?)"),
        ("10.0.0.1 :allow", "the blanks belong to the address (did you mean '10.0.0.1:allow'?)"),
        ("10.0.0.1: allow", "is refused by tcprules (did you mean '10.0.0.1:allow'?)"),
        ("10.0.0.1:Allow", "is refused by tcprules (did you mean '10.0.0.1:allow'?)"),
        ("10.0.0.1:allow # x", "is refused by tcprules (did you mean '10.0.0.1:allow'?)"),
        ("10.0.0.1:allow\r", "is refused by tcprules (the file has the line ends of DOS)"),
        ("2001:db8::1:allow", "is refused by tcprules (it knows no IPv6)"),
        ("a-b:allow", "is refused by tcprules"),
        ("10.0.0.1:allow,A", "is refused by tcprules"),
        ("10.0.0.9-3:allow", "has no addresses: its range ends before it begins"),
        ("10.0.0.5-:allow", "has no addresses: its range ends before it begins"),
        ("10.0.0.-5:allow", "which means 0 (did you mean '10.0.0.0-5:allow'?)"),
        ("10.0.0.1-999:allow", "ends at 255 (did you mean '10.0.0.1-255:allow'?)"),
        ("10.0-1.0-1.:allow", "only one number of an address may be a range"),
        (
            "10.0.0.4-10.0.0.6:allow",
            "(did you mean '10.0.0.6:allow and 10.0.0.4-5:allow'?)",
        ),
        ("1.2.3.300:allow", "never matches: that is no IPv4 address"),
        ("=FTP.example.com:allow", "capital letters only (did you mean '=ftp.example.com:allow'?)"),
        ('9.9.9.9:deny,A="b"', "sets variables that a denied client never sees"),
    ],
)
def test_a_trap_is_named_with_its_line(line, problem):
    problems = ruleslint.lint(f"# a comment\n{line}\n:deny\n")
    assert len(problems) == 1
    assert problems[0].startswith(f"line 2: '{line.rstrip()}' ")
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2001:db8:1::/48:deny", "no CIDR notation (did you mean '2001:db8:1::deny'?)"),
        ("::/0:deny", "no CIDR notation (did you mean ':deny'?)"),
        ("2001:db8:1:deny", "ends with a colon (did you mean '2001:db8:1::deny'?)"),
        (
            "2001:DB8::7:deny",
            "spells it so (did you mean '2001:db8:0:0:0:0:0:7:deny and 2001:db8::7:deny'?)",
        ),
        (
            "2002::/64:deny",
            "never matches: '2002::/64' cannot be told from other networks by tcpserver (its zeros"
            " may stand for more than they are)",
        ),
        ("2001:db8::1/48:deny", "(2001:db8::1/48 has host bits set)"),
        (
            "::ffff:10.0.0.1:deny",
            "never matches: '::ffff:10.0.0.1' is an IPv4 address in disguise (write it as such)",
        ),
        ("1:2:3:4:5:6:7:8:9:deny", "never matches: '1:2:3:4:5:6:7:8:9' is not an IPv6 network"),
    ],
)
def test_where_tcprules_knows_ipv6_what_it_never_matches_is_named(line, problem):
    [told] = ruleslint.lint(f"{line}\n:deny\n", ipv6=True)
    assert told.startswith(f"line 1: '{line}' never matches: ")
    assert problem in told


@pytest.mark.parametrize("rule", ["2001:db8:1::deny", "2001:db8::7:allow", "::1:deny", ":::deny"])
def test_good_rules_of_ipv6_have_no_problem(rule):
    assert ruleslint.lint(f"{rule}\n:deny\n", ipv6=True) == []


def test_a_key_that_came_before_is_named_with_the_line_that_decides():
    text = "10.0.0.1-3:allow\n10.0.0.2:deny\n10.0.0.3-4:deny\n:deny\n"
    assert ruleslint.lint(text) == ["line 2: '10.0.0.2:deny' never decides: line 1 comes first"]


@pytest.mark.parametrize("text", ["", "# nobody\n", "9.9.9.:allow\n"])
def test_rules_without_a_last_one_admit_everyone(text):
    assert ruleslint.lint(text) == [NO_LAST_RULE]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("joe@10.0.0.1:allow", "never matches: tcpserver -R asks no ident server"),
        ("=host.example.com:allow", "never matches: tcpserver -H looks up no names"),
    ],
)
def test_what_tcpserver_never_asks_never_matches(rule, problem):
    assert ruleslint.lint(f"{rule}\n:deny") == []
    assert ruleslint.lint(f"{rule}\n:deny", ["info", "host"]) == [f"line 1: '{rule}' {problem}"]


def test_good_rules_have_no_problem():
    text = "# page\n\n127.0.:allow\n192.168.0-1.:allow\n9.9.9.9:allow,SITE='acme'\n:deny\n"
    assert ruleslint.lint(text) == []


def test_what_we_write_has_no_problem():
    sites = {
        "outer": {"allow": ["10.0.0.0/8", "10.0.0.0/25"], "deny": ["10.0.0.0/9"]},
        "inner": {"deny": ["10.0.0.0/26", "10.0.0.3-10.0.0.99"], "allow": ["10.0.0.64/28"]},
    }
    checked = _sites.checked({"sites": sites}, "ftp")
    text = _sites.text("ftp", _sites.groups(checked, {}, "ftp"), "deny", "ftp")
    assert ruleslint.lint(text) == []
    assert list(_rules.records(text))
