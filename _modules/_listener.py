"""
Who listens on a port of this machine.
"""

import contextlib
import itertools
import os
import socket

try:
    import psutil
except ImportError:  # Salt needs it, but salt-ssh does not bring it along.
    psutil = None

PROC = "/proc"


def holder(port):
    """
    Return a phrase that says which process listens on a TCP port, or an empty text.

    port
        A number, or the name of a service.
    """
    try:
        pids = [pid for pid, held in _listening() if held == number(port)]
        pid = min(filter(None, pids), default=None)
        who = f"{psutil.Process(pid).name()} (pid {pid})" if pid else "another process"
    except (OSError, getattr(psutil, "Error", OSError)):
        # There is no such service, we may not know, or the process has ended just now.
        return ""
    return f"port {number(port)} is held by {who}" if pids else ""


def number(port):
    """Return the number of a TCP port; raises OSError where its name is not known."""
    return int(port) if str(port).isdigit() else socket.getservbyname(port, "tcp")


def ports(pid):
    """Return the TCP ports that a process listens on, or None where that cannot be known."""
    opened, sockets = files(pid), set()
    if opened is None:
        return None
    for file in opened:
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(file))
    return {port for port, inode in _sockets(pid) if f"socket:[{inode}]" in sockets}


def files(pid):
    """Return a path for each file that a process has open, or None where that cannot be known."""
    try:
        return [entry.path for entry in os.scandir(f"{PROC}/{pid}/fd")]
    except OSError:
        # It has ended, unless we may not look, or nothing tells (Linux).
        there = os.path.exists(f"{PROC}/{pid}") or not os.path.exists(f"{PROC}/self")
        return None if there else []


def _sockets(pid):
    """Yield the ports that are listened on where a process is, and the inodes of their sockets."""
    for family in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"{PROC}/{pid}/net/{family}") as file:
            # Listeners come first, and there may be thousands of connections.
            for line in itertools.takewhile(_is_listener, itertools.islice(file, 1, None)):
                _, address, *_, inode = line.split()[:10]
                yield int(address.rpartition(":")[2], 16), inode


def _is_listener(line):
    return line.split()[3] == "0A"


def _listening():
    """Return the pids, or None where we may not know, and the ports that are listened on."""
    found = psutil.net_connections(kind="tcp") if psutil else []
    return [(held.pid, held.laddr.port) for held in found if held.status == psutil.CONN_LISTEN]
