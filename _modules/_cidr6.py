"""
IPv6 addresses, as far as the tcpserver of ucspi-tcp-ipv6 can tell them apart.

It compares texts: an address matches a rule whose address is a beginning of it that ends with a
colon. But an address has several spellings, since any run of zero groups may be written ``::``.
"""

import ipaddress
from itertools import pairwise

import _check
from salt.exceptions import SaltInvocationError

# A longer prefix ends in the last group, which no colon follows: every address is a rule.
_PREFIXES = 112


def block(entry):
    """
    Return a text such as ``2001:db8:1::/48`` as a block, without ``/128``, and its prefix length.

    Raises SaltInvocationError for what is none, and for a network that rules cannot tell from
    others.
    """
    network = _network(entry)
    if not _is_distinct(network):
        raise SaltInvocationError(
            f"{entry!r} cannot be told from other networks by tcpserver (its zeros may stand for"
            " more than they are)"
        )
    return str(network).removesuffix("/128"), network.prefixlen


def rules(block):
    """Return the addresses of the rules that together stand for a block."""
    network = ipaddress.IPv6Network(block)
    if not network.prefixlen:
        return [""]
    if network.prefixlen > _PREFIXES:
        return [text for address in network for text in _spellings(_groups(address))]
    *before, last = _groups(network.network_address)[: _whole_groups(network) + 1]
    head = "".join(f"{group:x}:" for group in before)
    numbers = range(last, last + (1 << -network.prefixlen % 16))
    found = [f"{head}{group:x}:" for group in numbers]
    # A zero in the last group may be the first of a run of zeros.
    return found if last else [*found, f"{head or ':'}:"]


def around(address):
    """Return the blocks that hold an address, by the length of their prefix, longest first."""
    networks = (ipaddress.IPv6Network((address, length), False) for length in range(128, -1, -1))
    return {network.prefixlen: str(network).removesuffix("/128") for network in networks}


def spelling(address):
    """
    Return an address as tcpserver spells it: the first of the longest runs of zeros is ``::``.

    Raises SaltInvocationError for anything else.
    """
    network = _network(address)
    if network.prefixlen < 128:
        raise SaltInvocationError(f"{address!r} is not a single address")
    groups = _groups(network.network_address)
    longest = max(_runs(groups), key=len, default=range(0))
    return _spelled(groups, longest) if longest else _plain(groups)


def _network(entry):
    try:
        network = ipaddress.IPv6Network(entry.replace("%", " "))
    except ValueError as error:
        shown = _check.got(entry)
        why = f" ({error})" if shown == repr(entry) else ""
        raise SaltInvocationError(f"{shown} is not an IPv6 network{why}")
    if network.network_address.ipv4_mapped:
        raise SaltInvocationError(f"{entry!r} is an IPv4 address in disguise (write it as such)")
    return network


def _is_distinct(network):
    """Return whether no address of another network begins with the same text."""
    groups = _groups(network.network_address)
    if network.prefixlen > _PREFIXES:
        # 2001:db8:1:: is an address, and the beginning of others.
        return groups[-2:] != [0, 0]
    return 0 not in groups[: _whole_groups(network)]


def _whole_groups(network):
    """Return how many groups stand before the last one that a prefix is about."""
    return max(0, network.prefixlen - 1) // 16


def _groups(address):
    return [int.from_bytes(address.packed[first : first + 2], "big") for first in range(0, 16, 2)]


def _spellings(groups):
    return [_plain(groups), *(_spelled(groups, run) for run in _runs(groups))]


def _spelled(groups, run):
    return f"{_plain(groups[: run.start])}::{_plain(groups[run.stop :])}"


def _plain(groups):
    return ":".join(f"{group:x}" for group in groups)


def _runs(groups):
    """Return the ranges in which all groups are zero."""
    places = [place for place, group in enumerate([1, *groups, 1]) if group]
    return [range(one, other - 1) for one, other in pairwise(places) if one < other - 1]
