"""FTP servers outside: wan serves the same accounts as the gateway, at each of its addresses."""

import contextlib
import pathlib
import socket
import subprocess
import threading
import time

from clients import on

LOG = pathlib.Path("/run/wan.log")
ADDRESS = "203.0.113.2"
# Where FTP is not redirected, because it is not where FTP is.
ELSEWHERE = 2121
# What the gateway serves with, for the same accounts.
LIKE_THE_GATEWAY = ("vsftpd", "/etc/ftpgw/vsftpd.conf")


@contextlib.contextmanager
def servers(daemon=LIKE_THE_GATEWAY):
    """Run a daemon on port 21 and on another one; tcpserver writes who came to LOG."""
    with open(LOG, "w") as log:
        running = [_server(port, daemon, log) for port in (21, ELSEWHERE)]
    try:
        for port in (21, ELSEWHERE):
            _wait(port)
        yield
    finally:
        for server in running:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def liar(address, port):
    """Serve one session after another that admits anybody and opens ports which are not its own."""
    a, b, c, d = address.split(".")
    answers = {b"USER": b"331 Yes?", b"PASS": b"230 Welcome."}
    lie = f"227 Here ({a},{b},{c},{d},{port >> 8},{port & 255}).".encode()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as client, client.makefile("rwb", buffering=0) as lines:
                    lines.write(b"220 Hello.\r\n")
                    for line in iter(lines.readline, b"QUIT\r\n"):
                        lines.write(answers.get(line[:4], lie) + b"\r\n")

    with on("wan"):
        listener = socket.create_server((ADDRESS, 21))
    with listener:
        threading.Thread(target=serve, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def _server(port, daemon, log):
    tcpserver = ["tcpserver", "-vRHl0", "-c", "200", "-b", "200", "0", str(port), *daemon]
    return subprocess.Popen(["ip", "netns", "exec", "wan", *tcpserver], stdout=log, stderr=log)


def _wait(port):
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(ConnectionRefusedError), on("wan"):
            return socket.create_connection((ADDRESS, port), 10).close()
        assert time.monotonic() < deadline, f"no FTP server came up on port {port} of wan"
        time.sleep(0.02)
