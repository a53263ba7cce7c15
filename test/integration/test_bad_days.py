"""Bad input and bad days: one clear line, nothing lost, and the gateway goes on serving."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import pytest
import yaml
from clients import LAN, STRANGER, download, upload
from printed import plain, shown

HASH = "$6$ftpgwexample$"


@contextlib.contextmanager
def serving():
    """Check that a client of before is served during and after."""
    with LAN.session() as live:
        upload(live, "before.bin", b"before")
        yield
        assert download(live, "before.bin") == b"before"
    with LAN.session() as new:
        assert download(new, "before.bin") == b"before"
    assert STRANGER.greeting() == b""


def refused(gateway, sls="ftpgw"):
    """Apply, expect failure, and return the comments of the failed states."""
    done = gateway.salt_call("--out=yaml", "state.apply", sls)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert HASH not in done.stdout + done.stderr
    states = yaml.safe_load(done.stdout)["local"]
    return [state["comment"] for state in states.values() if state["result"] is False]


def put(*path):
    """Return an edit that sets `path[-1]` at the place the rest of the path names."""

    def edit(ftpgw):
        *parents, key, value = path
        for parent in parents:
            ftpgw = ftpgw.setdefault(parent, {})
        ftpgw[key] = value

    return edit


FTPD = "services", "open-ftpd"
SITES = "rules", "ftp", "sites"
MISTAKES = [
    (put("servces", {}), "ftpgw: unknown setting 'servces' (did you mean 'services'?)"),
    (put("services", "open-ftpd"), "ftpgw:services: expected"),
    (put("services", ["open-ftpd"]), "ftpgw:services: expected"),
    (put("rules", 3), "ftpgw:rules: expected"),
    (put("accounts", "partner"), "ftpgw:accounts: expected"),
    (put(*FTPD, "enabeld", True), "ftpgw:services:open-ftpd: unknown setting 'enabeld'"),
    (put(*FTPD, None), "ftpgw:services:open-ftpd:"),
    (put(*FTPD, "ftpd"), "ftpgw:services:open-ftpd:"),
    (put(*FTPD, "tcpserver", "port", "99999"), "ftpgw:services:open-ftpd:tcpserver:port"),
    (put(*FTPD, "tcpserver", "concurrency", "many"), "ftpgw:services:open-ftpd:tcpserver:"),
    (put(*FTPD, "tcpserver", 21), "ftpgw:services:open-ftpd:tcpserver"),
    (put(*FTPD, "softlimit", "memory", -1), "ftpgw:services:open-ftpd:softlimit:memory"),
    (put(*FTPD, "command", "/usr/sbin/ftpd -l"), "ftpgw:services:open-ftpd:command"),
    (put(*FTPD, "multilog", "size", 7), "ftpgw:services:open-ftpd:multilog:size"),
    (put("services", "a/b", {"command": ["true"]}), "ftpgw:services:a/b"),
    (put("services", "../x", {"command": ["true"]}), "ftpgw:services:../x"),
    (put("services", ".x", {"command": ["true"]}), "ftpgw:services:.x"),
    (
        put("services", "a\nb", {"command": ["true"]}),
        "ftpgw:services: expected a name, got 'a\\nb'",
    ),
    (put(*SITES, "acme", "allow", ["9.9.9.0/33"]), "ftpgw:rules:ftp:sites:acme:allow"),
    (put(*SITES, "acme", "allow", ["9.9.9.1/24"]), "ftpgw:rules:ftp:sites:acme:allow"),
    (put(*SITES, "acme", "allow", "9.9.9.300"), "ftpgw:rules:ftp:sites:acme:allow"),
    (put(*SITES, "acme", "allow", [None]), "ftpgw:rules:ftp:sites:acme:allow"),
    (put(*SITES, "acme", {"alow": ["9.9.9.0/24"]}), "ftpgw:rules:ftp:sites:acme"),
    (put(*SITES, "acme", None), "ftpgw:rules:ftp:sites:acme"),
    (put("rules", "ftp", "default", "maybe"), "ftpgw:rules:ftp:default"),
    (put("rules", "a/b", {}), "ftpgw:rules: expected a name for rules"),
    (put("accounts", "partner", {}), "ftpgw:accounts:partner:password: missing"),
    (
        put("accounts", "partner", {"password": "plain"}),
        "ftpgw:accounts:partner:password: expected a crypt hash",
    ),
    (put("accounts", "a:b", {"password": "x"}), "ftpgw:accounts: expected an account name"),
    (put("accounts", "a\nb", {"password": "x"}), "ftpgw:accounts: expected an account name"),
]


@pytest.mark.parametrize(("edit", "problem"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_in_pillar_is_one_line(gateway, mistaken, edit, problem):
    """The line begins with the pillar path, and nothing on the gateway has changed."""
    with mistaken() as ftpgw:
        edit(ftpgw)
    with serving():
        [comment] = refused(gateway)
    assert comment.startswith(problem)
    assert "\n" not in comment


@pytest.mark.parametrize(
    "part", ["accounts", "firewall", "inetd", "metrics", "packages", "rules", "server", "services"]
)
def test_a_part_alone_tells_of_the_mistake_too(gateway, mistaken, part):
    """Also the one that waits for a service, of which there is none then."""
    with mistaken() as ftpgw:
        put("services", "ftp-proxy", "state", "gone")(ftpgw)
    with serving():
        states = gateway.apply(f"ftpgw.{part}", check=False)
    assert not gateway.changed(states)
    assert states["ftpgw settings make sense"]["comment"].startswith("ftpgw:")


def test_a_limit_that_is_too_low_is_told_as_the_page_has_it(gateway, mistaken):
    """The new daemon is tried beside the old one, which serves on."""
    with mistaken() as ftpgw:
        put("services", "open-ftpd", "softlimit", {"memory": 8000000})(ftpgw)
    with serving():
        [comment] = refused(gateway)
    assert plain(comment) == shown("docs/services.md", "open-ftpd: nothing is changed")


def test_a_failed_expectation_keeps_the_old_rules(gateway, mistaken):
    """The line names the address, and the partner who would have been locked out still gets in."""
    with mistaken() as ftpgw:
        del ftpgw["rules"]["ftp"]["sites"]["acme"]
    with serving():
        [comment] = refused(gateway)
    assert comment.startswith("ftpgw:rules:ftp:expect")
    assert "9.9.9.9" in comment


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("account", ["daemon", "somebody", "another"])
def test_an_account_that_was_not_made_for_ftp_is_left_alone(gateway, pillar, account, state):
    """Neither a daemon's, nor a person's, nor another service's, which has no shell either."""
    if account not in pathlib.Path("/etc/passwd").read_text():
        gateway.person(account, "a person")
    if account == "another":
        subprocess.run(["usermod", "--shell", "/usr/sbin/nologin", account], check=True)
    before = pathlib.Path("/etc/shadow").read_text(), pathlib.Path("/etc/passwd").read_text()
    with pillar() as ftpgw:
        ftpgw["accounts"][account] = {**ftpgw["accounts"]["partner"], "state": state}
    [comment] = refused(gateway)
    assert comment.startswith(f"ftpgw:accounts:{account}: this account exists")
    assert before == (
        pathlib.Path("/etc/shadow").read_text(),
        pathlib.Path("/etc/passwd").read_text(),
    )


