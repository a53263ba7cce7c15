"""
Who listens on a port of this machine, as far as Linux tells.
"""

import contextlib
import os
import re
import socket

LISTENING = "0A"
SOCKET = re.compile(r"socket:\[(\d+)\]")


def holder(port):
    """
    Return a phrase that says which process listens on a TCP port, or an empty text.

    port
        A number, or the name of a service.

    Source: proc(5), ``/proc/net/tcp``.
    """
    try:
        number = int(port) if str(port).isdigit() else socket.getservbyname(port, "tcp")
        sockets = _sockets("/proc/net/tcp", number) | _sockets("/proc/net/tcp6", number)
        pid = next(filter(lambda pid: _holds(pid, sockets), _pids()), None) if sockets else None
        if pid:
            with open(f"/proc/{pid}/comm") as file:
                return f"port {number} is held by {file.read().strip()} (pid {pid})"
    except OSError:
        return ""
    return f"port {number} is held by another process" if sockets else ""


def _sockets(table, port):
    """Return the inodes of the sockets that listen on a port."""
    try:
        with open(table) as file:
            rows = [line.split() for line in file][1:]
    except FileNotFoundError:
        return set()
    # "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode"
    return {row[9] for row in rows if row[3] == LISTENING and int(row[1][-4:], 16) == port}


def _pids():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def _holds(pid, sockets):
    """Tell whether a process has one of the sockets open; a descriptor may go while we look."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                match = SOCKET.fullmatch(os.readlink(os.path.join(folder, name)))
                if match and match[1] in sockets:
                    return True
    return False
