"""
Who listens on a port of this machine.
"""

import socket

try:
    import psutil
except ImportError:  # Salt needs it, but salt-ssh does not bring it along.
    psutil = None


def holder(port):
    """
    Return a phrase that says which process listens on a TCP port, or an empty text.

    port
        A number, or the name of a service.
    """
    try:
        number = int(port) if str(port).isdigit() else socket.getservbyname(port, "tcp")
        pids = [pid for pid, held in _listening() if held == number]
        pid = min(filter(None, pids), default=None)
        who = f"{psutil.Process(pid).name()} (pid {pid})" if pid else "another process"
    except (OSError, getattr(psutil, "Error", OSError)):
        # There is no such service, we may not know, or the process has ended just now.
        return ""
    return f"port {number} is held by {who}" if pids else ""


def _listening():
    """Return the pids, or None where we may not know, and the ports that are listened on."""
    found = psutil.net_connections(kind="tcp") if psutil else []
    return [(held.pid, held.laddr.port) for held in found if held.status == psutil.CONN_LISTEN]