def test_a_port_that_is_taken_is_reported(gateway, pillar):
    """The line begins with the service and names the port."""
    with socket.create_server(("127.0.0.1", 2121)), pillar() as ftpgw:
        ftpgw["services"] = {"second": second(2121)}
    with socket.create_server(("127.0.0.1", 2121)), serving():
        [comment] = refused(gateway)
    assert comment.startswith("second: ")
    assert "2121" in comment
    gateway.call("state.single", "daemontools.absent", "second")


def second(port):
    """A second service, of a trivial daemon."""
    return {
        "tcpserver": {"address": "127.0.0.1", "port": port},
        "command": ["/bin/echo", "hello"],
    }


def test_without_svscan_the_line_says_so(gateway, pillar):
    """A new service that nothing picks up is given up in bounded time."""
    svscan = process("svscan")
    os.kill(svscan, signal.SIGSTOP)
    with pillar() as ftpgw:
        ftpgw["services"] = {"second": {**second(2122), "timeout": 3}}
    try:
        with serving():
            [comment] = refused(gateway)
    finally:
        os.kill(svscan, signal.SIGCONT)
    assert comment.startswith("second: ")
    assert f"svscan is stopped: kill -CONT {svscan}" in comment
    gateway.call("state.single", "daemontools.absent", "second")


