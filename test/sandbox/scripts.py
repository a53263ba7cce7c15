"""Run the run scripts of every system under a real svscan, with stubs for the daemons.

The scripts are those of test/data/platforms. Prints {SYSTEM: {SERVICE: what it said}} as JSON; a
service that does not stay up has said nothing. Needs the box of box.py.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

PLATFORMS = pathlib.Path(__file__).resolve().parents[1] / "data/platforms"
# Under tcpserver it talks to a client, by itself to its log; either way it says how it was called.
STUB = '#!/bin/sh\necho "$0 $*"\nexec sleep 1000000\n'
DAEMONS = (
    "/usr/libexec/ftpd",
    "/usr/local/libexec/ftpd",
    "/usr/sbin/vsftpd",
    "/usr/libexec/ftp-proxy",
    "/usr/sbin/ftp-proxy",
)
ACCOUNTS = ("multilog", "ftpproxy")
DEADLINE = 10


def main():
    """Try one system after the other: all of them want the same ports."""
    for account in ACCOUNTS:
        subprocess.run(["useradd", "--system", account], check=True)
    for path in map(pathlib.Path, DAEMONS):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STUB)
        path.chmod(0o755)
    # The rules that the scripts name must be there: without them tcpserver drops every client.
    pathlib.Path("/etc/tcprules").mkdir()
    for name in ("ftp", "ftp-proxy"):
        rules = ["tcprules", f"/etc/tcprules/{name}.cdb", "/etc/tcprules/new"]
        subprocess.run(rules, input=":allow\n", text=True, check=True)
    systems = sorted(path for path in PLATFORMS.iterdir() if not path.name.endswith("-full"))
    json.dump({path.name: tried(path) for path in systems}, sys.stdout)


def tried(system):
    """Return what each service of a system says, after svscan has had both for a while."""
    scan = pathlib.Path("/run/service")
    for service in ("open-ftpd", "ftp-proxy"):
        shutil.copytree(system / service, scan / service)
        for run in (scan / service / "run", scan / service / "log/run"):
            run.chmod(0o755)
        log = pathlib.Path("/var/multilog", service)
        log.mkdir(parents=True)
        shutil.chown(log, "multilog")
    svscan = subprocess.Popen(["svscan", scan])
    try:
        return {service.name: said(service) for service in scan.iterdir()}
    finally:
        svscan.kill()
        subprocess.run(["svc", "-dxk", *scan.iterdir()], check=False)
        subprocess.run(["svc", "-dx", *scan.glob("*/log")], check=False)
        gone(scan)


def said(service):
    """Return the first words of a daemon: to a client, or else to its log."""
    port = {"open-ftpd": 21, "ftp-proxy": 8021}[service.name]
    if "tcpserver" not in (service / "run").read_text():
        return logged(service.name)
    address = "192.168.0.254" if "192.168.0.254" in (service / "run").read_text() else "127.0.0.1"
    with eventually(lambda: socket.create_connection((address, port), DEADLINE)) as client:
        return client.makefile().readline().strip()


def logged(name):
    """Return the last line of a log that has more than its first one, without the time."""
    log = pathlib.Path("/var/multilog", name, "current")
    lines = eventually(lambda: log.read_text().splitlines()[1:] or no())
    return lines[-1].partition(" ")[2]


def no():
    """Be a condition that does not hold yet."""
    raise OSError("not yet")


def eventually(attempt):
    """Return what an attempt returns, tried again until the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def gone(scan):
    """Wait until no supervise is left, and remove what they left."""
    eventually(lambda: any(svok(path) for path in scan.rglob("supervise")) and no())
    shutil.rmtree(scan)
    shutil.rmtree("/var/multilog")


def svok(path):
    """Return whether a supervise answers."""
    return subprocess.run(["svok", path.parent], check=False).returncode == 0


if __name__ == "__main__":
    main()
