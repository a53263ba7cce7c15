"""`ftpgw.health`: each trouble is really made, told by one line, and gone when it is mended."""

import contextlib
import json
import logging
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import _version
import gateway as gw
import printed
import pytest
import salt._logging
import salt.config
import salt.loader
import salt.pillar

# Otherwise Salt keeps what is logged, to tell it when there is nobody left to hear.
salt._logging.shutdown_temp_handler()
logging.getLogger("salt").setLevel(logging.WARNING)

FTPD, LOG = "/etc/service/open-ftpd", "/var/multilog/open-ftpd"
PASSIVE = "net.ipv4.ip_local_port_range"
# svscan and supervise take seconds, on a busy machine some more.
PATIENCE = 30


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def minion(gateway):
    """The gateway's modules in this process: a salt-call for each look would take seconds."""
    opts = salt.config.minion_config("/etc/salt/minion")
    opts["file_client"] = "local"
    opts["grains"] = salt.loader.grains(opts)
    return opts


@pytest.fixture
def health(minion):
    """Return what ftpgw.health returns, with the pillar that there is now."""

    def ask(**arguments):
        pillar = salt.pillar.get_pillar(minion, minion["grains"], minion["id"])
        opts = {**minion, "pillar": pillar.compile_pillar()}
        return salt.loader.minion_mods(opts, context={})["ftpgw.health"](**arguments)

    return ask


@pytest.fixture
def told(health):
    """Wait until there are so many problems, and return them."""
    gw.forget_starts()

    def wait(count):
        deadline = time.monotonic() + PATIENCE
        while len(problems := health()["problems"]) != count and time.monotonic() < deadline:
            time.sleep(0.2)
        return problems

    return wait


def test_a_gateway_that_is_well_has_no_problems(told, health):
    """And says what its services do."""
    assert told(0) == []
    services = health()["services"]
    assert sorted(services) == ["ftp-proxy", "open-ftpd"]
    figures = services["open-ftpd"]
    assert (figures["state"], figures["clients"], figures["limit"]) == ("up", 0, 29)
    assert figures["log_free"] > 0


# Each makes a trouble when it is called, with a function that takes note of how to mend it.


def ordered(letter, back, name=FTPD):
    return undone(["svc", f"-{letter}", name], ["svc", f"-{back}", name])


def undone(do, undo):
    def make(mend):
        mend(run, *undo)
        run(*do)

    return make


def edited(path, edit):
    """A file with another text; it will be what it was, in its own time."""

    def make(mend):
        file = pathlib.Path(path)
        if file.exists():
            status, before = file.stat(), file.read_bytes()
            mend(os.utime, file, ns=(status.st_atime_ns, status.st_mtime_ns))
            mend(file.write_bytes, before)
        else:
            before = b""
            mend(file.unlink)
        file.write_bytes(edit(before))

    return make


def away(path):
    return undone(["mv", path, f"{path}.away"], ["mv", f"{path}.away", path])


def crowd(mend):
    """Take every place of the server."""
    for _ in range(29):
        mend(socket.create_connection(("127.0.0.1", 21)).close)


