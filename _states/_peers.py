"""
Whom a minion must not lose: its masters, and whoever came by ssh.

Each is a tuple: who, host, port, and whether a refusal is an answer too.
"""

import concurrent.futures
import contextlib
import socket

from salt.utils.network import parse_host_port

# Seconds for one connection.
CONNECTION = 5


def masters(opts, configured=()):
    """
    Return where the masters of a minion are, each at two ports.

    opts
        the options of the minion
    configured
        more masters, as written in its configuration: HOST, HOST:PORT, [IPV6]:PORT
    """
    if opts.get("file_client") == "local" or opts.get("master_type") == "disable":
        return []
    ports = [opts.get("master_port") or 4506, opts.get("publish_port") or 4505]
    entries = [*_entries(opts.get("master_list")), *_entries(configured)]
    own = opts.get("master")
    if opts.get("master_ip") and isinstance(own, str):
        entries.insert(0, opts["master_ip"])
    else:
        entries[:0] = _entries(own)
    return list(dict.fromkeys(peer for entry in entries for peer in _master(entry, *ports)))


def visitor(connection):
    """
    Return where somebody's ssh comes from, if it does.

    connection
        SSH_CONNECTION: that address, its port, and ours

    Nothing can be sent on that connection from here, so a new one goes the other way; whether
    somebody listens there does not matter.
    """
    return [("the ssh client", connection.split()[0], 22, True)] if connection.strip() else []


def _entries(masters):
    entries = [masters] if isinstance(masters, str) else masters or []
    return [entry for entry in entries if isinstance(entry, str) and entry]


def _master(entry, *ports):
    host, port = entry.strip("[]"), None
    if f"[{host}]" != entry:
        try:
            host, port = parse_host_port(entry)
        except ValueError:
            return []
    return [("the master", host, int(number), False) for number in (port or ports[0], ports[1])]


def reachable(peers):
    """
    Return those of some peers that answer now: ``{(family, address, refusal): who}``.

    They are asked side by side.  Their names are looked up here only: rules that cut off a
    resolver must not make it take long to ask again.
    """
    found = {}
    for who, host, port, refusal in peers:
        with contextlib.suppress(OSError):
            for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                shown = f"[{host}]" if ":" in host else host
                found.setdefault((family, address, refusal), f"{who} at {shown}:{port}")
    return _answering(found)


def lost(before):
    """Return who of those that `reachable` found does not answer any more."""
    still = _answering(before)
    return sorted({who for key, who in before.items() if key not in still})


def _answering(found):
    with concurrent.futures.ThreadPoolExecutor(max(1, len(found))) as threads:
        answers = list(threads.map(_answers, found))
    return {key: who for (key, who), yes in zip(found.items(), answers, strict=True) if yes}


def _answers(key):
    family, address, refusal = key
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECTION)
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            return refusal
        return True
    return False
