"""_glance: what a person sees at a look."""

import _glance
import pytest

UP = {
    "state": "up",
    "seconds": 23,
    "want": "up",
    "enabled": True,
    "problem": None,
    "log": None,
    "clients": None,
    "limit": None,
}
STOPPED = {**UP, "state": "down", "want": "down", "seconds": 4, "problem": "down since then"}


def test_trouble_comes_first():
    records = {
        "a-ticker": {**UP, "state": "down", "want": "down", "enabled": False},
        "ftp-proxy": {**UP, "seconds": 86400 * 3, "clients": 0, "limit": 91},
        "mirror": {**UP, "seconds": 0, "problem": "dies again and again"},
        "open-ftpd": {**STOPPED, "limit": 29},
    }
    records["open-ftpd"]["clients"] = 3
    assert _glance.text(records) == (
        "4 services, 2 in trouble\n"
        "!! mirror     up     0s        dies again and again\n"
        "!! open-ftpd  down   4s  3/29  down since then\n"
        "   a-ticker   down  23s        not started at boot\n"
        "   ftp-proxy  up     3d  0/91"
    )


@pytest.mark.parametrize(
    ("records", "heading"),
    [
        ({}, "no services"),
        ({"one": UP}, "1 service, all as wanted"),
        ({"one": UP, "two": UP}, "2 services, all as wanted"),
        ({"one": STOPPED}, "1 service, 1 in trouble"),
    ],
)
def test_the_heading_says_how_it_is(records, heading):
    assert _glance.text(records).splitlines()[0] == heading


def test_two_hundred_services_are_two_hundred_lines():
    """Whatever their names are made of."""
    records = {f"service\n{number}\x1b": UP for number in range(200)}
    assert len(_glance.text(records).splitlines()) == 201
    assert "\x1b" not in _glance.text(records)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (86399, "23h"), (9 * 86400, "9d")],
)
def test_a_time_has_one_unit(seconds, age):
    assert _glance.age(seconds) == age


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (STOPPED, "ftp: down since then (daemontools.up ftp, or daemontools.disable ftp)"),
        (
            {**UP, "problem": "dies again and again"},
            "ftp: dies again and again (daemontools.log ftp)",
        ),
        ({**UP, "problem": "there is no cdb (make it)"}, "ftp: there is no cdb (make it)"),
        ({**UP, "state": "paused", "problem": "paused"}, "ftp: paused (daemontools.cont ftp)"),
        (
            {**UP, "want": "down", "problem": "wanted down but up"},
            "ftp: wanted down but up (daemontools.kill ftp)",
        ),
        (
            {**UP, "problem": "log: down since then", "log": STOPPED},
            "ftp: log: down since then (daemontools.up ftp/log, or daemontools.disable ftp/log)",
        ),
        ({**UP, "problem": "log: no space (df /)", "log": UP}, "ftp: log: no space (df /)"),
    ],
)
def test_a_problem_says_what_to_type(record, line):
    assert _glance.problems({"ftp": record, "well": UP}) == [line]
