"""One event for each change that stays, whatever Salt forgets in between."""

import datetime
import errno
import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def service(problem=None, state="up", seconds=9999, pid=7, clients=None, limit=None, since="long"):
    return {
        "state": state,
        "since": since,
        "seconds": seconds,
        "pid": pid,
        "problem": problem,
        "clients": clients,
        "limit": limit,
    }


class Watch:
    """A beacon whose clock and services are a test's."""

    def __init__(self, folder):
        self.now, self.records = 100_000.0, {"ftp": service()}
        self.folder, self.until, self.asked = folder, None, 0
        self.accounts, self.bans = {}, []
        self.load()

    def load(self):
        """Make it anew, as Salt does when a pillar or modules are refreshed."""
        spec = importlib.util.spec_from_file_location("beacon", ROOT / "_beacons/daemontools.py")
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.module.__opts__ = {"cachedir": str(self.folder)}
        self.module.__salt__ = {
            "daemontools.show": lambda: self.records,
            "daemontools.log": lambda name, lines: [f"the end of {name}"][:lines],
            "ftpgw.banned": lambda ask: self.bans,
            "ftpgw.certificate": self.certificate,
        }
        self.module.__pillar__ = {"ftpgw": {"accounts": self.accounts}}
        self.module.time = self

    def time(self):
        return self.now

    def certificate(self):
        self.asked += 1
        return {} if self.until is None else {"until": self.until, "days": 1}

    def after(self, seconds, **records):
        """Let time go by, services become something else, and the beacon look."""
        self.now += seconds
        self.records = {**self.records, **records}
        return [event["tag"] for event in self.module.beacon([{"settle": 10}])]


@pytest.fixture
def watch(tmp_path):
    return Watch(tmp_path)


def test_what_is_well_at_first_sight_is_no_event(watch):
    assert watch.after(0) == watch.after(60) == []


DOWN = service("is down, but wanted up", state="down", pid=None)
STATES = {
    "down": DOWN,
    "log": service("log: is down, but wanted up"),
    "full": service(clients=40, limit=40, problem="all 40 places are taken"),
    "trouble": service("there is no /etc/tcprules/ftp.cdb, so every client is dropped"),
}


@pytest.mark.parametrize("what", STATES)
def test_what_changes_is_told_once_when_it_has_settled_and_so_is_its_end(watch, what):
    watch.after(0)
    assert watch.after(5, ftp=STATES[what]) == watch.after(9) == []
    assert watch.after(1) == [f"ftp/{what}"]
    watch.load()
    assert watch.after(600) == []
    assert watch.after(5, ftp=service()) == []
    assert watch.after(10) == ["ftp/up"]
    assert watch.after(600) == []


def test_what_comes_and_goes_within_that_time_is_none(watch):
    watch.after(0)
    assert watch.after(5, ftp=DOWN) == watch.after(5, ftp=service()) == watch.after(60) == []


def test_what_is_down_at_first_sight_is_told(watch):
    assert watch.after(0, ftp=DOWN) == []
    assert watch.after(10) == ["ftp/down"]


def test_a_disk_without_room_takes_no_event_away_and_repeats_none(watch, monkeypatch):
    watch.after(0)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(watch.module.os, "replace", full)
        watch.after(0, ftp=STATES["log"])
        assert watch.after(10) == ["ftp/log"]
        assert watch.after(10) == []
    assert watch.after(10) == []
    watch.load()
    assert watch.after(10) == []
    (watch.folder / "daemontools-beacon.json").write_text("[]")
    assert watch.after(10, ftp=service()) == []


def test_a_clock_that_is_set_back_keeps_nothing_back(watch):
    watch.after(0)
    watch.after(0, ftp=DOWN)
    assert watch.after(-3600) == ["ftp/down"]
    watch.after(0, ftp=service())
    assert watch.after(10) == ["ftp/up"]
    for _ in range(2):
        watch.after(1, ftp=service(seconds=0, since=f"at {watch.now}"))
    assert watch.after(-3600, ftp=service(seconds=0, since=f"at {watch.now}")) == []


def test_three_starts_within_a_minute_are_told_at_once_and_well_a_minute_later(watch):
    watch.after(0)
    found = []
    for _ in range(4):
        started = service(seconds=0, since=f"at {watch.now}")
        found += watch.after(5, ftp=started)
    assert found == ["ftp/flapping"]
    watch.load()
    assert watch.after(30) == []
    found = watch.after(30) + watch.after(10) + watch.after(60)
    assert found == ["ftp/up"]


def test_an_event_says_what_a_person_would_ask(watch):
    watch.after(0)
    watch.after(5, ftp=DOWN)
    watch.now += 10
    assert watch.module.beacon([{"settle": 10}]) == [
        {
            "tag": "ftp/down",
            "service": "ftp",
            "is": "down",
            "was": "up",
            "problem": "is down, but wanted up",
            "starts": 0,
            "seconds": 0,
            "clients": None,
            "limit": None,
            "lines": ["the end of ftp"],
        }
    ]


