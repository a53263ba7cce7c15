"""4. What a state.apply that changes nothing costs as the gateway grows."""

import os
import pathlib
import shutil

import _filetree
import gateway as gw
from measure import Row, eventually, run, seconds
from minion import Minion
from rules import sample

SERVICES = (1, 10, 50, 200)
ADDRESSES = (10, 1_000, 10_000, 100_000)
# What one more service may cost, in seconds.
EACH = 0.003
APPLY = "salt-call --local state.apply"
SCAN = pathlib.Path("/etc/service")
DEFINITIONS = pathlib.Path("/var/svc.d")
ABSENT = {"state": "absent"}


def rows(scratch):
    (gw.PILLAR.parents[1] / "salt/empty.sls").write_text("{}\n")
    before = gw.PILLAR.read_text()
    sleeper = {"command": ["sleep", "1000000"]}
    services = {f"service{number}": sleeper for number in range(SERVICES[-1])}
    supervise(Minion(scratch, **{"daemontools.definition_dir": str(DEFINITIONS)}), services)
    turns = measured("services", SERVICES, lambda size: declare(dict([*services.items()][:size])))
    yield from grown("services", "services", turns)
    added = f"each of {SERVICES[-1] - SERVICES[0]} services more"
    slopes = [(slope(turn), EACH) for turn in turns]
    yield Row(added, "the difference", f"{EACH * 1000:g} ms", slopes, goal=1)
    turns = measured("rules", ADDRESSES, lambda size: declare({}, addresses=size))
    yield from grown("rules", "addresses in pillar", turns)
    gw.PILLAR.write_text(before)
    end(services)


def supervise(minion, services):
    """Do at once for all services what the states do for one after the other."""
    account = ("--system", "--home-dir", "/var/multilog", "--shell", "/usr/sbin/nologin")
    run("useradd", *account, "multilog")
    for name, settings in services.items():
        log = pathlib.Path("/var/multilog", name)
        log.mkdir(parents=True)
        shutil.chown(log, "multilog")
        files = minion.call("daemontools.files", name, settings)
        _filetree.write(str(DEFINITIONS / name), files, ("log", "env"))
    SCAN.mkdir()
    for name in services:
        os.symlink(DEFINITIONS / name, SCAN / name)
    loggers = [SCAN / name / "log" for name in services]
    eventually("the last logger", lambda: run("svstat", *loggers).count(": up") == len(loggers))


def end(services):
    """Leave the machine to what is measured next."""
    folders = [(SCAN / name).resolve() for name in services]
    for name in services:
        (SCAN / name).unlink()
    run("svc", "-dx", *folders, *(folder / "log" for folder in folders))


def declare(services, addresses=0):
    """Write a pillar without the services and the rules of the page."""
    absent = {"ftp": ABSENT, "ftp-proxy": ABSENT}
    site = {"partners": {"allow": sample(addresses)}}
    rules = {f"of{addresses}": {"sites": site}} if addresses else {}
    with gw.pillar() as ftpgw:
        ftpgw["services"] = {"open-ftpd": ABSENT, "ftp-proxy": ABSENT, **services}
        ftpgw["rules"] = absent | rules


def measured(part, sizes, become):
    """Apply one part of gateways of all sizes in turn, and nothing after each of them."""
    for size in sizes:
        become(size)
        gw.apply(f"ftpgw.{part}")
    return [{size: pair(part, become, size) for size in sizes} for _ in range(5)]


def pair(part, become, size):
    become(size)
    return seconds(lambda: gw.apply(f"ftpgw.{part}")), seconds(lambda: gw.apply("empty"))


def grown(part, what, turns):
    for size in turns[0]:
        pairs = [turn[size] for turn in turns]
        yield Row(f"{size:,} {what}", f"{APPLY} ftpgw.{part}", f"{APPLY} empty", pairs)


def slope(turn):
    """Return the seconds that one more costs, on top of what an empty run costs there."""
    (first, few), *_, (last, many) = turn.items()
    return ((many[0] - many[1]) - (few[0] - few[1])) / (last - first)
