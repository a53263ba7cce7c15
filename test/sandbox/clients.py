"""FTP clients on the hosts of the box, as people have them: Python's ftplib, curl and lftp."""

import contextlib
import ctypes
import ftplib
import io
import os
import socket
import subprocess

CLONE_NEWNET = 0x40000000
TIMEOUT = 10
GATEWAY = "192.168.0.254"
OUTSIDE = "203.0.113.1"


@contextlib.contextmanager
def on(host):
    """Make sockets on another host of the box; a socket stays in the network it was made in."""
    with open("/proc/self/ns/net") as here, open(f"/run/netns/{host}") as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(here)


def _enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class _OnHost:
    """A session whose control and data connections both begin on `box_host`."""

    def __init__(self, box_host, **settings):
        super().__init__(timeout=TIMEOUT, **settings)
        self.box_host = box_host

    def connect(self, *args, **kwargs):
        with on(self.box_host):
            return super().connect(*args, **kwargs)

    def ntransfercmd(self, *args, **kwargs):
        with on(self.box_host):
            return super().ntransfercmd(*args, **kwargs)


class _FTP(_OnHost, ftplib.FTP):
    pass


class _FTPS(_OnHost, ftplib.FTP_TLS):
    pass


class Client:
    """Somebody on `host` who reaches `server` from the address `source`."""

    def __init__(self, host, source, server, port=21):
        self.host, self.source, self.server, self.port = host, source, server, port

    def __str__(self):
        return f"{self.source} ({self.host})"

    def session(self, user="partner", password="salt and spirits", passive=True, tls=None):
        """Log in with ftplib; `tls` is a context, or none. The answer logs out when it is left."""
        ftp = _FTPS(self.host, context=tls) if tls else _FTP(self.host)
        ftp.connect(self.server, self.port, source_address=(self.source, 0))
        ftp.set_pasv(passive)
        ftp.login(user, password)
        if tls:
            ftp.prot_p()
        return ftp

    def greeting(self):
        """Return the first bytes the server sends; none at all if it hangs up."""
        with (
            self.connect(self.server, self.port) as peer,
            contextlib.suppress(ConnectionResetError),
        ):
            return peer.recv(100)
        return b""

    def connect(self, address, port):
        """Return a connection to anywhere; raises ConnectionRefusedError where none is let in."""
        with on(self.host):
            return socket.create_connection((address, port), TIMEOUT, (self.source, 0))

    def curl(self, path, *options, user="partner:salt and spirits"):
        """Return what curl prints; raises CalledProcessError where curl fails."""
        url = f"ftp://{self.server}:{self.port}/{path}"
        command = ["curl", "-sS", "--max-time", str(TIMEOUT), "--interface", self.source]
        return self._run([*command, "--user", user, *options, url])

    def lftp(self, commands):
        """Return what lftp prints; raises CalledProcessError where lftp fails."""
        settings = f"set net:socket-bind-ipv4 {self.source}; set net:timeout {TIMEOUT}"
        settings += "; set net:max-retries 1; set cmd:fail-exit yes"
        login = f"open -u partner,'salt and spirits' ftp://{self.server}:{self.port}"
        return self._run(["lftp", "-c", f"{settings}; {login}; {commands}"])

    def _run(self, command):
        command = ["ip", "netns", "exec", self.host, *command]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return done.stdout


def upload(ftp, name, data):
    """Store bytes."""
    return ftp.storbinary(f"STOR {name}", io.BytesIO(data))


def download(ftp, name):
    """Retrieve bytes."""
    data = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", data.write)
    return data.getvalue()


def steal(ftp, thief, name):
    """Retrieve a file in somebody's session, but to the thief; return what he got."""
    _, port = ftplib.parse227(ftp.sendcmd("PASV"))
    with thief.connect(thief.server, port) as data:
        ftp.sendcmd(f"RETR {name}")
        stolen = data.recv(100)
    ftp.voidresp()
    return stolen


def plant(ftp, thief, name, data):
    """Store a file in somebody's session, but from the thief."""
    _, port = ftplib.parse227(ftp.sendcmd("PASV"))
    with thief.connect(thief.server, port) as connection:
        ftp.sendcmd(f"STOR {name}")
        connection.sendall(data)
    ftp.voidresp()


LAN = Client("lan", "192.168.0.10", GATEWAY)
PARTNER = Client("wan", "9.9.9.9", OUTSIDE)
STRANGER = Client("wan", "198.51.100.7", OUTSIDE)
NEIGHBOUR = Client("lan", "192.168.0.11", GATEWAY)
# To a server outside, which the packet filter sends to the proxy.
SURFER = Client("lan", "192.168.0.10", "203.0.113.2")


def download_while(ftp, name, deed):
    """Retrieve bytes, and do something as soon as the first of them are there."""
    with ftp.transfercmd(f"RETR {name}") as data:
        received = data.recv(1000)
        deed()
        while more := data.recv(1 << 16):
            received += more
    ftp.voidresp()
    return received
