"""
What a gateway does, in the text format that Prometheus reads, and what must be remembered for it.

Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

import collections
import contextlib
import json
import os

from salt.exceptions import CommandExecutionError

# Of each its type, what it is, and its labels. Counters begin anew where what was counted is lost.
FAMILIES = {
    "ftpgw_problems": ("gauge", "How many problems ftpgw.health finds, without greetings.", ()),
    "ftpgw_service_up": (
        "gauge",
        "Whether a service that is meant to be up has a process.",
        ("service",),
    ),
    "ftpgw_service_seconds": ("gauge", "For how long it has been up, or down.", ("service",)),
    "ftpgw_service_starts_total": ("counter", "How often it was started.", ("service",)),
    "ftpgw_service_sessions": ("gauge", "How many clients it serves.", ("service",)),
    "ftpgw_service_places": ("gauge", "How many it serves at most.", ("service",)),
    "ftpgw_connections_total": (
        "counter",
        "Clients by the site whose rule decided, and by what it decided: admitted or refused.",
        ("service", "site", "verdict"),
    ),
    "ftpgw_bans": ("gauge", "How many addresses are banned by the limits of rules.", ("rules",)),
    "ftpgw_log_bytes": ("gauge", "What the files of its log hold.", ("service",)),
    "ftpgw_log_free_bytes": ("gauge", "What is free where its log is.", ("service",)),
    "ftpgw_rules_info": (
        "gauge",
        "1 for the digest of the rules in force, equal where they admit the same clients.",
        ("rules", "digest"),
    ),
    "ftpgw_certificate_end_seconds": (
        "gauge",
        "Until when the certificate of the FTP server is valid, in seconds since 1970.",
        (),
    ),
    "ftpgw_last_run_seconds": (
        "gauge",
        "When states of this gateway were applied last, in seconds since 1970.",
        (),
    ),
}
_FIGURES = {
    "ftpgw_service_seconds": "seconds",
    "ftpgw_service_sessions": "clients",
    "ftpgw_service_places": "limit",
    "ftpgw_log_bytes": "log_size",
    "ftpgw_log_free_bytes": "log_free",
}
# A line may reach the log a little later than its stamp says.
LATE = 2
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text(samples):
    """Return the text of samples, ``(family, values of its labels, number)``; None is left out."""
    families = collections.defaultdict(list)
    for name, labels, number in samples:
        if number is not None:
            families[name].append(_line(name, labels, number))
    lines = []
    for name, (kind, meaning, _) in FAMILIES.items():
        if name in families:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *families[name]]
    return "".join(f"{line}\n" for line in lines)


def samples(known, memory):
    """
    Yield the samples of what is known of a gateway, as `text` takes them.

    known
        ``{problems, services, bans, digests, certificate, run}``; `services` as ``ftpgw.health``
        has them, and what is None is not known
    memory
        as `counted` returns it
    """
    yield "ftpgw_problems", (), len(known["problems"])
    for name, figures in known["services"].items():
        yield "ftpgw_service_up", (name,), int(figures["state"] == "up")
        for family, key in _FIGURES.items():
            yield family, (name,), figures[key]
    for name, counts in memory["services"].items():
        yield "ftpgw_service_starts_total", (name,), counts["starts"]
        for site, row in sorted(counts["sites"].items()):
            for verdict, number in sorted(row.items()):
                yield "ftpgw_connections_total", (name, site, verdict), number
    for name, number in known["bans"].items():
        yield "ftpgw_bans", (name,), number
    for name, digest in known["digests"].items():
        yield "ftpgw_rules_info", (name, digest), 1
    yield "ftpgw_certificate_end_seconds", (), known["certificate"]
    yield "ftpgw_last_run_seconds", (), known["run"]


def counted(memory, names, now, count):
    """
    Return what is to be remembered after one more look: ``{until, services: {name: counters}}``.

    memory
        what was remembered, or an empty mapping: then it begins to count now
    names
        those services that are counted
    now
        the time, in seconds since 1970
    count
        a function of a service, and of a second since which, and until which, that returns how
        often it was started, and ``{site: {"admitted": number, "refused": number}}``
    """
    until = int(now) - LATE
    since = min(memory.get("until", until), until)
    services = {}
    for name in names:
        before = memory.get("services", {}).get(name, {"starts": 0, "sites": {}})
        starts, rows = count(name, since, until)
        sites = {site: dict(row) for site, row in before["sites"].items()}
        for site, row in rows.items():
            total = sites.setdefault(site, dict.fromkeys(row, 0))
            for verdict, number in row.items():
                total[verdict] += number
        services[name] = {"starts": before["starts"] + starts, "sites": sites}
    return {"until": until, "services": services}


def digests(known, cdbs, digest):
    """
    Return ``{name: [modified, digest]}`` of rule sets, of which few are new since the last look.

    known
        what this has returned before
    cdbs
        their names and paths
    digest
        a function of a path; 200,000 addresses take it a second
    """
    found = {}
    for name, cdb in cdbs:
        with contextlib.suppress(OSError, CommandExecutionError):
            modified, before = os.stat(cdb).st_mtime_ns, known.get(name)
            same = before and before[0] == modified
            found[name] = before if same else [modified, digest(cdb)]
    return found


def remembered(path):
    """Return what was remembered in a file; nothing where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(name, values, number):
    labels = zip(FAMILIES[name][2], values, strict=True)
    told = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in labels)
    return f"{name}{{{told}}} {number}" if told else f"{name} {number}"
