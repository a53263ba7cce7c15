"""The two networks of a gateway, and the ports that FTP uses between them."""

import ipaddress

import _check
from _check import Setting, kind, number, table, word

# What a gateway with an FTP proxy cannot do without.
SIDES = ("ext_if", "int_if", "int_ip", "int_net")
# if_nametoindex(3): a name has at most IFNAMSIZ - 1 characters, which is 15.
_INTERFACE = word("([A-Za-z0-9][A-Za-z0-9._-]{0,14})?", "the name of an interface")
_PORT = number(1024, 65535)


def _exactly(make, expected):
    """Return the kind of texts that the address itself prints: filters and tcprules read them."""

    def holds(value):
        try:
            return isinstance(value, str) and (not value or str(make(value)) == value)
        except ValueError:
            return False

    return kind(expected, holds, {"type": "string"})


def _is_range(value):
    numbers = isinstance(value, list) and [type(port) for port in value] == [int, int]
    return numbers and 1024 <= value[0] < value[1] <= 65535


NETWORK = table(
    {
        "ext_if": Setting(_INTERFACE, "the interface to the outside", ""),
        "int_if": Setting(_INTERFACE, "the interface to the inside network", ""),
        "int_ip": Setting(
            _exactly(ipaddress.IPv4Address, "an address such as 192.168.0.254"),
            "the address of the gateway on the inside",
            "",
        ),
        "int_net": Setting(
            _exactly(ipaddress.IPv4Network, "a network such as 192.168.0.0/24"),
            "the inside network, whose FTP goes through the proxy",
            "",
        ),
        "passive_ports": Setting(
            kind(
                "the first and the last port, from 1024 to 65535, such as [49152, 65535]",
                _is_range,
                {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            ),
            "the first and the last port for passive data connections",
            [49152, 65535],
        ),
        "proxy_port": Setting(
            _PORT, "where ftp-proxy listens and the packet filter sends to", 8021
        ),
        "session_timeout": Setting(
            number(1, 86400), "seconds without a word until ftp-proxy ends a session", 240
        ),
    }
)


def problems(network, path):
    """Return a line for all that is wrong with the network settings of a gateway with a proxy."""
    found = _check.problems(NETWORK, network, path)
    missing = [key for key in SIDES if isinstance(network, dict) and not network.get(key)]
    if missing:
        found.append(
            f"{path}: the FTP proxy needs {', '.join(missing)} "
            "(for a gateway without one: ftpgw:services:ftp-proxy:state: absent)"
        )
    return found or list(_contradictions(NETWORK.read(network), path))


def misplaced(network, interfaces, path):
    """
    Return a line for what this machine contradicts: the inside address is on another interface.

    network
        settings in which nothing is wrong by itself
    interfaces
        ``{name: [address, ...]}`` of this machine
    path
        the pillar path with which the lines begin
    """
    address, holders = network["int_ip"], _holders(network, interfaces)
    if not holders or network["int_if"] in holders:
        return []
    there = ", ".join(holders)
    return [f"{path}:int_if: {address} is on {there} of this machine, not {network['int_if']}"]


def missing(network, interfaces, path):
    """
    Return a line for each side that this machine has not, or has not yet; arguments as above.

    An address may come later, as may an interface that is made when somebody dials.
    """
    found = []
    if network["ext_if"] not in interfaces:
        found.append(
            f"{path}:ext_if: this machine has no interface {network['ext_if']} "
            f"(it has: {', '.join(sorted(interfaces))})"
        )
    if not _holders(network, interfaces):
        address = network["int_ip"]
        found.append(f"{path}:int_ip: no interface of this machine has the address {address}")
    return found


def _holders(network, interfaces):
    return [name for name, addresses in interfaces.items() if network["int_ip"] in addresses]


def _contradictions(network, path):
    inside = ipaddress.IPv4Network(network["int_net"])
    address = ipaddress.IPv4Address(network["int_ip"])
    first, last = network["passive_ports"]
    if network["ext_if"] == network["int_if"]:
        yield f"{path}:int_if: {network['int_if']} is ext_if too (a gateway has two sides)"
    if address not in inside:
        yield f"{path}:int_ip: {address} is not in int_net, {inside}"
    elif inside.prefixlen < 31 and address in (inside[0], inside[-1]):
        yield (
            f"{path}:int_ip: {address} is the first or the last address of {inside}, "
            "which no host has"
        )
    if first <= network["proxy_port"] <= last:
        yield f"{path}:proxy_port: {network['proxy_port']} is one of passive_ports"
