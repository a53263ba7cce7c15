"""Two things measured in turn in one run: their ratio says more than either of them."""

import contextlib
import dataclasses
import statistics
import subprocess
import time


@dataclasses.dataclass
class Row:
    """What `make bench` prints as a line: ours against theirs, measured in pairs."""

    subject: str
    ours: str
    theirs: str
    seconds: list  # pairs: (ours, theirs)
    goal: float | None = None
    note: str = ""
    unit: str = "s"

    @property
    def ratios(self):
        return [ours / theirs for ours, theirs in self.seconds]

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def medians(self):
        return tuple(map(statistics.median, zip(*self.seconds, strict=True)))

    @property
    def met(self):
        return None if self.goal is None else self.ratio <= self.goal


def in_turn(times, ours, theirs, before=None):
    """Return the seconds of (ours, theirs), so many times; `before` makes each of ours ready."""
    pairs = []
    for _ in range(times):
        if before:
            before()
        pairs.append((seconds(ours), seconds(theirs)))
    return pairs


def seconds(function):
    """Return how long a call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def run(*command, stdin=None):
    """Run a command whose output is not wanted, unless it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(words[:4])}: {done.stdout}{done.stderr}")
    return done.stdout


def eventually(what, condition, deadline=60):
    """Wait until a condition holds, or say what did not come."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {deadline} s"
        time.sleep(0.02)


@contextlib.contextmanager
def running(*command, **options):
    """Run a daemon for as long as the block lasts."""
    with ended_together() as daemons:
        daemons.append(subprocess.Popen([str(word) for word in command], **options))
        yield daemons[0]


@contextlib.contextmanager
def ended_together():
    """End the daemons put into this list at the same time: a minion takes seconds."""
    daemons = []
    try:
        yield daemons
    finally:
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            daemon.wait(60)
