"""The page of a fleet shows what the gateways said, all of it and nothing else."""

import random
import re
import time
import xml.etree.ElementTree as ElementTree

import _minions
import _report
import pytest
from _minions import Answer

NOW = 1_800_000_000
HOUR = NOW // 3600 * 3600
SITES = {"acme": "allow", "lan": "in part", "default": "deny"}


def overview(problems=(), sites=SITES, hours=(), refused=(), sessions=(), clients=0, **more):
    services = {"open-ftpd": {"state": "up", "seconds": 9, "clients": clients, "limit": 29}}
    return {
        "problems": list(problems),
        "services": services,
        "rules": {"ftp": {"digest": f"1:{len(sites)}", "sites": sites}},
        "connections": {"hours": list(hours), "refused": list(refused)},
        "sessions": list(sessions),
        "certificate": None,
        "run": NOW,
        **more,
    }


SESSION = {
    "service": "open-ftpd",
    "address": "9.9.9.9",
    "site": "acme",
    "account": None,
    "pid": 7,
    "does": "ftpd",
    "since": "2027-01-15 08:00:00",
    "seconds": 7200,
}
FLEET = {
    "gw1": Answer("good", overview(hours=[[HOUR, 5, 1], [HOUR - 3600, 2, 0]], clients=1)),
    "gw2": Answer("good", overview(["open-ftpd: down"], {**SITES, "acme": "deny"})),
    "gw3": Answer("silent"),
    "gw10": Answer("good", overview(sessions=[SESSION], refused=[["198.51.100.7", 4]])),
    "gw11": Answer("good", overview(refused=[["198.51.100.7", 3], ["2001:db8::1", 1]])),
    "gw12": Answer("good", overview(certificate=NOW + 5 * 86400 + 9)),
}


class Page:
    """A page as its reader sees it, part by part."""

    def __init__(self, answers, since="1d", drift=None):
        self.text = _report.page(answers, NOW, since, drift)
        self.root = ElementTree.fromstring(self.text)  # noqa: S314
        self.parts = {part.find("h2").text: part for part in self.root.iter("section")}

    def rows(self, heading, table=0):
        """Return the words of the rows of a table below a heading."""
        body = list(self.parts[heading].iter("tbody"))[table]
        return [["".join(cell.itertext()) for cell in row] for row in body]

    def words(self, heading):
        return "".join(self.parts[heading].itertext())


@pytest.mark.parametrize(
    "strange",
    [
        {"problems": 7},
        {"sessions": [{}]},
        {"rules": {"ftp": "x"}},
        {"connections": {"hours": [["x", None, 1]], "refused": []}},
        {"services": {"x": {"clients": "y", "limit": 3}}},
        {"certificate": "soon"},
    ],
)
def test_who_says_what_nobody_understands_is_not_well_and_hides_nobody(strange):
    """One that has been taken, say, or has another version."""
    answers = {**FLEET, "gw2": Answer("good", {**overview(), **strange})}
    text, taken = _minions.made(lambda told: _report.page(told, NOW, "1d"), answers)
    assert "answered what nobody understands" in text
    assert "198.51.100.7" in text
    assert _report.unwell(taken) == ["gw2", "gw3"]


@pytest.fixture(scope="module")
def page():
    return Page(FLEET)


def test_the_sums_come_first(page):
    tiles = [
        (tile.find("b").text, tile.find("b").tail)
        for tile in page.root.find(".//ul[@class='sums']")
    ]
    assert tiles == [
        ("6", "gateways"),
        ("2", "not well"),
        ("2", "meanings of the rules"),
        ("1", "sessions"),
        ("7", "admitted in 1d"),
        ("1", "refused in 1d"),
    ]


def test_then_what_is_not_well(page):
    assert next(iter(page.parts)) == "What is not well"
    assert page.rows("What is not well") == [["gw2", "open-ftpd: down"]]
    assert "No answer: gw3." in page.words("What is not well")
    assert _report.unwell(FLEET) == ["gw2", "gw3"]
    assert "Nothing." in Page({"gw1": FLEET["gw1"]}).words("What is not well")


def test_each_gateway_has_a_tile_those_in_trouble_first(page):
    tiles = ["".join(tile.itertext()) for tile in page.parts["Gateways"].iter("li")]
    assert tiles[:3] == ["gw2✕ 1 problem, 0/29 places", "gw3✕ no answer", "gw1✓ well, 1/29 places"]
    assert len(tiles) == 6


def test_columns_are_gateways_with_equal_rules(page):
    assert page.rows("Who is admitted where") == [
        ["acme", "●admitted", "·not"],
        ["default", "·not", "·not"],
        ["lan", "◐in part", "◐in part"],
    ]
    heads = [button.text for button in page.parts["Who is admitted where"].iter("button")]
    assert heads == ["site", "1 (4)", "gw2"]
    assert "gw1, gw10 to gw12" in page.words("Who is admitted where")


def test_one_that_has_rules_of_its_own_is_told_of_by_what_is_nearest():
    answers = {f"gw{n}": Answer("good", overview()) for n in range(20)}
    answers["odd"] = Answer("good", overview(sites={**SITES, "acme": "deny"}))
    page = Page(answers)
    told = [["odd", "1", "acme: not, there admitted"]]
    assert page.rows("Who is admitted where", 1) == told