def test_a_certificate_is_told_of_once_two_weeks_before_its_end_and_once_renewed(watch):
    """It is looked at once an hour, and one that cannot be read is no event."""
    day = 86400
    watch.until = watch.now + 16 * day
    assert watch.after(0) == watch.after(3599) == []
    assert watch.asked == 1
    assert watch.after(day) == []
    watch.now += day
    [event] = watch.module.beacon([{"settle": 10}])
    assert event == {
        "tag": "certificate/ends",
        "service": "certificate",
        "is": "ends",
        "was": "up",
        "problem": "the certificate ends in 13 days",
    }
    watch.load()
    assert watch.after(2 * day) == []
    watch.until = watch.now + 365 * day
    assert watch.after(3600) == ["certificate/up"]
    watch.until = None
    assert watch.after(3600) == []
    watch.until = watch.now
    assert watch.after(3600) == ["certificate/ends"]
    watch.until = None
    assert watch.after(3600) == ["certificate/up"]


def on(day):
    """Return the second at which a day begins."""
    day = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
    return day.timestamp()


def test_an_account_is_told_of_once_two_weeks_before_its_end_once_then_and_once_it_goes_on(watch):
    """As a run of states would tell of it; of each by its name."""
    watch.now = on("2027-03-16")
    watch.accounts |= {
        "partner": {"until": datetime.date(2027, 3, 31)},
        "leaver": {"until": "2027-03-17", "state": "absent"},
        "other": {"password": "$6$x"},
        "odd": {"until": "soon"},
        "none": None,
    }
    assert watch.after(0) == []
    watch.now = on("2027-03-17")
    [event] = watch.module.beacon([{"settle": 10}])
    assert event == {
        "tag": "account/ends",
        "service": "account",
        "account": "partner",
        "is": "ends",
        "was": "up",
        "problem": "ftpgw:accounts:partner:until: 2027-03-31 is its last day",
    }
    watch.load()
    watch.now = on("2027-03-31")
    assert watch.after(86400 - 60) == []
    assert watch.after(59) == []
    assert watch.after(1) == ["account/ended"]
    assert watch.after(9 * 86400) == []
    watch.accounts["partner"] = {"until": "2028-03-31"}
    assert watch.after(59) == []
    assert watch.after(1) == ["account/up"]
    watch.accounts["partner"] = {"until": "2020-01-01"}
    assert watch.after(3600) == ["account/ended"]
    del watch.accounts["partner"]
    assert watch.after(3600) == ["account/up"]


@pytest.mark.parametrize("accounts", [None, [], "x", {"a": 1}])
def test_a_pillar_that_makes_no_sense_is_no_event(watch, accounts):
    watch.accounts = accounts
    watch.load()
    assert watch.after(3600) == []


def ban(address, rules="ftp"):
    return {"address": address, "rules": rules, "seconds": 600}


def test_a_ban_is_told_of_once_within_a_minute(watch):
    """Of many at once in one event; and of one that is made again, again."""
    watch.after(0)
    watch.bans = [ban("9.9.9.9")]
    assert watch.after(59) == []
    watch.now += 1
    [event] = watch.module.beacon([])
    assert event == {
        "tag": "bans/made",
        "service": "bans",
        "is": "made",
        "bans": [ban("9.9.9.9")],
        "count": 1,
        "problem": "banned: 9.9.9.9 by ftp",
    }
    watch.load()
    watch.bans = [{**ban("9.9.9.9"), "seconds": 500}]
    assert watch.after(60) == []
    watch.bans = [ban("9.9.9.9"), *(ban(f"9.9.8.{last}", "ftp-proxy") for last in range(25))]
    watch.now += 60
    [event] = watch.module.beacon([])
    assert (event["count"], len(event["bans"])) == (25, 20)
    assert event["problem"].endswith("9.9.8.19 by ftp-proxy, and 5 more")
    watch.bans = []
    assert watch.after(60) == []
    watch.bans = [ban("9.9.9.9")]
    assert watch.after(60) == ["bans/made"]


def test_where_bans_cannot_be_asked_for_nothing_is_forgotten(watch):
    watch.bans = [ban("9.9.9.9")]
    assert watch.after(0) == ["bans/made"]

    def broken(ask):
        raise watch.module.CommandExecutionError("no")

    watch.module.__salt__["ftpgw.banned"] = broken
    assert watch.after(60) == []
    watch.load()
    assert watch.after(60) == []


def test_what_cannot_be_asked_or_is_gone_is_no_event(watch):
    def broken():
        raise watch.module.CommandExecutionError("no")

    watch.after(0)
    watch.module.__salt__["daemontools.show"] = broken
    assert watch.after(60) == []
    watch.load()
    watch.records = {}
    assert watch.after(60) == []


@pytest.mark.parametrize(("settle", "good"), [(0, True), (2.5, True), (-1, False), ("x", False)])
def test_settings_are_judged(watch, settle, good):
    for config in ([{"interval": 5}, {"settle": settle}], {"settle": settle}):
        assert watch.module.validate(config)[0] is good
    for config in ([{"interval": 5}], [], {}, None):
        assert watch.module.validate(config)[0]
    assert not watch.module.validate([{"settle": float("nan")}])[0]
    assert watch.module.validate([{"days": settle}])[0] is good