def mounted(size):
    """The log has a file system of its own, of which nothing but a few bytes are free."""

    def make(mend):
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0750,uid=multilog", "log", LOG)
        mend(run, "umount", LOG)
        run("install", "-o", "multilog", "/dev/null", f"{LOG}/current")
        if size == "64k":
            with contextlib.suppress(OSError), open(f"{LOG}/x", "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass

    return make


def left_over(path, text):
    def make(mend):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mend(run, "find", path, os.path.dirname(path), "-maxdepth", "0", "-empty", "-delete")
        mend(os.truncate, path, 0)
        pathlib.Path(path).write_text(text)

    return make


def taken(mend):
    """A real inetd has the port of the server, though its file, of today, would not give it."""
    mend(gw.forget_starts)
    run("svc", "-d", FTPD)
    while "down" not in run("svstat", FTPD):
        time.sleep(0.1)
    before = gw.INETD_CONF.read_bytes() if gw.INETD_CONF.exists() else b""
    gw.inetd("ftp stream tcp nowait root /bin/true true")
    while not listened(21):
        time.sleep(0.1)
    gw.INETD_CONF.write_bytes(before)
    mend(lambda: os.kill(int(pathlib.Path("/run/inetd.pid").read_text()), signal.SIGTERM))
    run("svc", "-u", FTPD)


def listened(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def unreadable(path):
    """A directory in the place of a file."""
    return lambda mend: (mend(os.rmdir, path), os.mkdir(path))


ANYBODY = pathlib.Path("/etc/tcprules/ftp-proxy.cdb")
RULES = "(state.apply ftpgw.rules)"
FILTER = "(state.apply ftpgw.firewall)"
RELOAD = ["nft", "-f", "/etc/nftables.d/ftpgw.nft"]
TROUBLES = {
    "a stopped service": (
        ordered("d", "u"),
        "open-ftpd: down since somebody stopped it, and starts at the next boot "
        "(daemontools.up open-ftpd, or daemontools.disable open-ftpd)",
    ),
    "a stopped logger": (
        ordered("d", "u", f"{FTPD}/log"),
        "open-ftpd: log: down since somebody stopped it, and starts at the next boot "
        "(daemontools.up open-ftpd/log, or daemontools.disable open-ftpd/log)",
    ),
    "a paused service": (ordered("p", "c"), "open-ftpd: paused (daemontools.cont open-ftpd)"),
    "a port of inetd": (
        taken,
        r"open-ftpd: dies again and again: \d+ starts in \d+ s; port 21 is held by inetd \(pid ",
    ),
    "a service that starts at no boot": (
        edited("/var/svc.d/open-ftpd/down", lambda _: b""),
        "open-ftpd: is not as declared: down (state.apply ftpgw.services)",
    ),
    "a full server": (crowd, "open-ftpd: all 29 places are taken: the next client waits "),
    "a full log": (
        mounted("64k"),
        f"open-ftpd: log: no space is left for {LOG}, and the service waits",
    ),
    "a small log": (mounted("1m"), "open-ftpd: log: it may have 100 MB, but 1.05 MB are free (df"),
    "no cdb": (away("/etc/tcprules/ftp.cdb"), "open-ftpd: there is no /etc/tcprules/ftp.cdb, so"),
    "another cdb": (
        edited("/etc/tcprules/ftp.cdb", lambda _: ANYBODY.read_bytes()),
        "ftp: the rules in force are not as declared (",
    ),
    "a flushed filter": (
        undone(["nft", "delete", "table", "ip", "ftpgw"], RELOAD),
        f"packet filter: the rules of /etc/nftables.d/ftpgw.nft are not in force {FILTER}",
    ),
    "an edited filter": (
        undone(["nft", "add", "chain", "ip", "ftpgw", "mine"], RELOAD),
        "packet filter: the rules in force are not those of /etc/nftables.d/ftpgw.nft any more "
        f"{FILTER}",
    ),
    "a filter that no boot loads": (
        edited("/etc/nftables.conf", lambda text: text.replace(b"include", b"#include")),
        "packet filter: /etc/nftables.conf does not load /etc/nftables.d/ftpgw.nft at a boot "
        f"{FILTER}",
    ),
    "other passive ports": (
        undone(
            ["sysctl", "-w", f"{PASSIVE}=1025 60000"], ["sysctl", "-w", f"{PASSIVE}=49152 65535"]
        ),
        f"{PASSIVE}: is 1025 60000, not 49152 65535 (state.apply ftpgw)",
    ),
    "other passive ports after a boot": (
        edited("/etc/sysctl.d/zzzz.conf", lambda _: f"{PASSIVE} = 1025 60000\n".encode()),
        f"{PASSIVE}: after a boot it is 1025 60000 (take it out of /etc/sysctl.d/zzzz.conf)",
    ),
    "a line of inetd": (
        edited("/etc/inetd.conf", lambda text: text + b"ftp stream tcp nowait root /bin/f f\n"),
        "inetd: /etc/inetd.conf has lines for ftp (state.apply ftpgw.inetd)",
    ),
    "another greeting": (
        edited("/etc/ftpgw/vsftpd.conf", lambda text: text + b"no_such_word=YES\n"),
        "open-ftpd: its port is open, but it says '500",
    ),
    "an account that is left over": (
        undone(
            ["useradd", "-u", "4000", "-s", "/usr/sbin/nologin", "-G", "ftpgw", "gone"],
            ["userdel", "gone"],
        ),
        "ftpgw:accounts:gone: is not as declared: account left over: opens nothing any more ",
    ),
    "another password": (
        edited("/etc/ftpgw.passwd", lambda text: text.replace(b"Gmm", b"mmG")),
        "ftpgw:accounts:partner: is not as declared: password changes ",
    ),
    "another list of the confined": (
        edited("/etc/ftpchroot", lambda text: text + b"root\n"),
        "ftpgw:accounts: not as declared: /etc/ftpchroot (state.apply ftpgw.accounts)",
    ),
    "another file of PAM": (
        edited("/etc/pam.d/ftpgw", lambda text: b"auth required pam_unix.so\n"),
        "ftpgw:accounts: /etc/pam.d/ftpgw admits others, too (state.apply ftpgw.accounts)",
    ),
    "a service that is left over": (
        left_over("/var/svc.d/second/.written-by-salt", "The settings: ftpgw:services:second\n"),
        "ftpgw:services: does not name second any more, which lives on (leftovers: remove",
    ),
    "rules that are left over": (
        left_over(
            "/etc/tcprules/second.rules",
            "# Written by Salt from the settings of ftpgw:rules:second; change them there.\n",
        ),
        "ftpgw:rules: does not name second any more, which lives on (leftovers: remove",
    ),
    "what cannot be asked": (
        unreadable("/etc/sysctl.d/zzzz.conf"),
        "passive ports: cannot be asked: [Errno 21] Is a directory: '/etc/sysctl.d/zzzz.conf'",
    ),
}


@pytest.mark.parametrize(("trouble", "line"), TROUBLES.values(), ids=TROUBLES)
def test_each_trouble_is_one_line(told, trouble, line):
    assert told(0) == []
    with contextlib.ExitStack() as stack:
        trouble(stack.callback)
        deadline = time.monotonic() + PATIENCE
        pattern = re.compile(line if "\\" in line else re.escape(line))
        while not any(map(pattern.match, told(1))) and time.monotonic() < deadline:
            time.sleep(0.2)
        [problem] = told(1)
        assert pattern.match(problem)
    assert told(0) == []


def test_two_troubles_are_told_as_the_page_has_them(gateway, told):
    gateway.apply()
    assert told(0) == []
    with contextlib.ExitStack() as stack:
        for name in ("a stopped service", "a flushed filter"):
            trouble, _ = TROUBLES[name]
            trouble(stack.callback)
        told(2)
        done = gw.salt_call("ftpgw.health").stdout.replace("local:", "gw1:")
    # Its figures are left out there.
    done = re.sub(r"(?<=services:\n).*(?=\n +version:)", "...", done, flags=re.DOTALL)
    assert printed.plain(done) == printed.shown("docs/operations.md", "$ salt gw1 ftpgw.health")
    assert told(0) == []


def test_whom_somebody_denies_in_a_hurry_is_a_note(gateway, told, health):
    """Though he is expected to get in."""
    assert told(0) == []
    gateway.call("tcprules.deny", "ftp", "9.9.9.9", "until=2h")
    try:
        assert told(0) == []
        [note] = health()["notes"]
        assert note.startswith("ftp: 9.9.9.9 is denied until ")
        assert note.endswith(" (tcprules.release ftp ends it)")
    finally:
        gateway.call("tcprules.release", "ftp")
    assert health()["notes"] == []


def test_the_exit_status_is_that_of_health(gateway, told):
    """0 where all is well, else 1: for `salt-call ... || mail`, and with the number asked for."""
    ask = ["salt-call", "--local", "--out=json", "ftpgw.health"]
    assert told(0) == []
    well = subprocess.run(ask, capture_output=True, text=True, check=False)
    found = json.loads(well.stdout)["local"]
    assert (well.returncode, found["problems"]) == (0, [])
    assert found["version"] == gateway.call("ftpgw.version") == _version.VERSION
    run("svc", "-d", FTPD)
    try:
        told(1)
        for more in ([], ["--retcode-passthrough"]):
            ill = subprocess.run([*ask, *more], capture_output=True, text=True, check=False)
            [problem] = json.loads(ill.stdout)["local"]["problems"]
            assert (ill.returncode, problem[:23]) == (1, "open-ftpd: down since s")
    finally:
        run("svc", "-u", FTPD)
    assert told(0) == []
