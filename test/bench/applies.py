"""3. state.apply: a first one, a changed service, nothing to change; the same gateway otherwise."""

import contextlib
import functools
import itertools
import pathlib
import subprocess
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).parents[1] / "sandbox"))

import gateway as gw
from clients import LAN
from measure import Row, eventually, in_turn, run

HERE = pathlib.Path(__file__).resolve().parent
BOX = [sys.executable, HERE.parent / "sandbox/box.py", sys.executable, __file__]
APPLY = "salt-call --local state.apply"
BY_HAND = "plain/by-hand.sh"
# Of a run script: an other one that is good, and one with which its daemon cannot even start.
CHANGES = {
    "good": lambda number: {"tcpserver": {"concurrency": 30 + number}},
    "wrong": lambda number: {"softlimit": {"memory": 1000000 + number}},
}


class Gateway:
    """A bare machine that becomes a gateway in one of the ways, in a box of its own."""

    def __init__(self, way):
        command = [str(word) for word in (*BOX, way)]
        self.box = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        # Until a client was greeted, and until the run was over.
        self.greeted, self.over = map(float, self.box.stdout.readline().split())

    def apply(self, sls):
        """Apply states there once more; or change a service, and return how long it was away."""
        print(sls, file=self.box.stdin, flush=True)
        return float(self.box.stdout.readline())

    def close(self):
        self.box.stdin.close()
        self.box.wait()


def rows(scratch):
    gw.apt_install("inetutils-ftpd", "ftp-proxy", "libpam-pwdfile", "rsyslog")
    (gw.PILLAR.parents[1] / "salt/plain").symlink_to(HERE / "plain")
    (gw.PILLAR.parents[1] / "salt/empty.sls").write_text("{}\n")
    yield from first()
    yield from changed()
    yield from again()


def first():
    """Each way in turn makes a gateway that greets a client; the packages are there already."""
    ways = {"ftpgw": [], "plain": [], BY_HAND: []}
    for _ in range(3):
        for way, times in ways.items():
            with contextlib.closing(Gateway(way)) as gateway:
                times.append((gateway.greeted, gateway.over))
    for other, command, goals in (
        ("plain", f"{APPLY} plain", (0.6, 1.1)),
        (BY_HAND, BY_HAND, (None, None)),
    ):
        for which, what in enumerate(("until a client is greeted", "until the run is over")):
            pairs = [
                (ours[which], theirs[which])
                for ours, theirs in zip(ways["ftpgw"], ways[other], strict=True)
            ]
            subject = f"first, {what} / {other}"
            yield Row(subject, f"{APPLY} ftpgw", command, pairs, goal=goals[which])


def changed():
    """A service whose run script changes, for the better or not, is hardly ever away."""
    with contextlib.closing(Gateway("ftpgw")) as gateway:
        for kind, bound in (("good", 0.3), ("wrong", 1e-9)):
            pairs = [(gateway.apply(f"{kind} {number}"), bound) for number in range(3)]
            subject = f"a {kind} run script, nobody greeted"
            yield Row(subject, f"{APPLY} ftpgw", "what is allowed", pairs, goal=1)


def again():
    with (
        contextlib.closing(Gateway("ftpgw")) as ours,
        contextlib.closing(Gateway("plain")) as plain,
    ):
        for other, gateway, goal in (("empty", ours, 1.2), ("plain", plain, 1)):
            apply, instead = (
                functools.partial(ours.apply, "ftpgw"),
                functools.partial(gateway.apply, other),
            )
            instead()
            yield Row(
                f"nothing to change / {other}",
                f"{APPLY} ftpgw",
                f"{APPLY} {other}",
                in_turn(9, apply, instead),
                goal=goal,
            )


def serve(way):
    """Make this bare machine a gateway; return when a client was greeted, and when it was over."""
    with gw.pillar() as ftpgw:
        ftpgw["server"] = "inetutils"  # that of the others
    begun = time.perf_counter()
    with greeted(once=True) as moments:
        if way == BY_HAND:
            run(HERE / BY_HAND)
        else:
            gw.apply(way)
        over = time.perf_counter()
        eventually("a greeting", lambda: moments)
    return moments[0][1] - begun, over - begun


def unserved(kind, number):
    """Change a run script; return for how long a client that asks all the time was not greeted."""
    before = gw.PILLAR.read_text()
    with greeted() as moments:
        eventually("a greeting", lambda: moments)
        with gw.pillar() as ftpgw:
            ftpgw["services"] = {"open-ftpd": CHANGES[kind](number)}
        gw.apply(check=kind == "good")
        many = len(moments) + 5
        eventually("a greeting", lambda: len(moments) >= many)
    gw.PILLAR.write_text(before)
    return sum(after[0] - before[1] for before, after in itertools.pairwise(moments) if after[2])


@contextlib.contextmanager
def greeted(once=False):
    """Let a client ask all the time; yield when it asked, was greeted, and how often in vain."""
    moments, over = [], threading.Event()

    def ask():
        in_vain = 0
        while not (over.is_set() or (once and moments)):
            begun, in_vain = time.perf_counter(), in_vain + 1
            with contextlib.suppress(ConnectionRefusedError):
                if LAN.greeting().startswith(b"220"):
                    moments.append((begun, time.perf_counter(), in_vain - 1))
                    in_vain = 0
            time.sleep(0.005)

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield moments
    finally:
        over.set()
        client.join()


def main(way):
    """Say how long the first time took, and then apply what is asked for, line by line."""
    print(*serve(way), flush=True)
    for words in map(str.split, sys.stdin):
        if words[0] in CHANGES:
            print(unserved(words[0], int(words[1])), flush=True)
            continue
        changed = gw.changed(gw.apply(words[0]))
        assert not changed, f"{words[0]} changed {changed}"
        print(0, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
