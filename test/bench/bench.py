"""How fast, and how it grows, against what one would run instead.

    bench.py [--json] [--machine NAME] [ROW ...]

The rows: status rules apply growth connections fleet servers; all of them take some minutes.

Every line is a ratio of two things measured in turn in this run: the median of several pairs, and
the lowest and the highest of them. Below 1 is faster than what it is compared with.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).parents[1] / "sandbox"))
sys.path.append(str(pathlib.Path(__file__).parents[2] / "_modules"))

import applies
import connections
import fleet
import growth
import rules
import servers
import status

BENCHES = {
    "status": status,
    "rules": rules,
    "apply": applies,
    "growth": growth,
    "connections": connections,
    "fleet": fleet,
    "servers": servers,
}
LINE = "  {subject:<40} {ours:>10} {theirs:>10} {ratio:>8} {range:>15} {goal:>7} {met:<4} {note}"
HEAD = {
    "subject": "",
    "ours": "ours",
    "theirs": "theirs",
    "ratio": "ratio",
    "range": "lowest-highest",
    "goal": "goal",
    "met": "",
    "note": "",
}


def main():
    """Measure what was asked for, and print each row as soon as it is known."""
    options = arguments()
    if os.environ.get("BOX") != "1":
        sys.exit("bench: this changes the machine it runs on: use `make bench`")
    begun, machine = time.monotonic(), described(options.machine)
    with contextlib.redirect_stdout(sys.stderr if options.json else sys.stdout):
        print(f"{machine}\n\n{LINE.format(**HEAD).rstrip()}", flush=True)
        measured = {name: list(told(name)) for name in options.rows or BENCHES}
        print(f"\n{time.monotonic() - begun:.0f} s", flush=True)
    if options.json:
        print(json.dumps({"machine": machine, "rows": as_data(measured)}, indent=1))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="figures to stdout, table to stderr")
    parser.add_argument("--machine", default=platform.node(), help="the name of this machine")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=" ".join(BENCHES))
    options = parser.parse_args()
    unknown = set(options.rows) - set(BENCHES)
    return parser.error(f"no such row: {', '.join(unknown)}") if unknown else options


def described(name):
    """Say what the figures are of."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")
    return f"{name}, {os.cpu_count()} x {cpu[0]}, Linux {platform.release()}"


def told(name):
    """Yield the rows of a bench, printed; its commands once, above the first row they are of."""
    print(f"\n{BENCHES[name].__doc__.splitlines()[0]}")
    compared = None
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        for row in BENCHES[name].rows(scratch):
            if compared != (compared := (row.ours, row.theirs)):
                print(f"  {row.ours}  /  {row.theirs}")
            print(LINE.format(**cells(row)).rstrip(), flush=True)
            yield row


def cells(row):
    show = duration if row.unit == "s" else f"{{:.2f}} {row.unit}".format
    ours, theirs = map(show, row.medians)
    lowest, highest = min(row.ratios), max(row.ratios)
    return {
        "subject": row.subject,
        "ours": ours,
        "theirs": theirs,
        "ratio": f"{row.ratio:.3g}",
        "range": f"{lowest:.3g}-{highest:.3g}",
        "goal": "" if row.goal is None else f"<={row.goal:g}",
        "met": {None: "", True: "met", False: "MISS"}[row.met],
        "note": row.note,
    }


def duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"


def as_data(measured):
    return {
        name: [
            dataclasses.asdict(row) | {"ratio": row.ratio, "medians": row.medians} for row in rows
        ]
        for name, rows in measured.items()
    }


if __name__ == "__main__":
    main()
