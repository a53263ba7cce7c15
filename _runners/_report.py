"""
The page of a fleet: what is not well first, then who is admitted where, who came, and who is there.

It is made of what `ftpgw.overview` returned on each gateway, and of nothing else.
"""

import datetime
import ipaddress

import _fleet
import _minions
import _page
import _tables

HOUR, DAY = 3600, 86400
# Days before its last one in which a certificate is told of.
SOON = 30
# How much of each part is shown at once; what is more is folded, or stands elsewhere.
_PROBLEMS, _TILES, _STRIPS, _GROUPS, _SITES, _ROWS, _HOURS = 50, 60, 30, 8, 60, 20, 48
_LONG, _LISTED = 120, 500
_MARKS = {
    "allow": ("●", "admitted", "admitted"),
    "in part": ("◐", "in part", "refused"),
    "deny": ("·", "not", None),
    None: ("", "no such site", None),
}


def page(answers, now, since, drift=None):
    """
    Return the text of the page.

    answers
        of `ftpgw.overview`, by id
    now
        the time, in seconds since 1970
    since
        of how much of the logs connections are counted, in the words of whoever asks
    drift
        the lines of `_fleet.drift`, or None where nobody has asked
    """
    told, _ = _fleet.heard("ftpgw.overview", answers)
    told = {one: value for one, value in told.items() if isinstance(value, dict)}
    problems = {one: _problems(answers[one], told.get(one)) for one in _tables.in_order(answers)}
    groups = _tables.alike({one: value.get("rules") for one, value in told.items()})
    moment = _local(now)
    count = _tables.counted(len(answers), "gateway")
    return _page.page(
        "FTP gateways",
        _page.element("h1", "FTP gateways"),
        _page.element("p", f"{count}, asked on {moment:%Y-%m-%d at %H:%M %Z}."),
        _sums(problems, told, groups, since),
        _unwell(problems),
        _gateways(problems, told),
        _admitted(groups),
        _hours(told, now, since),
        _refused(told, since),
        _sessions(told),
        *([_drift(drift)] if drift is not None else []),
        _certificates(told, now),
    )


def unwell(answers):
    """Return the ids of the gateways that are not well, or do not answer."""
    return [one for one, answer in answers.items() if _problems(answer, answer.value)]


def _problems(answer, value):
    told = _minions.trouble("ftpgw.overview", answer)
    if told or not isinstance(value, dict):
        return [told or _minions.STRANGE]
    return [str(line) for line in value.get("problems") or ()]


def _sums(problems, told, groups, since):
    """Return the figures that most readers came for."""
    bad = sum(map(bool, problems.values()))
    hours = [hour for value in told.values() for hour in _connections(value)["hours"]]
    sums = [
        (len(problems), "gateways", None),
        (bad, "not well", "bad" if bad else "good"),
        (len(groups), "meanings of the rules", None),
        (sum(len(value.get("sessions") or ()) for value in told.values()), "sessions", None),
        (sum(hour[1] for hour in hours), f"admitted in {since}", None),
        (sum(hour[2] for hour in hours), f"refused in {since}", None),
    ]
    tiles = [
        _page.element("li", _page.element("b", f"{number:,}", class_=how), what)
        for number, what, how in sums
    ]
    return _page.element("ul", *tiles, class_="sums")


def _unwell(problems):
    silent = [one for one, lines in problems.items() if lines == [_minions.SILENT]]
    rows = [(one, line) for one, lines in problems.items() if one not in silent for line in lines]
    parts = []
    if silent:
        parts.append(_page.element("p", f"No answer: {_tables.folded(silent)}.", class_="bad"))
    if rows:
        parts.append(_page.table(("gateway", "problem"), rows, "problems", _PROBLEMS))
    good = _page.element("p", "Nothing.", class_="good")
    return _page.section("What is not well", *(parts or [good]))


def _gateways(problems, told):
    """Return a tile for each gateway, those in trouble first."""
    tiles = []
    for one in sorted(problems, key=lambda one: not problems[one]):
        lines = problems[one]
        if lines == [_minions.SILENT]:
            state = "no answer"
        else:
            state = _tables.counted(len(lines), "problem") if lines else "well"
        places = [
            f"{figures['clients'] or 0}/{figures['limit']}"
            for figures in _services(told.get(one)).values()
            if figures.get("limit")
        ]
        how = "bad" if lines else "good"
        mark = _page.element("span", f"{'✕' if lines else '✓'} {state}", class_=how)
        more = f", {' '.join(places)} places" if places else ""
        tiles.append(_page.element("li", _page.element("b", one), mark, more, class_=how))
    bad = sum(map(bool, problems.values()))
    first, rest = tiles[: bad + _TILES], tiles[bad + _TILES :]
    parts = [_page.element("ul", *first, class_="gateways")]
    if rest:
        more = _page.element("summary", f"and {len(rest)} more, all of them well")
        parts.append(_page.element("details", more, _page.element("ul", *rest, class_="gateways")))
    return _page.section("Gateways", *parts)


