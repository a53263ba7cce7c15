"""The site of all pages in a browser, in two windows."""

import os
import pathlib

import pytest
from browser import TELL, WINDOWS, complaints, told

SITE = pathlib.Path(os.environ["SITE"])
PAGES = ["index", "docs/how", "docs/servers", "docs/settings", "docs/fleet", "docs/trust"]


@pytest.fixture(scope="module", autouse=True)
def _built():
    assert (SITE / "index.html").exists(), "make site builds it"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("window", WINDOWS)
def test_a_page_is_no_wider_than_the_window_and_shows_its_pictures(look, page, window):
    """And the browser has nothing to complain of."""
    file = SITE / f"{page}.html"
    asked = """
    var broken = Array.from(document.images).filter(function (each) {
      return !(each.complete && each.naturalWidth);
    });
    tell([document.documentElement.scrollWidth, window.innerWidth,
          broken.map(function (each) { return each.getAttribute("src"); })]);
    """
    copy = file.with_name(f"looked-at-{file.name}")
    script = f"<script>addEventListener('load', function () {{ {TELL} {asked} }});</script>"
    copy.write_text(file.read_text().replace("</body>", f"{script}</body>"))
    try:
        done = look(copy, "--dump-dom", "--virtual-time-budget=60000", window=window)
    finally:
        copy.unlink()
    needed, there, broken = told(done)
    assert needed <= there
    assert broken == []
    assert complaints(done) == []
