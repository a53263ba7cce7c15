"""Whose verdict differs between two texts, held against tcpserver's own look-up."""

import ipaddress
import re
from itertools import product

import _rules
import _verdicts as verdicts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Few numbers, so that rules nest, overlap and repeat; the ends of an octet among them.
numbers = st.sampled_from([0, 1, 9, 10, 255])
ranges = st.builds("{}-{}".format, numbers, numbers)
octets = st.one_of(numbers.map(str), numbers.map(str), ranges)
addresses = st.builds(
    lambda parts, dot: ".".join(parts) + ("." if dot or len(parts) < 4 else ""),
    st.lists(octets, min_size=1, max_size=4),
    st.booleans(),
)
actions = st.sampled_from(["allow", "deny", 'allow,SITE="acme"'])
rules = st.builds("{}:{}".format, st.one_of(addresses, st.just("")), actions)
texts = st.lists(st.one_of(rules, st.sampled_from(["# acme", "# default", "", "=h:deny"]))).map(
    "\n".join
)
PROBES = [
    ".".join(map(str, octets)) for octets in product((0, 1, 9, 11, 255), (0, 9), (1, 10), (0, 255))
]


def decision(text, address):
    """Return what tcpserver would decide, looked up key by key."""
    first = {}
    for key, data in _rules.records(text.encode()):
        first.setdefault(key.decode(), data)
    key = next((key for key in _rules.keys_for(address) if key in first), None)
    return "allow" if key is None else _rules.action(*_rules.meaning(first[key]))


def told(difference, address):
    """Return the changes that a difference tells of an address."""
    number = ipaddress.ip_address(address)
    found = []
    for changes in difference.values():
        for change, named in changes.items():
            for text in (text for text in named if text != "=h"):
                low, _, high = text.partition("-")
                network = None if high else ipaddress.ip_network(low)
                inside = (
                    number in network
                    if network
                    else (ipaddress.ip_address(low) <= number <= ipaddress.ip_address(high))
                )
                found += [change] if inside else []
    return found


@settings(max_examples=300)
@given(texts, texts, st.data())
def test_every_changed_address_is_told_and_no_other(old, new, data):
    shared = data.draw(st.sampled_from(["", old, f"{new}\n{old}"]))
    new = f"{new}\n{shared}"
    verdicts._NAMED = 1000
    difference = verdicts.difference(old, new)
    for address in PROBES:
        before, after = decision(old, address), decision(new, address)
        assert told(difference, address) == ([] if before == after else [f"{before} -> {after}"])


def test_a_text_does_not_differ_from_itself():
    assert verdicts.difference("# acme\n9.9.9.:allow\n:deny\n", "9.9.9.:allow\n:deny") == {}


def test_a_verdict_is_told_under_the_site_that_has_or_had_the_address():
    old = "# acme\n9.9.9.:allow\n# lan\n10.:allow\n# default\n:deny\n"
    new = "# acme\n9.9.9.9:deny\n# bob\n11.:allow\n# default\n:deny\n"
    assert verdicts.difference(old, new) == {
        "acme": {"allow -> deny": ["9.9.9.0/24"]},
        "lan": {"allow -> deny": ["10.0.0.0/8"]},
        "bob": {"deny -> allow": ["11.0.0.0/8"]},
    }


def test_a_rule_that_changes_nobody_is_no_difference():
    old = "# lan\n192.168.:allow\n# default\n:deny\n"
    assert verdicts.difference(old, f"# bob\n192.168.7.7:allow\n{old}") == {}


def test_many_ranges_are_counted_and_not_listed(monkeypatch):
    monkeypatch.setattr(verdicts, "_NAMED", 2)
    new = "".join(f"# s\n10.0.{number}.1:allow\n" for number in range(7))
    assert verdicts.difference(":deny", f"{new}:deny") == {
        "s": {"deny -> allow": ["10.0.0.1", "10.0.1.1", "and 5 more"]}
    }