def _services(value):
    services = value.get("services") if value else None
    return services if isinstance(services, dict) else {}


def _connections(value):
    return value.get("connections") or {"hours": [], "refused": []}


def _admitted(groups):
    """Return which site is admitted where: columns are groups of gateways with equal rules."""
    cells = [(_cells(rules), ids) for rules, ids in groups]
    # A column for each gateway that has rules of its own could not be read.
    most = _GROUPS if sum(len(ids) for _, ids in cells) <= _GROUPS else _alike(cells)
    columns, others = cells[:most], cells[most:]
    sites = sorted({site for decided, _ in columns for site in decided})
    if not sites:
        return _page.section("Who is admitted where", _page.element("p", "There are no rules."))
    differing = [site for site in sites if len({decided.get(site) for decided, _ in columns}) > 1]
    first, rest = sites, []
    if len(sites) > _SITES:
        first, rest = differing, [site for site in sites if site not in differing]
    legend = "A column is a group of gateways whose rules are equal. "
    marks = [_mark(verdict) for verdict in ("allow", "in part", "deny")]
    words = [f" {_MARKS[verdict][1]}  " for verdict in ("allow", "in part", "deny")]
    head = [part for pair in zip(marks, words, strict=True) for part in pair]
    parts = [_page.element("p", legend, *head)]
    if first:
        parts.append(_matrix(first, columns, "who is admitted where"))
    if rest:
        more = _page.element("summary", f"{len(rest)} sites that are the same everywhere")
        parts.append(_page.element("details", more, _matrix(rest, columns, "the same everywhere")))
    for number, (_, ids) in enumerate(columns, 1):
        if not ids[1:]:
            continue
        name = f"group {number}: {_tables.counted(len(ids), 'gateway')}"
        head = _page.element("summary", name)
        folded = _page.element("p", _tables.folded(ids))
        parts.append(_page.element("details", head, folded))
    if others:
        rows = [(_tables.folded(ids), *_nearest(decided, columns)) for decided, ids in others]
        head = ("gateways", "nearest group", "differ in")
        parts += [
            _page.element("h3", "Those that differ from all of these"),
            _page.table(head, rows, "gateways with other rules", _ROWS),
        ]
    return _page.section("Who is admitted where", *parts)


def _alike(cells):
    """Return how many groups have more than one gateway: one at least, and no more than fit."""
    return max(1, min(_GROUPS, sum(len(ids) > 1 for _, ids in cells)))


def _cells(rules):
    """Return ``{site: verdict}`` of all rule sets, with their names where there are several."""
    rules = rules if isinstance(rules, dict) else {}
    return {
        f"{name}: {site}" if len(rules) > 1 else site: verdict
        for name, told in rules.items()
        for site, verdict in told["sites"].items()
    }


def _matrix(sites, columns, label):
    heads = [
        f"{number} ({len(ids)})" if ids[1:] else ids[0]
        for number, (_, ids) in enumerate(columns, 1)
    ]
    rows = [(site, *(_mark(decided.get(site)) for decided, _ in columns)) for site in sites]
    return _page.table(("site", *heads), rows, label)


def _mark(verdict):
    mark, word, how = _MARKS.get(verdict, _MARKS[None])
    hidden = _page.element("span", word, class_="hidden")
    return _page.element("span", mark, hidden, class_=how)


def _nearest(decided, columns):
    """Return which column is most like a group that has none, and in what it differs from that."""
    found = []
    for number, (other, _) in enumerate(columns, 1):
        sites = [site for site in {**decided, **other} if decided.get(site) != other.get(site)]
        found.append((len(sites), number, sites, other))
    _, number, sites, other = min(found, key=lambda each: each[:2])
    told = [
        f"{site}: {_word(decided.get(site))}, there {_word(other.get(site))}"
        for site in sorted(sites)
    ]
    return number, "; ".join(_tables.limited(told, 5)) or "whom a site means"


def _word(verdict):
    return _MARKS.get(verdict, _MARKS[None])[1]


