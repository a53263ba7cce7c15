"""
Who is connected to a service: the processes that hold a connection to its port.

A session outlives its tcpserver: svc -d ends who listens, and lets those who are served go on. So
it is known by its connection and not by its parent.
"""

import contextlib
import datetime
import ipaddress
import pwd
import time

import _multilog
from _listener import psutil

# How many seconds a session may take to end after TERM.
PATIENCE = 5


def read(ports):
    """
    Return the sessions of services, the oldest first.

    ports
        ``{service: number}``

    Each has ``service``, ``address`` and ``port`` of the client, ``pid`` of the process that serves
    it, ``users``, whose its processes are, ``since``, in seconds since 1970, and ``does``, what the
    process tells of itself.  Raises LookupError where connections cannot be seen.
    """
    if not psutil:
        raise LookupError("there is no psutil to see connections with")
    names = {number: name for name, number in ports.items()}
    found, listening = {}, set()
    for held in _connections():
        if held.status == psutil.CONN_LISTEN:
            # A session listens too, on another port: for the data of its client.
            listening |= {held.pid} if held.laddr.port in names else set()
        elif held.pid and held.raddr and held.laddr.port in names:
            found.setdefault((held.laddr.port, *held.raddr[:2]), set()).add(held.pid)
    sessions = [
        session | {"service": names[local], "address": _plain(address), "port": remote}
        for (local, address, remote), pids in found.items()
        # Who listens has every connection for a moment, until there is a process for it.
        for session in _session(pids - listening)
    ]
    return sorted(sessions, key=lambda session: session["since"])


def end(sessions, patience=PATIENCE):
    """
    End sessions, by TERM and after some seconds by KILL, and return those that are gone.

    sessions
        as `read` returns them
    """
    processes = {}
    for session in sessions:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(session["pid"])
            # A pid that somebody else has by now is none of ours.
            if first.create_time() == session["since"]:
                processes[session["pid"]] = [first, *first.children(recursive=True)]
    everyone = [process for family in processes.values() for process in family]
    for process in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(everyone, patience)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, left = psutil.wait_procs(left, patience)
    stubborn = {process.pid for process in left}
    return [
        session
        for session in sessions
        if not stubborn.intersection(p.pid for p in processes.get(session["pid"], ()))
    ]


def is_of(session, who):
    """Return whether a session is of a site, an account, an address or a network."""
    if who in (session["site"], session["account"], session["address"]):
        return True
    try:
        return ipaddress.ip_address(session["address"]) in ipaddress.ip_network(who)
    except ValueError:
        return False


def shown(session):
    """Return a session, with its site and account, as people are shown it."""
    since = datetime.datetime.fromtimestamp(int(session["since"])).astimezone()
    keys = ("service", "address", "site", "account", "pid", "does")
    return {key: session[key] for key in keys} | {
        "since": since.isoformat(" "),
        "seconds": int(time.time() - session["since"]),
    }


def wait(sessions, seconds):
    """Wait so many seconds at most until sessions have ended, and return those that go on."""
    deadline = time.monotonic() + seconds
    while True:
        sessions = [session for session in sessions if _lives(session)]
        if not sessions or time.monotonic() >= deadline:
            return sessions
        time.sleep(0.1)


def _lives(session):
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(session["pid"])
        return (
            process.create_time() == session["since"] and process.status() != psutil.STATUS_ZOMBIE
        )
    return False


def _connections():
    try:
        return psutil.net_connections(kind="tcp")
    except psutil.Error as error:
        raise LookupError(f"connections cannot be seen: {error}")


def _session(pids):
    """Yield what one connection's processes are, unless they have ended meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        processes = [psutil.Process(pid) for pid in pids]
        first = min(processes, key=psutil.Process.create_time, default=None)
        if first is None:
            return
        families = [first, *first.children(recursive=True)]
        yield {
            "pid": first.pid,
            "users": sorted({_user(process) for process in families}),
            "since": first.create_time(),
            # A server tells which file its client asks for, byte for byte.
            "does": _multilog.visible(" ".join(first.cmdline()).strip()),
        }


def _user(process):
    uid = process.uids().effective
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _plain(address):
    """Return an IPv4 address that a socket of IPv6 has as it is written otherwise."""
    return address.removeprefix("::ffff:") if "." in address else address