def process(name):
    """Return the process id of a program of the box."""
    for status in pathlib.Path("/proc").glob("[0-9]*/comm"):
        if status.read_text().strip() == name:
            return int(status.parent.name)
    raise AssertionError(f"no {name} runs")


@pytest.fixture
def full(gateway):
    """Have a directory on a file system without a free block, for one test."""
    with contextlib.ExitStack() as stack:

        def fill(directory):
            stack.enter_context(gateway.small(directory, "64k"))
            filling = stack.enter_context(open(f"{directory}/.filling", "wb", buffering=0))
            with contextlib.suppress(OSError):
                while filling.write(b"x" * 4096):
                    pass

        yield fill


def test_a_full_disk_keeps_the_old_rules(gateway, pillar, full):
    """New rules that cannot be written are reported; the old ones stand."""
    full("/etc/tcprules")
    before = pathlib.Path("/etc/tcprules/ftp.cdb").read_bytes()
    with pillar() as ftpgw:
        sites = ftpgw["rules"]["ftp"]["sites"]
        sites["many"] = {"allow": [f"10.{n}.0.0/16" for n in range(200)]}
    with serving():
        [comment] = refused(gateway, "ftpgw.rules")
    assert comment.startswith("ftp: ")
    assert "No space left" in comment
    assert pathlib.Path("/etc/tcprules/ftp.cdb").read_bytes() == before


def test_no_hash_is_ever_shown(gateway, pillar):
    """Not by an apply that sets it, not in the states Salt shows, not in the minion's log."""
    with pillar() as ftpgw:
        ftpgw["accounts"]["fresh"] = dict(ftpgw["accounts"]["partner"])
    shown = [
        gateway.salt_call("state.apply", "ftpgw", "test=True"),
        gateway.salt_call("--log-level=debug", "state.apply", "ftpgw"),
        gateway.salt_call("state.show_sls", "ftpgw"),
        gateway.salt_call("state.show_lowstate"),
        gateway.salt_call("state.apply", "ftpgw.clean", "test=True"),
    ]
    assert HASH in pathlib.Path("/etc/ftpgw.passwd").read_text()
    assert HASH not in pathlib.Path("/etc/shadow").read_text()
    assert not [done.args for done in shown if HASH in done.stdout + done.stderr]
    logs = [path for path in pathlib.Path("/var/log/salt").glob("*") if HASH in path.read_text()]
    assert not logs


def test_a_killed_run_leaves_a_gateway_that_serves(gateway, pillar):
    """Killed at any moment, salt-call has broken nothing, and the next run makes it right."""
    moments = random.Random(20041)
    with serving():
        for attempt in range(12):
            with pillar() as ftpgw:
                ftpgw["services"] = {"open-ftpd": {"tcpserver": {"concurrency": 30 + attempt}}}
                sites = ftpgw["rules"]["ftp"]["sites"]
                sites["other"] = {"allow": [f"10.{attempt}.0.0/16"]}
            run = subprocess.Popen(["salt-call", "--local", "state.apply", "ftpgw"])
            time.sleep(moments.uniform(0.6, 3.0))
            run.kill()
            run.wait()
            assert LAN.greeting().startswith(b"220")
            assert STRANGER.greeting() == b""
    gateway.apply()
    assert not gateway.changed(gateway.apply())
    assert "-c 41 " in pathlib.Path("/var/svc.d/open-ftpd/run").read_text()
