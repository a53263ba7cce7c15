"""FTP servers outside: wan serves the same accounts as the gateway, at each of its addresses."""

import contextlib
import pathlib
import socket
import subprocess
import time

from clients import on

LOG = pathlib.Path("/run/wan.log")
ADDRESS = "203.0.113.2"
# Where FTP is not redirected, because it is not where FTP is.
ELSEWHERE = 2121


@contextlib.contextmanager
def servers():
    """Run the servers on port 21 and on another one; they write who came to LOG."""
    with open(LOG, "w") as log:
        running = [_server(port, log) for port in (21, ELSEWHERE)]
    try:
        for port in (21, ELSEWHERE):
            _wait(port)
        yield
    finally:
        for server in running:
            server.terminate()
            server.wait()


def _server(port, log):
    command = ["ip", "netns", "exec", "wan", "tcpserver", "-vRHl0", "-c", "200", "0", str(port)]
    return subprocess.Popen([*command, "ftpd", "-l", "-a", "pam"], stdout=log, stderr=log)


def _wait(port):
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(ConnectionRefusedError), on("wan"):
            return socket.create_connection((ADDRESS, port), 10).close()
        assert time.monotonic() < deadline, f"no FTP server came up on port {port} of wan"
        time.sleep(0.02)
