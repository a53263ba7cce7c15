"""
The page of a fleet in a browser: what it shows, what axe says of it, and its pictures for README.

Only what Chromium itself does is asked: it prints the page that it has made of the file, what the
page writes on its console, and a picture.
"""

import datetime
import os
import pathlib
import random
import re
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
# What the Makefile has brought for these tests alone.
PACKAGES = pathlib.Path(sys.prefix).parent / "looks"
sys.path[:0] = [str(REPOSITORY / "_runners"), str(PACKAGES)]

import _report  # noqa: E402
from _minions import Answer  # noqa: E402
from browser import TELL, WINDOWS, complaints, told  # noqa: E402
from PIL import Image  # noqa: E402

AXE = PACKAGES / "axe_playwright_python/axe.min.js"
# Noon, so that no day ends among the hours that are shown.
NOW = datetime.datetime(2026, 11, 27, 12).timestamp()
HOUR = 3600
NO_DITHER = Image.Dither.NONE
SITES = {"acme": "allow", "globex": "allow", "lan": "in part", "crawlers": "deny"}


def gateway(chance, problems=(), clients=0, sites=SITES, certificate=None):
    """Return what a gateway might tell of itself."""
    services = {
        name: {"state": "up", "seconds": 86400, "clients": some, "limit": 29}
        for name, some in (("open-ftpd", clients), ("ftp-proxy", clients // 3))
    }
    sessions = [
        {
            "service": "open-ftpd",
            "address": f"9.9.9.{chance.randrange(1, 255)}",
            "site": "acme",
            "account": "partner",
            "pid": 700 + number,
            "does": "vsftpd",
            "since": "2026-11-27 11:40:00+00:00",
            "seconds": 1200 * (number + 1),
        }
        for number in range(clients)
    ]
    hours = [
        [int(NOW) - HOUR * ago, chance.randrange(20, 90), chance.randrange(12)] for ago in range(24)
    ]
    refused = [[f"198.51.100.{chance.randrange(9)}", chance.randrange(1, 60)] for _ in range(3)]
    return {
        "problems": list(problems),
        "services": services,
        "rules": {"ftp": {"digest": f"1:{sites}", "sites": sites}},
        "connections": {"hours": hours, "refused": refused},
        "sessions": sessions,
        "certificate": certificate or NOW + 80 * 86400,
        "run": NOW - 900,
    }


def fleet():
    """Return the answers of a dozen gateways, of which some have trouble."""
    chance = random.Random(3)
    fleet = {f"gw{n}": gateway(chance, clients=chance.randrange(4)) for n in range(1, 13)}
    fleet["gw4"] = gateway(chance, ["open-ftpd: died 5 times in 8 s (daemontools.show open-ftpd)"])
    fleet["gw7"] = gateway(chance, clients=2, sites={**SITES, "globex": "deny"})
    fleet["gw9"] = gateway(chance, clients=27, certificate=NOW + 9.5 * 86400)
    return {
        **{one: Answer("good", value) for one, value in fleet.items()},
        "gw11": Answer("silent"),
    }


DRIFT = ["gw7:", "  globex: allow -> deny: 198.51.100.0/24", "as declared: the others"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The file of the page, as `salt-run ftpgw.report` writes it."""
    file = tmp_path_factory.mktemp("page") / "fleet.html"
    file.write_text(_report.page(fleet(), NOW, "1d", DRIFT), encoding="utf-8")
    return file


def with_script(page, *scripts):
    """Return a copy of the page that may run more scripts, and does at its end."""
    text = page.read_text(encoding="utf-8")
    bare, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert count == 1
    copy = page.with_name(f"with-{len(scripts)}-{abs(hash(scripts))}.html")
    added = "".join(f"<script>{script}</script>" for script in scripts)
    copy.write_text(bare.replace("</body>", f"{added}</body>"), encoding="utf-8")
    return copy


def told_by(look, page, *scripts, words=(), **more):
    """Return what scripts in the page have told."""
    copy = with_script(page, TELL, *scripts)
    return told(look(copy, "--dump-dom", "--virtual-time-budget=60000", *words, **more))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(look, page, window, theme):
    dark = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]
    run = "axe.run(document).then(function (found) { tell({violations: found.violations.map("
    run += "function (each) { return [each.id, each.nodes[0].html]; }), rules: found.passes.length,"
    run += "dark: matchMedia('(prefers-color-scheme: dark)').matches}); });"
    words = dark if theme == "dark" else ["--blink-settings=preferredColorScheme=1"]
    axe = AXE.read_text(encoding="utf-8")
    found = told_by(look, page, axe, run, words=words, window=window)
    assert found["dark"] == (theme == "dark")
    assert found["violations"] == []
    assert found["rules"] > 15


@pytest.mark.parametrize("window", WINDOWS)
def test_it_is_no_wider_than_the_window(look, page, window):
    asked = "tell([document.documentElement.scrollWidth, window.innerWidth]);"
    needed, there = told_by(look, page, asked, window=window)
    assert needed <= there


def test_the_browser_has_nothing_to_complain_of(look, page):
    """Of the page as it is, which forbids the browser to load anything."""
    assert complaints(look(page, "--dump-dom")) == []
    broken = page.with_name("broken.html")
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("<body>", '<body><img alt="" src="other.png"/>'))
    assert complaints(look(broken, "--dump-dom"))


def test_what_it_shows_is_what_the_gateways_said(look, page):
    asked = """
    var text = function (each) { return each.innerText.replace(/\\s+/g, " ").trim(); };
    tell({heads: Array.from(document.querySelectorAll("h2"), text),
          tiles: Array.from(document.querySelectorAll("ul.gateways li"), text),
          sums: Array.from(document.querySelectorAll("ul.sums li"), text)});
    """
    shown = told_by(look, page, asked)
    answers = {one: answer.value for one, answer in fleet().items() if answer.value}
    hours = [hour for value in answers.values() for hour in value["connections"]["hours"]]
    assert shown["heads"][0] == "What is not well"
    assert len(shown["tiles"]) == 12
    assert shown["tiles"][0].startswith("gw4 ✕ 1 problem")
    assert shown["tiles"][1].startswith("gw11 ✕ no answer")
    sums = dict(reversed(line.split(" ", 1)) for line in shown["sums"])
    assert sums["gateways"] == "12"
    assert sums["not well"] == "2"
    assert sums["sessions"] == str(sum(len(value["sessions"]) for value in answers.values()))
    assert sums["admitted in 1d"].replace(",", "") == str(sum(hour[1] for hour in hours))


def test_a_click_on_a_heading_sorts_its_table(look, page):
    asked = """
    var table = Array.from(document.querySelectorAll("section")).find(function (each) {
      return each.querySelector("h2").textContent.indexOf("Refused most often") === 0;
    }).querySelector("table");
    var column = function () {
      return Array.from(table.tBodies[0].rows, function (row) { return row.cells[2].innerText; });
    };
    var button = table.tHead.rows[0].cells[2].querySelector("button"), seen = [];
    button.click(); seen.push(column()); button.click(); seen.push(column()); tell(seen);
    """
    up, down = ([int(n) for n in column] for column in told_by(look, page, asked))
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert len(set(up)) > 3


@pytest.mark.parametrize("window", WINDOWS)
def test_a_picture_of_it_is_made(look, page, window, tmp_path):
    """PICTURES names the directory in which those of README are."""
    picture = pathlib.Path(os.environ.get("PICTURES") or tmp_path, f"report-{window}.png").resolve()
    picture.unlink(missing_ok=True)
    look(page, f"--screenshot={picture}", "--blink-settings=preferredColorScheme=1", window=window)
    # A clone, and a package of SPM, hold it for ever.
    with Image.open(picture) as whole:
        assert whole.size == WINDOWS[window]
        assert len(whole.getcolors(2**24)) > 16
        few = whole.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=NO_DITHER)
    few.save(picture, optimize=True)
    assert picture.stat().st_size < 40_000
