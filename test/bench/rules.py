"""2. From a list of addresses to a cdb, against tcprules on the text that comes of it."""

import functools
import itertools
import pathlib
import shutil
import socket

from measure import Row, in_turn, run
from minion import Minion

# Addresses in the list, and how often each figure is taken.
SIZES = {1_000: 9, 200_000: 5, 1_000_000: 3}
# Only for the size that somebody may have, see docs/performance.md.
GOALS = {200_000: {"first": 10, "unchanged": 1, "one address more": 10}}
FACTOR = 2654435761
NAME, PILLAR = "ftp", "ftpgw:rules:ftp"


def rows(scratch):
    minion = Minion(scratch)
    for size, times in SIZES.items():
        yield from of_size(minion, size, times)


def of_size(minion, size, times):
    addresses = sample(size)
    source = minion.root / "partners.txt"
    settings = {
        "sites": {
            "lan": {"allow": ["192.168.0.0/24"]},
            "partners": {"allow_from": "salt://partners.txt"},
        },
        "expect": {"allow": [addresses[0], "192.168.0.10"], "deny": ["10.0.0.1"]},
    }
    managed = functools.partial(
        minion.apply, "tcprules.managed", name=NAME, settings=settings, path=PILLAR
    )
    folder = minion.root / "tcprules"
    more = itertools.count()

    def none():
        shutil.rmtree(folder, ignore_errors=True)

    def one_more():
        source.write_text("\n".join([*addresses, f"10.1.0.{next(more)}\n"]))

    one_more()
    managed()
    cases = {"first": none, "unchanged": None, "one address more": one_more}
    for what, before in cases.items():
        forget_peak()
        pairs = in_turn(times, managed, lambda: raw(folder), before)
        yield Row(
            f"{size:,} addresses, {what}",
            "tcprules.managed",
            "tcprules raw.cdb raw.tmp <ftp.rules",
            pairs,
            goal=GOALS.get(size, {}).get(what),
            note=f"{peak()} MB",
        )
    yield Row(
        f"{size:,} addresses, who decides",
        f"tcprules.check ftp {addresses[0]}",
        "tcprulescheck ftp.cdb",
        in_turn(
            25,
            lambda: minion.call("tcprules.check", NAME, addresses[0]),
            lambda: run("env", f"TCPREMOTEIP={addresses[0]}", "tcprulescheck", folder / "ftp.cdb"),
        ),
    )


def sample(size):
    """Return so many addresses of all kinds but those of 10/8, in no order, each run the same."""
    # An odd factor visits every number once before it comes to one again.
    numbers = (step * FACTOR % 2**32 for step in itertools.count(1))
    texts = (socket.inet_ntoa(number.to_bytes(4, "big")) for number in numbers)
    return list(itertools.islice((text for text in texts if not text.startswith("10.")), size))


def raw(folder):
    with open(folder / "ftp.rules") as text:
        run("tcprules", folder / "raw.cdb", folder / "raw.tmp", stdin=text)


def forget_peak():
    """Let the kernel count from now on what this process needed at most."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak():
    """Return the most megabytes that this process needed, the Salt loader included."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