def _hours(told, now, since):
    rows, everyone = {}, {}
    for one, value in told.items():
        for hour, *counts in _connections(value)["hours"]:
            rows.setdefault(one, {})[hour] = tuple(counts)
            before = everyone.get(hour, (0, 0))
            everyone[hour] = (before[0] + counts[0], before[1] + counts[1])
    title = f"Connections by hour, in {since}"
    if not everyone:
        return _page.section(title, _page.element("p", "None."))
    last = int(now) // HOUR * HOUR
    # So few are as wide as a day, or they would be drawn as large as one.
    first = max(min(*everyone, last - 23 * HOUR), last - (_HOURS - 1) * HOUR)
    hours = {hour: f"{_local(hour):%H} h" for hour in range(first, last + 1, HOUR)}
    busy = sorted(rows, key=lambda one: -sum(map(sum, rows[one].values())))
    shown = {"all": everyone, **{one: rows[one] for one in _tables.in_order(busy[:_STRIPS])}}
    legend = [
        "Above, ",
        _page.element("span", "admitted", class_="admitted"),
        "; below, ",
        _page.element("span", "refused", class_="refused"),
        "; dark is the most of each row.",
        f" The {_STRIPS} busiest gateways." if len(busy) > _STRIPS else "",
    ]
    figures = [
        (name, hours[hour], *counts.get(hour, (0, 0)))
        for name, counts in shown.items()
        for hour in hours
        if any(counts.get(hour, (0, 0)))
    ]
    head = _page.element("summary", "The same in figures")
    table = _page.table(("gateway", "hour", "admitted", "refused"), figures, "by hour, in figures")
    return _page.section(
        title,
        _page.element("p", *legend),
        _page.strip(shown, hours, "connections by hour"),
        _page.element("details", head, table),
    )


def _refused(told, since):
    found = {}
    for one, value in told.items():
        for address, count in _connections(value)["refused"]:
            row = found.setdefault(address, [0, {}])
            row[0] += count
            row[1][one] = None
    order = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    rows = [
        (address, _network(address), count, len(ids), _tables.cut(_tables.folded(ids), _LONG))
        for address, (count, ids) in order[:_ROWS]
    ]
    head = ("address", "network", "refused", "gateways", "which")
    shown = _page.table(head, rows, "refused most often")
    title = f"Refused most often, in {since}"
    return _page.section(title, shown if rows else _page.element("p", "Nobody."))


def _network(address):
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{known}/{24 if known.version == 4 else 64}", strict=False))


def _sessions(told):
    places = [
        (one, name, figures["clients"] or 0, figures["limit"])
        for one, value in told.items()
        for name, figures in _services(value).items()
        if figures.get("limit")
    ]
    places.sort(key=lambda row: (-row[2] / row[3], row[0]))
    taken = [(*row, _page.bar(*row[2:])) for row in places if row[2]]
    listed = [(one, each) for one, value in told.items() for each in value.get("sessions") or ()]
    listed.sort(key=lambda pair: -pair[1]["seconds"])
    rows = [
        (
            one,
            each["address"],
            each["site"] or "",
            each["account"] or "",
            each["service"],
            (_tables.age(each["seconds"]), each["seconds"]),
        )
        for one, each in listed
    ]
    head = ("gateway", "address", "site", "account", "service", "for")
    parts = []
    if taken:
        columns = ("gateway", "service", "taken", "places", "part")
        parts.append(_page.table(columns, taken, "places", _ROWS))
    if rows:
        parts.append(_page.element("h3", "The oldest sessions"))
        parts.append(_page.table(head, rows[:_LISTED], "the oldest sessions", _ROWS))
    nobody = _page.element("p", "Nobody is there.")
    return _page.section("Places and sessions", *(parts or [nobody]))


def _drift(lines):
    inside = _page.element("pre", *(_page.Markup(_page.text(line) + "\n") for line in lines))
    return _page.section("What separates gateways from what is declared", inside)


def _certificates(told, now):
    ends = {one: value["certificate"] for one, value in told.items() if value.get("certificate")}
    soon = sorted((end, one) for one, end in ends.items() if end - now < SOON * DAY)
    rows = [
        (
            one,
            f"{datetime.datetime.fromtimestamp(end).astimezone():%Y-%m-%d}",
            int(end - now) // DAY,
        )
        for end, one in soon
    ]
    none = f"None of {len(ends)} within {SOON} days." if ends else "There are none."
    shown = _page.table(("gateway", "ends", "in days"), rows, "certificates that end", _ROWS)
    return _page.section("Certificates that end", shown if rows else _page.element("p", none))


def _local(moment):
    return datetime.datetime.fromtimestamp(moment).astimezone()
