"""
Services at a glance: their records as lines for eyes, and what to type where one is in trouble.
"""

import _multilog

# What to type, by what a process does and what is wanted of it.
REMEDIES = {
    ("down", "down"): "daemontools.up {name}, or daemontools.disable {name}",
    ("down", "up"): "daemontools.log {name}",
    ("failed", "up"): "daemontools.log {name}, then daemontools.up {name}",
    ("paused", "up"): "daemontools.cont {name}",
    ("starting", "up"): "daemontools.log {name}",
    ("up", "down"): "daemontools.kill {name}",
    ("missing", None): "apply its state, or remove its link",
    ("unsupervised", None): "start svscanboot",
    ("denied", None): "ask as root",
}


def text(records):
    """
    Return a heading and a line for each service, those in trouble first.

    records
        ``{name: record}``, as `daemontools.show` returns them
    """
    troubled = [record for record in records.values() if record["problem"]]
    if not records:
        return "no services"
    count = f"{len(records)} service{'s' if len(records) > 1 else ''}"
    how = f"{len(troubled)} in trouble" if troubled else "all as wanted"
    order = sorted(records, key=lambda name: (not records[name]["problem"], name))
    cells = [_cells(name, records[name]) for name in order]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    return "\n".join([f"{count}, {how}", *_aligned(cells, widths)])


def problems(records):
    """Return a line for each service in trouble, with what to type."""
    return [
        f"{_multilog.visible(name)}: {record['problem']}{_remedy(name, record)}"
        for name, record in sorted(records.items())
        if record["problem"]
    ]


def age(seconds):
    """Return a time in one unit, the largest that fits: 59s, 5m, 3h, 12d."""
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 86400 else f"{seconds // 86400}d"


def _cells(name, record):
    """Return what stands in the columns of a line."""
    problem, since, limit = record["problem"], record["seconds"], record["limit"]
    clients = "-" if record["clients"] is None else record["clients"]
    note = "" if problem or record["enabled"] is not False else "not started at boot"
    return (
        f"!! {_multilog.visible(name)}" if problem else f"   {_multilog.visible(name)}",
        record["state"],
        "" if limit is None else f"{clients}/{limit}",
        "" if since is None else age(since),
        problem or note,
    )


def _aligned(cells, widths):
    name, state, places = widths
    for first, second, third, since, last in cells:
        line = f"{first:{name}}  {second:{state}} {since:>4}  {third:>{places}}  {last}"
        yield line.rstrip()


def _remedy(name, record):
    problem, log = record["problem"], record["log"]
    if problem.startswith("log: ") and log and log["problem"]:
        return _remedy(f"{name}/log", log | {"log": None})
    remedy = REMEDIES.get((record["state"], record["want"]), "")
    if problem.startswith(("dies", "just started")):
        remedy = "daemontools.log {name}"
    return f" ({remedy.format(name=_multilog.visible(name))})" if remedy else ""
