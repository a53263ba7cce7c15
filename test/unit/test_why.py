"""_why: what there is to say about an address, on one screen."""

import re

import _why
import pytest

FACTS = {
    "verdict": "allow",
    "rule": "9.9.9.:allow",
    "site": "acme",
    "held": [],
    "banned": None,
    "problem": None,
    "clients": 3,
    "places": 29,
    "connections": 1,
    "most": 19,
    "sessions": [{"since": "then", "account": "partner", "does": "ftpd: \x1b[2J"}],
    "ports": "49152-65535",
    "logins": ["last log-in: none"],
    "log": ["12:00 tcpserver: pid 7 from 9.9.9.9"],
}
ABROAD = {**FACTS, "sessions": [], "ports": "", "logins": [], "most": None, "places": None}


def test_all_that_is_known_fits_on_a_screen():
    assert _why.text("9.9.9.9", {"open-ftpd": FACTS, "ftp-proxy": ABROAD}).splitlines() == [
        "9.9.9.9",
        "open-ftpd: yes, by 9.9.9.:allow of acme",
        "  connections: 1 of 19; places: 3 of 29; not banned",
        "  session since then: partner ftpd: \\x1b[2J",
        "  passive ports: 49152-65535",
        "  last log-in: none",
        "  log: 12:00 tcpserver: pid 7 from 9.9.9.9",
        "ftp-proxy: yes, by 9.9.9.:allow of acme",
        "  connections: 1 of any number; not banned",
        "  log: 12:00 tcpserver: pid 7 from 9.9.9.9",
    ]


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ({"site": "no rules", "rule": None}, "yes, by no rules"),
        ({"verdict": "deny", "rule": ":deny", "site": "default"}, "no, by :deny of default"),
        ({"verdict": "deny", "banned": {"seconds": 60}}, "no, by 9.9.9.:allow of acme"),
        ({"banned": {"seconds": 130}}, "no, banned for 2m (ftpgw.unban ends it)"),
        ({"banned": {"seconds": 9}, "connections": 19}, "no, banned for 9s (ftpgw.unban ends it)"),
        ({"banned": {"seconds": 0}}, "no, banned for 0s (ftpgw.unban ends it)"),
        ({"banned": {"seconds": None}}, "no, banned without an end (ftpgw.unban ends it)"),
        ({"connections": 99, "most": False}, "yes, by 9.9.9.:allow of acme"),
        ({"connections": 19}, "no, it has the 19 connections that one address may have"),
        ({"connections": None}, "yes, by 9.9.9.:allow of acme"),
        ({"connections": 99, "most": None}, "yes, by 9.9.9.:allow of acme"),
        ({"problem": "paused"}, "no, paused"),
    ],
)
def test_the_first_line_says_whether_it_is_served_and_why(facts, answer):
    first = _why.text("9.9.9.9", {"ftpd": {**FACTS, **facts}}).splitlines()[1]
    assert first == f"ftpd: {answer}"


def test_a_limit_of_another_pillar_is_not_told():
    facts = {**FACTS, "most": False}
    line = _why.text("9.9.9.9", {"ftpd": facts}).splitlines()[2]
    assert line == "  connections: 1 of how many is not known; places: 3 of 29; not banned"


def test_what_is_held_against_the_rules_is_told():
    held = ["ftp: 9.9.9.9 is denied until then (tcprules.release ftp ends it)"]
    lines = _why.text("9.9.9.9", {"ftpd": {**FACTS, "verdict": "deny", "held": held}})
    assert lines.splitlines()[2] == f"  {held[0]}"


@pytest.mark.parametrize(
    ("address", "most"),
    [("9.9.9.9", 5), ("10.1.2.3", None), ("192.0.2.1", None), ("127.0.0.1", None), ("::1", None)],
)
def test_some_have_no_limit(address, most):
    limits = {"per_client": 5, "never": ["10.0.0.0/8", "192.0.2.1"]}
    assert _why.most(limits, address) == most


def test_the_last_log_in_and_the_last_that_failed_are_told():
    def record(time, result, reason="", address="9.9.9.9"):
        names = {"account": "partner", "address": address, "result": result, "reason": reason}
        return {"time": time, **names}

    records = [
        record("1", "logged in"),
        record("2", "logged in"),
        record("3", "failed", "password"),
        record("4", "denied", "address"),
        record("5", "logged in", address="9.9.9.8"),
    ]
    assert _why.logins(records, "9.9.9.9") == [
        "last log-in: 2 partner",
        "last that failed: 3 partner (password)",
    ]
    assert _why.logins([], "9.9.9.9") == ["last log-in: none", "last that failed: none"]


LINES = {
    "tcpserver: pid 7 from 9.9.9.9": True,
    "tcpserver: ok 7 0:203.0.113.1:21 :9.9.9.9::52810": True,
    'Client "::ffff:9.9.9.9"': True,
    "from 9.9.9.9.": True,
    "tcpserver: pid 7 from 9.9.9.90": False,
    "tcpserver: pid 7 from 19.9.9.9": False,
    "tcpserver: pid 7 from 1.9.9.9.9": False,
    "tcpserver: pid 7 from 9.9.9.9.1": False,
    "tcpserver: pid 7 from 9x9.9.9": False,
}


@pytest.mark.parametrize(("line", "found"), LINES.items(), ids=LINES)
def test_a_line_is_about_an_address_and_not_about_a_longer_one(line, found):
    assert bool(re.search(_why.about("9.9.9.9"), line)) == found


def test_an_address_of_ipv6_is_found_too():
    pattern = _why.about("2001:db8::1")
    assert re.search(pattern, "tcpserver: ok 7 0:2001:db8::2:21 :2001:db8::1::52810")
    assert not re.search(pattern, "tcpserver: pid 7 from 2001:db8::1a")
