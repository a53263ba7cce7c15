"""What a page is made of: well-formed, and whatever is told stands in it as text."""

import xml.etree.ElementTree as ElementTree

import _page
import pytest

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "]]>--></main></body>",
    "&amp; &#0; &nbsp;",
    "\x00\x1b[31m\u202e\ud800",
    "javascript:alert(1)",
]


def parsed(text):
    """Return the element that some markup is, as a strict parser reads it."""
    return ElementTree.fromstring(text)  # noqa: S314


def words(element):
    return "".join(element.itertext())


@pytest.mark.parametrize("said", HOSTILE)
def test_whatever_is_said_is_text(said):
    table = _page.table((said,), [(said,), ((said, said),)], said)
    strip = _page.strip({said: {0: (1, 0)}}, {0: said}, said)
    text = _page.page(said, _page.section(said, said, table, strip))
    assert text.startswith("<!DOCTYPE html>\n")
    root = parsed(text)
    shown = _page._tables.visible(said)
    assert shown.isprintable()
    assert root.find("head/title").text == shown
    assert [words(cell) for cell in root.iter("td")] == [shown, shown]
    assert root.find(".//div").get("aria-label") == shown
    assert len(list(root.iter("script"))) == 1
    assert not list(root.iter("img"))


def test_a_number_is_a_number_and_a_pair_is_sorted_by_its_second():
    root = parsed(_page.table(("a", "b"), [(1234, ("3h", 10800))], "x"))
    first, second = root.iter("td")
    assert (first.text, first.get("data-sort"), first.get("class")) == ("1,234", "1234", "number")
    assert (second.text, second.get("data-sort")) == ("3h", "10800")


def test_a_long_table_is_folded():
    rows = [(n,) for n in range(10)]
    root = parsed(f"<x>{_page.table(('a',), rows, 'x', 4)}</x>")
    shown, folded = root.findall("div"), root.findall("details/div")
    assert [len(list(part.iter("td"))) for part in (*shown, *folded)] == [4, 6]
    assert root.find("details/summary").text == "and 6 more"


def test_a_strip_shows_of_each_row_what_the_most_is():
    rows = {"gw1": {0: (10, 0), 3600: (5, 2)}, "gw2": {}}
    root = parsed(_page.strip(rows, {0: "00 h", 3600: "01 h"}, "hours"))
    drawn = {
        box.find("title").text: (box.get("class"), box.get("fill-opacity"))
        for box in root.iter("rect")
    }
    assert drawn == {
        "gw1, 00 h: 10 admitted": ("admitted", "1.00"),
        "gw1, 01 h: 5 admitted": ("admitted", "0.57"),
        "gw1, 00 h: 0 refused": ("empty", None),
        "gw1, 01 h: 2 refused": ("refused", "1.00"),
        "gw2, 00 h: 0 admitted": ("empty", None),
        "gw2, 01 h: 0 admitted": ("empty", None),
        "gw2, 00 h: 0 refused": ("empty", None),
        "gw2, 01 h: 0 refused": ("empty", None),
    }


def test_more_than_there_are_places_fills_the_bar():
    for part, width in ((0, "0"), (29, "100"), (31, "100")):
        _, taken = parsed(_page.bar(part, 29)).iter("rect")
        assert taken.get("width") == width