def test_lines_that_differ_in_their_middle_are_told_whole():
    assert verdicts.difference("# s\n10.0.0.1:allow\n:deny", "# s\n10.0.0.2:allow\n:deny") == {
        "s": {"allow -> deny": ["10.0.0.1"], "deny -> allow": ["10.0.0.2"]}
    }


@pytest.mark.parametrize(
    ("come", "told"),
    [
        ("=.example.org:allow", ["=.example.org"]),
        ("=:allow", ["="]),
        ("joe@9.9.9.9:allow\njoe@=h:allow", ["joe@9.9.9.9", "joe@=h"]),
        ("=h:deny\njoe@10.1.2.3:allow\njoe@=x.example.net:allow", []),
    ],
)
def test_who_is_let_in_by_name_is_told(come, told):
    """By what else would be said of whom the rule is about."""
    old = "10.0-3.:allow\n=.example.net:allow\n:deny"
    changes = {"no site": {"deny -> allow": told}} if told else {}
    assert verdicts.difference(old, f"{come}\n{old}") == changes


@settings(max_examples=300)
@given(texts, texts)
def test_a_digest_is_equal_where_the_same_clients_are_admitted(old, new):
    """Whoever is admitted by one text and not by the other makes two digests of them."""
    admitted = [
        [decision(text, address).partition(",")[0] for address in PROBES] for text in (old, new)
    ]
    if admitted[0] != admitted[1]:
        assert verdicts.digest(old) != verdicts.digest(new)
    elif not any("=h" in text for text in (old, new)):
        sides = [re.sub(r"allow,[^\n]*", "allow", text) for text in (old, new)]
        changed = verdicts.difference(*sides)
        assert (verdicts.digest(old) == verdicts.digest(new)) == (not changed)


class TestDigest:
    """What is one meaning, and what is another."""

    MANY = "# other words\n" + "".join(f"9.9.9.{n}:allow\n" for n in range(256) if n != 13)

    @pytest.mark.parametrize(
        "same",
        [
            MANY + ":deny",
            ":deny\n9.9.9.13:deny\n# acme\n9.9.9.:allow",
            '9.9.9.:allow,SITE="acme"\n9.9.9.13:deny\n:deny',
            "9.9.9.:allow\n9.9.9.13:deny\n9.9.9.13:allow\n:deny",
            "9.9.9.:allow\n9.9.9.13:deny\n2001:db8::7:deny\n:deny",
        ],
    )
    def test_other_words_for_the_same(self, same):
        assert verdicts.digest("9.9.9.:allow\n9.9.9.13:deny\n:deny") == verdicts.digest(same)

    @pytest.mark.parametrize(
        "other",
        [
            "9.9.9.:allow\n:deny",
            "9.9.9.0-255:allow\n9.9.9.13:deny\n:deny",
            "9.9.9.:allow\n9.9.9.13:deny",
            "9.9.9.:allow\n9.9.9.13:deny\n2001:db8::7:allow\n:deny",
            "9.9.9.:allow\n9.9.9.13:deny\n=.example.org:allow\n:deny",
        ],
    )
    def test_what_looks_alike(self, other):
        assert verdicts.digest("9.9.9.:allow\n9.9.9.13:deny\n:deny") != verdicts.digest(other)

    def test_an_exception_from_a_rule_about_names(self):
        text = "=.example.org:deny\n:allow"
        assert verdicts.digest(text) != verdicts.digest(f"=h.example.org:allow\n{text}")

    def test_it_names_its_definition(self):
        assert re.fullmatch("1:[0-9a-f]{16}", verdicts.digest(":deny"))


def test_what_rules_decide_for_which_site():
    """A site whose rules others overrule everywhere decides nothing."""
    text = "# lan\n10.:allow\n# acme\n9.9.9.:allow\n9.9.9.13:deny\n# six\n2001:db8::1:deny\n"
    text += "# late\n10.1.1.1:deny\n# lost\n9.9.9.:deny\n# default\n:deny\n"
    sites = {"acme": "in part", "default": "deny", "lan": "allow", "late": "deny", "six": "deny"}
    assert verdicts.sites(text) == sites
    assert verdicts.sites("") == {}
