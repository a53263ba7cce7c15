"""1. What 1,000 services are doing: in process, with one svstat, with one svstat for each."""

import contextlib
import os

from measure import Row, eventually, in_turn, run, running
from minion import Minion

# More than this svscan of daemontools 0.76 does not look after.
SERVICES = 1000
RUN = "#!/bin/sh\nexec sleep 1000000\n"


def rows(scratch):
    minion = Minion(scratch)
    with supervised(minion.root / "service") as paths:
        # They must have been up for two seconds.
        heading = f"{SERVICES} services, all as wanted\n"
        eventually("peace", lambda: minion.call("daemontools.status").startswith(heading))

        def ours():
            minion.call("daemontools.status")

        yield Row(
            f"{SERVICES:,} services",
            "daemontools.status",
            "svstat SERVICE ...",
            in_turn(25, ours, lambda: run("svstat", *paths)),
            goal=1.05,
        )
        each = "cmd.run_stdout 'svstat SERVICE', for each"
        yield Row(
            f"{SERVICES:,} services, one by one",
            "daemontools.status",
            each,
            in_turn(3, ours, lambda: old_way(minion, paths)),
            goal=1 / 100,
        )
        yield Row(
            "its system calls alone, one by one",
            "open, read, close and access, as in daemontools.status",
            each,
            in_turn(
                3, lambda: system_calls(minion.root / "service"), lambda: old_way(minion, paths)
            ),
        )


def old_way(minion, paths):
    """What the module that Salt had did for a status."""
    for path in paths:
        minion.call("cmd.run_stdout", f"svstat {path}")


def system_calls(directory):
    """Do what a status asks of the kernel, and nothing else: Python cannot be faster than this."""
    scan = os.open(directory, os.O_RDONLY)
    for name in os.listdir(scan):
        os.close(os.open(f"{name}/supervise/ok", os.O_WRONLY | os.O_NONBLOCK, dir_fd=scan))
        status = os.open(f"{name}/supervise/status", os.O_RDONLY, dir_fd=scan)
        os.read(status, 64)
        os.close(status)
        os.access(f"{name}/down", os.F_OK, dir_fd=scan)
        os.access(f"{name}/log", os.F_OK, dir_fd=scan)
    os.close(scan)


@contextlib.contextmanager
def supervised(directory):
    """Let a real svscan look after services that do nothing."""
    paths = [directory / f"service{number}" for number in range(SERVICES)]
    for path in paths:
        path.mkdir(parents=True)
        (path / "run").write_text(RUN)
        (path / "run").chmod(0o755)
    try:
        # svscan goes first, or it would start again what ends.
        with running("svscan", directory):
            eventually("the last service", lambda: run("svstat", *paths).count(": up") == SERVICES)
            yield paths
    finally:
        run("svc", "-dx", *paths)
        gone = ": supervise not running"
        eventually("the last end", lambda: run("svstat", *paths).count(gone) == SERVICES)
