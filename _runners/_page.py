"""
What a page is made of: elements, tables that can be sorted, strips of hours. All text is escaped.

A page is one file that loads nothing. It is well-formed as XML, too, so that a parser can judge it.
"""

import html

import _tables

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de;
  --tile: #f6f8fa; --bad: #a40e26; --good: #116329; --admitted: #0a5394; --refused: #9a4a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ed; --quiet: #a3abb5;
  --line: #3a414a; --tile: #1e2329; --bad: #ff8a8a; --good: #6fdd8b; --admitted: #6cb6ff;
  --refused: #ffab5e; } }
@media print { :root { color-scheme: light; --ground: #fff; --ink: #000; --quiet: #444;
  --line: #bbb; --tile: #fff; --bad: #a40e26; --good: #116329; --admitted: #0a5394;
  --refused: #9a4a00; } * { print-color-adjust: exact; } tr, li { break-inside: avoid; } }
body { background: var(--ground); color: var(--ink); font: 0.95rem/1.5 system-ui, sans-serif;
  margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; } pre { overflow-x: auto; }
p { color: var(--quiet); margin: 0.25rem 0; }
ul.sums, ul.gateways { display: grid; gap: 0.5rem; list-style: none; margin: 1rem 0; padding: 0; }
ul.sums { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }
ul.gateways { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
ul.sums li, ul.gateways li { background: var(--tile); border: 1px solid var(--line);
  border-radius: 0.35rem; overflow-wrap: anywhere; padding: 0.4rem 0.6rem; }
ul.sums b { display: block; font-size: 1.5rem; line-height: 1.2; }
ul.gateways { font-size: 0.85rem; gap: 0.3rem; } ul.gateways li { padding: 0.2rem 0.5rem; }
ul.gateways b { display: block; }
ul.gateways li.bad, ul.gateways li.good { color: inherit; }
ul.gateways li.bad { border-color: var(--bad); }
.bad { color: var(--bad); } .good { color: var(--good); } .admitted { color: var(--admitted); }
.refused { color: var(--refused); } svg .admitted { fill: var(--admitted); }
svg .refused { fill: var(--refused); } svg text { fill: var(--quiet); font-size: 11px; }
svg .empty { fill: var(--line); fill-opacity: 0.35; }
.wide { overflow-x: auto; position: relative; } .wide > svg { min-width: 44rem; width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.8rem 0.2rem 0; text-align: left;
  vertical-align: top; }
td.number { text-align: right; } td.long { min-width: 18rem; }
th button { all: unset; cursor: pointer; font-weight: bold; }
th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " \\25b4"; }
th[aria-sort=descending] button::after { content: " \\25be"; }
.hidden { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; width: 1px; }
details { margin: 0.4rem 0; } summary { cursor: pointer; }
"""
# Sorts a table by the column whose heading was chosen, numbers as numbers; it needs no more.
SCRIPT = """
document.addEventListener("click", function (event) {
  var button = event.target.closest("th button");
  if (!button) { return; }
  var head = button.parentNode, row = head.parentNode, body = row.closest("table").tBodies[0];
  var place = Array.from(row.children).indexOf(head);
  var up = head.getAttribute("aria-sort") !== "ascending";
  Array.from(row.children).forEach(function (each) { each.removeAttribute("aria-sort"); });
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  var told = function (line) {
    var cell = line.children[place];
    return cell.getAttribute("data-sort") || cell.textContent;
  };
  Array.from(body.rows).sort(function (a, b) {
    var order = told(a).localeCompare(told(b), undefined, { numeric: true });
    return up ? order : -order;
  }).forEach(function (line) { body.appendChild(line); });
});
"""
# Nothing may be loaded, whatever stands in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
# Text of so many characters would stand in a column of single words on a phone.
_LONG = 40
# The strips: how wide the names are, an hour and a row, and where the first row begins.
_NAMES, _HOUR, _ROW, _TOP = 130, 22, 20, 18


class Markup(str):
    """Text that is markup already; any other text is escaped."""

    __slots__ = ()


def text(value):
    """Return a value as markup, whatever it says."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_tables.visible(str(value))))


def element(name, *inside, **attributes):
    """Return an element; an attribute that is None is left out, and `class_` is ``class``."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{told}>{''.join(map(text, inside))}</{name}>")


def page(title, *inside):
    """Return the text of a page."""
    head = (
        Markup('<meta charset="utf-8"/>'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1"/>'),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", element("main", *inside), element("script", Markup(SCRIPT)))
    return f'<!DOCTYPE html>\n<html lang="en">{element("head", *head)}{body}</html>\n'


def section(title, *inside):
    """Return a part of the page with its heading."""
    return element("section", element("h2", title), *inside)


def table(headings, rows, label, most=None):
    """
    Return a table that can be sorted by each column.

    rows
        of cells: a number stands on the right; a pair is what is shown, and what it is sorted by
    label
        what it is about, for who does not see it
    most
        how many rows are shown at once; the rest is folded
    """
    shown, folded = rows[:most], rows[most:] if most else []
    drawn = [_table(headings, shown, label)]
    if folded:
        more = element("summary", f"and {len(folded)} more")
        drawn.append(element("details", more, _table(headings, folded, f"{label}, more")))
    return Markup("".join(drawn))


def _table(headings, rows, label):
    button = [
        element("th", element("button", heading, type="button"), scope="col")
        for heading in headings
    ]
    body = [element("tr", *map(_cell, row)) for row in rows]
    drawn = element("table", element("thead", element("tr", *button)), element("tbody", *body))
    return element("div", drawn, class_="wide", tabindex="0", role="region", aria_label=label)


def _cell(value):
    if isinstance(value, int):
        return element("td", f"{value:,}", class_="number", data_sort=value)
    shown, key = value if isinstance(value, tuple) else (value, None)
    how = "long" if len(shown) > _LONG and not isinstance(shown, Markup) else None
    return element("td", shown, class_=how, data_sort=key)


def strip(rows, hours, label):
    """
    Return the hours of some rows as a picture: above who was admitted, below who was refused.

    rows
        ``{name: {hour: (admitted, refused)}}``; dark is the most that one row has of either
    hours
        ``{hour: what it is called}``, in order
    """
    width, height = _NAMES + _HOUR * len(hours), _TOP + _ROW * len(rows)
    drawn = [
        element("text", name, x=_NAMES + _HOUR * place, y=_TOP - 6)
        for place, name in enumerate(hours.values())
        if place % 3 == 0
    ]
    for line, (name, counts) in enumerate(rows.items()):
        y = _TOP + _ROW * line
        drawn.append(element("text", _tables.cut(name, 20), x=0, y=y + 13))
        for part, what in enumerate(("admitted", "refused")):
            most = max((count[part] for count in counts.values()), default=0)
            for place, hour in enumerate(hours):
                number = counts.get(hour, (0, 0))[part]
                told = f"{name}, {hours[hour]}: {number} {what}"
                box = {"x": _NAMES + _HOUR * place, "y": y + part * 11, "width": _HOUR - 2}
                shade = f"{0.15 + 0.85 * number / most:.2f}" if number else None
                drawn.append(
                    element(
                        "rect",
                        element("title", told),
                        **box,
                        height=(10, 6)[part],
                        class_=what if number else "empty",
                        fill_opacity=shade,
                    )
                )
    view = f"0 0 {width} {height}"
    picture = element("svg", *drawn, viewBox=view, role="img", aria_label=label)
    return element("div", picture, class_="wide", tabindex="0", role="region", aria_label=label)


def bar(part, whole):
    """Return how much of something is taken, as a picture for beside the figures."""
    width = round(100 * min(part, whole) / whole) if whole else 0
    taken = element(
        "rect", width=width, height=10, class_="refused" if part >= whole else "admitted"
    )
    empty = element("rect", width=100, height=10, class_="empty")
    return element("svg", empty, taken, width=100, height=10, aria_hidden="true")
