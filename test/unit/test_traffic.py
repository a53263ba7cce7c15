"""What gateways counted and who is there, added up over a fleet."""

import _traffic
from _minions import Answer


def counted(**by):
    rows = {key: {"admitted": ok, "refused": no} for key, (ok, no) in by.items()}
    sums = {what: sum(row[what] for row in rows.values()) for what in ("admitted", "refused")}
    more = {"places": 29, "peak": "7 at 2026-11-28 12:00+00:00", "full": 0, "ends": {}}
    return {**sums, "by": rows, **more}


FIGURES = {
    "gw2": Answer("good", {"open-ftpd": counted(acme=(1, 0), default=(0, 2))}),
    "gw1": Answer("good", {"open-ftpd": counted(acme=(5, 1)), "ftp-proxy": counted()}),
}


def test_figures_stand_by_gateway_and_added_up():
    assert _traffic.figures(FIGURES, "site") == (
        [
            "2 gateways: 6 admitted, 3 refused",
            "  gateway  service    admitted  refused  places  full  at most",
            "  gw1      open-ftpd  5         1        29      0     7 at 2026-11-28 12:00+00:00",
            "  gw2      open-ftpd  1         2        29      0     7 at 2026-11-28 12:00+00:00",
            "  gw1      ftp-proxy  0         0        29      0     7 at 2026-11-28 12:00+00:00",
            "",
            "  site     admitted  refused  gateways",
            "  acme     6         1        gw1, gw2",
            "  default  0         2        gw2",
        ],
        False,
    )


def test_only_the_most_frequent_are_shown_and_the_rest_is_counted():
    many = {f"9.9.9.{n}": (n, 0) for n in range(25)}
    lines, _ = _traffic.figures({"gw1": Answer("good", {"ftp": counted(**many)})}, "address")
    assert lines[4].split() == ["address", "admitted", "refused", "gateways"]
    assert lines[5].split() == ["9.9.9.24", "24", "0", "gw1"]
    assert lines[-1] == "  and 5 more"


SESSION = {"service": "open-ftpd", "address": "9.9.9.9", "pid": 7, "since": "2026-11-28 12:00:00"}


OLD = {**SESSION, "site": None, "account": "partner", "seconds": 90000, "does": "ftpd"}


def test_the_oldest_session_stands_first_whosever_it_is():
    young = {**SESSION, "site": "acme", "account": None, "seconds": 59, "does": "ftpd"}
    answers = {"gw1": Answer("good", [young]), "gw2": Answer("good", [OLD])}
    answers |= {"gw3": Answer("good", []), "gw4": Answer("silent")}
    assert _traffic.sessions(answers) == (
        [
            "2 sessions on 2 of 3 gateways",
            "  gateway  for  address  site  account  service    does",
            "  gw2      1d   9.9.9.9        partner  open-ftpd  ftpd",
            "  gw1      59s  9.9.9.9  acme           open-ftpd  ftpd",
            "gw4: no answer",
        ],
        True,
    )
    assert _traffic.sessions({"gw3": answers["gw3"]}) == (["0 sessions on 0 of 1 gateway"], False)


def test_equals_stand_in_the_order_of_their_names_whoever_answered_first():
    answers = {one: Answer("good", {"ftp": counted(acme=(1, 0))}) for one in ("gw10", "gw9", "gw1")}
    lines, _ = _traffic.figures(answers, "site")
    assert [line.split()[0] for line in lines[2:5]] == ["gw1", "gw9", "gw10"]
    answers = {one: Answer("good", [session]) for one, session in (("b", OLD), ("a", OLD))}
    lines, _ = _traffic.sessions(answers)
    assert [line.split()[0] for line in lines[2:]] == ["a", "b"]


def test_who_does_not_answer_is_told_of():
    silent = {"gw4": Answer("silent")}
    assert _traffic.figures(silent, "site") == (["gw4: no answer"], True)
    assert _traffic.sessions(silent) == (["gw4: no answer"], True)
    for lines, wrong in (_traffic.figures({}, "site"), _traffic.sessions({})):
        assert "no accepted minion" in lines[0]
        assert wrong
    assert _traffic.figures({"gw1": Answer("good", {})}, "site") == (
        ["no service under tcpserver has a log"],
        False,
    )