def test_of_many_sites_those_come_first_that_differ():
    many = {f"site{n}": "allow" for n in range(100)}
    answers = {
        "gw1": Answer("good", overview(sites=many)),
        "gw2": Answer("good", overview(sites={**many, "site7": "deny"})),
    }
    page = Page(answers)
    assert page.rows("Who is admitted where") == [["site7", "●admitted", "·not"]]
    assert len(page.rows("Who is admitted where", 1)) == 99


def test_the_hours_are_those_of_the_logs(page):
    titles = [title.text for title in page.parts["Connections by hour, in 1d"].iter("title")]
    # Two rows, all and the one that counted any, of a day, with who was admitted and refused.
    assert len(titles) == 2 * 24 * 2
    shown = [re.sub(r", \d\d h", "", title) for title in titles if ": 0 " not in title]
    assert shown == [
        *("all: 2 admitted", "all: 5 admitted", "all: 1 refused"),
        *("gw1: 2 admitted", "gw1: 5 admitted", "gw1: 1 refused"),
    ]
    figures = page.rows("Connections by hour, in 1d")
    assert [row[2:] for row in figures] == [["2", "0"], ["5", "1"]] * 2


def test_who_was_refused_stands_with_network_and_gateways(page):
    assert page.rows("Refused most often, in 1d") == [
        ["198.51.100.7", "198.51.100.0/24", "7", "2", "gw10, gw11"],
        ["2001:db8::1", "2001:db8::/64", "1", "1", "gw11"],
    ]


def test_places_and_sessions(page):
    assert page.rows("Places and sessions") == [["gw1", "open-ftpd", "1", "29", ""]]
    told = [["gw10", "9.9.9.9", "acme", "", "open-ftpd", "2h"]]
    assert page.rows("Places and sessions", 1) == told


def test_certificates_that_end_within_a_month(page):
    [[one, _, days]] = page.rows("Certificates that end")
    assert (one, days) == ("gw12", "5")
    assert "There are none." in Page({"gw1": FLEET["gw1"]}).words("Certificates that end")


def test_drift_is_shown_where_somebody_asked():
    heading = "What separates gateways from what is declared"
    assert heading not in Page(FLEET).parts
    page = Page(FLEET, drift=["gw1:", "  rules <b>", "gw2: as declared"])
    assert page.parts[heading].find("pre").text == "gw1:\n  rules <b>\ngw2: as declared\n"


def test_nothing_is_loaded_from_anywhere(page):
    """Neither by an element nor by the style; and a browser is told to refuse it."""
    loading = {"src", "href", "srcset", "data", "action", "background", "poster"}
    for element in page.root.iter():
        assert not loading & set(element.attrib), element.tag
        assert element.tag not in ("link", "iframe", "object", "embed", "img", "image", "use")
    assert not re.search(r"url\(|@import|https?:|fetch|XMLHttp|WebSocket", page.text)
    assert "default-src 'none'" in page.text


HOSTILE = "</td><script>alert(1)</script>\x1b\u202e&\"'"


def test_what_strangers_say_is_text():
    """A client chooses its name in a process title, and a log what stands in a problem."""
    session = {**SESSION, "address": HOSTILE, "site": HOSTILE, "account": HOSTILE}
    bad = overview([HOSTILE], {HOSTILE: "allow"}, [[HOUR, 1, 1]], [[HOSTILE, 3]], [session])
    page = Page({HOSTILE: Answer("good", bad)}, since=HOSTILE, drift=[HOSTILE])
    assert len(list(page.root.iter("script"))) == 1
    assert "alert(1)" not in "".join(page.root.find(".//script").itertext())
    assert "</td><script>alert(1)</script>\\x1b" in page.words("What is not well")


@pytest.mark.parametrize("strange", [None, [], "text", {}, {"problems": None, "rules": None}])
def test_an_answer_of_another_version_is_no_failure(strange):
    page = Page({"gw1": Answer("good", strange), "gw2": FLEET["gw2"]})
    assert "gw1" in page.words("Gateways")
    assert Page({}).parts


def test_a_thousand_gateways_are_one_small_page_soon():
    """Measured were 0.3 s and 0.7 MB; the limits are those that anybody would notice."""
    chance = random.Random(7)
    fleet = {}
    for number in range(1000):
        sites = {f"site{n}": chance.choice(("allow",) * 99 + ("deny",)) for n in range(20)}
        sessions = [{**SESSION, "address": f"9.9.9.{n}"} for n in range(3)]
        hours = [[HOUR - 3600 * n, chance.randrange(90), chance.randrange(9)] for n in range(24)]
        refused = [[f"198.51.100.{chance.randrange(256)}", 9] for _ in range(20)]
        problems = ["open-ftpd: down"] * (number % 50 == 0)
        told = overview(problems, sites, hours, refused, sessions, 3)
        fleet[f"gw{number}"] = Answer("good", told)
    begun = time.process_time()
    page = _report.page(fleet, NOW, "1d")
    assert time.process_time() - begun < 30
    assert len(page) < 5_000_000
