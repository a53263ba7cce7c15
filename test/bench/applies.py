"""3. A first state.apply, and one that changes nothing, against the same gateway made otherwise."""

import contextlib
import functools
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "sandbox"))

import gateway as gw
from clients import LAN
from measure import Row, eventually, in_turn, run, seconds

HERE = pathlib.Path(__file__).resolve().parent
BOX = [sys.executable, HERE.parent / "sandbox/box.py", sys.executable, __file__]
APPLY = "salt-call --local state.apply"
BY_HAND = "plain/by-hand.sh"


class Gateway:
    """A bare machine that becomes a gateway in one of the ways, in a box of its own."""

    def __init__(self, way):
        command = [str(word) for word in (*BOX, way)]
        self.box = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = float(self.box.stdout.readline())

    def apply(self, sls):
        """Apply states there once more."""
        print(sls, file=self.box.stdin, flush=True)
        assert self.box.stdout.readline(), f"{sls} failed"

    def close(self):
        self.box.stdin.close()
        self.box.wait()


def rows(scratch):
    gw.apt_install("inetutils-ftpd", "ftp-proxy", "rsyslog")
    (gw.PILLAR.parents[1] / "salt/plain").symlink_to(HERE / "plain")
    (gw.PILLAR.parents[1] / "salt/empty.sls").write_text("{}\n")
    yield from first()
    yield from again()


def first():
    """Each way in turn makes a gateway that greets a client; the packages are there already."""
    ways = {"ftpgw": [], "plain": [], BY_HAND: []}
    for _ in range(3):
        for way, times in ways.items():
            with contextlib.closing(Gateway(way)) as gateway:
                times.append(gateway.first)
    for other, command in (("plain", f"{APPLY} plain"), (BY_HAND, BY_HAND)):
        pairs = list(zip(ways["ftpgw"], ways[other], strict=True))
        yield Row(f"first, until it serves / {other}", f"{APPLY} ftpgw", command, pairs)


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
    """Make this bare machine a gateway that greets a client of the inside network."""
    if way == BY_HAND:
        run(HERE / BY_HAND)
    else:
        gw.apply(way)
    eventually("a greeting", is_greeted)


def is_greeted():
    try:
        return LAN.greeting().startswith(b"220")
    except ConnectionRefusedError:
        return False


def main(way):
    """Say how long the first time took, and then apply what is asked for, line by line."""
    print(seconds(lambda: serve(way)), flush=True)
    for sls in map(str.strip, sys.stdin):
        changed = gw.changed(gw.apply(sls))
        assert not changed, f"{sls} changed {changed}"
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
