"""7. The FTP servers, each under tcpserver as pillar makes it, against the same standing alone."""

import contextlib
import functools
import io
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "sandbox"))

import gateway as gw
from clients import GATEWAY, LAN, Client
from measure import Row, eventually, in_turn, running

PORT = 2121
ALONE = Client(LAN.host, LAN.source, GATEWAY, PORT)
LOGINS, SESSIONS = 20, 10
DATA = bytes(1 << 20) * 100
# What has each listen for itself: words behind its command, and what changes in its file.
SERVERS = {
    "vsftpd": ([f"-olisten_port={PORT}"], {"listen=NO": "listen=YES", "/dev/stderr": "/dev/null"}),
    "proftpd": (
        ["--nodaemon"],
        {"ServerType inetd": f"ServerType standalone\nPort {PORT}", "/dev/stderr": "/dev/null"},
    ),
    "pure-ftpd": ([], {"NoAnonymous": f"Bind 0.0.0.0,{PORT}\nNoAnonymous"}),
}
SERVICES = pathlib.Path("/etc/services")


def rows(scratch):
    for server, (words, changes) in SERVERS.items():
        command = apply(server)
        file = alone_file(command[-1], changes, pathlib.Path(scratch, f"{server}.conf"))
        with running(*command[:-1], file, *words, stdin=-3, stdout=-3, stderr=-3):
            eventually(f"{server} on port {PORT}", greets)
            yield from compared(server, server)
    with inetutils_alone(apply("inetutils"), pathlib.Path(scratch, "pid")):
        eventually(f"inetutils on port {PORT}", greets)
        yield from compared("inetutils", "ftpd")


@contextlib.contextmanager
def inetutils_alone(command, pid):
    """Have it listen, which it does on the port that is called ftp; it goes to the background."""
    before = SERVICES.read_text()
    SERVICES.write_text(re.sub(r"^ftp\s.*/tcp.*$", f"ftp {PORT}/tcp", before, flags=re.MULTILINE))
    try:
        subprocess.run(
            [*command, "-D", f"--pidfile={pid}"], stdin=-3, stdout=-3, stderr=-3, check=True
        )
        eventually("its number", lambda: pid.exists() and pid.read_text().strip())
    finally:
        SERVICES.write_text(before)
    try:
        yield
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


def apply(server):
    """Have the gateway serve with another server, nothing guarded; return its command."""
    with gw.pillar() as ftpgw:
        ftpgw |= {"server": server, "firewall": {"manage": False}}
        ftpgw["services"] = {"ftp-proxy": {"state": "absent"}}
    gw.apply()
    return gw.call("ftpgw.settings", "services", "open-ftpd")["command"]


def alone_file(file, changes, target):
    text = pathlib.Path(file).read_text()
    for before, after in changes.items():
        text = re.sub(re.escape(before), after, text)
    target.write_text(text)
    return target


def greets():
    with contextlib.suppress(OSError):
        return ALONE.greeting().startswith(b"220")


def compared(server, program):
    row = functools.partial(Row, ours=f"tcpserver ... {server}", theirs=f"{server} alone", goal=1.1)
    for what, deed, times, note in (
        ("log in", log_in, 7, f"{LOGINS} log-ins"),
        ("put", put, 5, "100 MB"),
        ("get", get, 5, "100 MB"),
    ):
        pairs = in_turn(times, functools.partial(deed, LAN), functools.partial(deed, ALONE))
        yield row(f"{server}: {what}", seconds=pairs, note=note)
    pairs = [(memory(program, LAN), memory(program, ALONE)) for _ in range(3)]
    yield row(f"{server}: memory of a session", seconds=pairs, unit="MB", note=f"of {SESSIONS}")


def log_in(client):
    for _ in range(LOGINS):
        client.session().quit()


def put(client):
    with client.session() as ftp:
        ftp.storbinary("STOR bench.bin", io.BytesIO(DATA), 1 << 16)


def get(client):
    with client.session() as ftp:
        ftp.retrbinary("RETR bench.bin", len, 1 << 16)


def memory(program, client):
    """Return how many MB a session takes: its share of all the pages of the server's processes."""
    before = pages(program)
    with contextlib.ExitStack() as sessions:
        for _ in range(SESSIONS):
            sessions.enter_context(client.session())
        return (pages(program) - before) / SESSIONS


def pages(program):
    found = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() == program:
                rollup = (process / "smaps_rollup").read_text()
                found += int(re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)[1])
    return found / 1000
