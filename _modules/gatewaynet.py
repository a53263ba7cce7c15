"""
The two networks of a gateway, and the ports that FTP uses between them.
"""

import difflib
import ipaddress
import re

from salt.exceptions import SaltInvocationError

# if_nametoindex(3): a name has at most IFNAMSIZ - 1 characters, which is 15.
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")


def settings(settings, pillar="ftpgw:network"):
    """
    Check the networks of a gateway.

    settings
        ``ext_if`` and ``int_if``: the interfaces to the outside and to the inside; ``int_ip``: the
        address of this gateway on the inside; ``int_net``: the inside network in CIDR notation;
        ``passive_ports``: the first and the last port for passive data connections;
        ``proxy_port``: the port of the FTP proxy; ``session_timeout``: seconds without a word
        after which a proxied session ends.

    pillar
        The pillar path with which errors begin.

    Returns the settings.  Raises SaltInvocationError with one line for each that is missing or
    wrong, and for settings that contradict each other.

    CLI Example:

    .. code-block:: bash

        salt gw1 gatewaynet.settings '{ext_if: xl0, int_if: xl1, int_ip: 192.168.0.254,
            int_net: 192.168.0.0/24, passive_ports: [49152, 65535], proxy_port: 8021,
            session_timeout: 240}'
    """
    problems = list(_unknown(settings)) or list(_missing(settings)) or list(_malformed(settings))
    problems = problems or list(_contradictions(settings))
    if problems:
        raise SaltInvocationError("\n".join(f"{pillar}{problem}" for problem in problems))
    return settings


def misplaced(settings, pillar="ftpgw:network"):
    """
    Say why the inside of this gateway is not where the settings have it.

    settings
        What ``gatewaynet.settings`` returns.

    pillar
        The pillar path with which the answer begins.

    Returns one line, or an empty text if the inside address is on the inside interface.

    CLI Example:

    .. code-block:: bash

        salt gw1 gatewaynet.misplaced '{int_if: xl1, int_ip: 192.168.0.254}'
    """
    wanted, address = settings["int_if"], settings["int_ip"]
    # Grains are as old as the minion: enough to say yes, but only the machine itself may say no.
    if address in __grains__.get("ip4_interfaces", {}).get(wanted, []):
        return ""
    holders = [
        name
        for name, interface in __salt__["network.interfaces"]().items()
        if address in (entry.get("address") for entry in interface.get("inet", []))
    ]
    if wanted in holders:
        return ""
    if holders:
        return (
            f"{pillar}:int_if: {address} is on {', '.join(holders)} of this machine, not {wanted}"
        )
    return f"{pillar}:int_ip: no interface of this machine has the address {address}"


def _unknown(settings):
    for key in settings:
        if key not in CHECKS:
            close = difflib.get_close_matches(str(key), CHECKS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(CHECKS)}"
            yield f": unknown setting {key!r} ({hint})"


def _missing(settings):
    missing = [key for key in CHECKS if settings.get(key) in (None, "")]
    if missing:
        yield (
            f": the FTP proxy needs {', '.join(missing)} "
            "(for a gateway without one: ftpgw:services:ftp-proxy:state: absent)"
        )


def _malformed(settings):
    for key, check in CHECKS.items():
        problem = check(settings[key])
        if problem:
            yield f":{key}: {problem}"


def _interface(value):
    if not isinstance(value, str) or not INTERFACE.fullmatch(value):
        return f"expected the name of an interface, got {value!r}"
    return ""


def _address(value):
    return _exactly(ipaddress.IPv4Address, value, "an address such as 192.168.0.254")


def _network(value):
    return _exactly(ipaddress.IPv4Network, value, "a network such as 192.168.0.0/24")


def _exactly(kind, value, what):
    """Only the text that the address itself would print: filters and tcprules read it too."""
    try:
        good = isinstance(value, str) and str(kind(value)) == value
    except ValueError:
        good = False
    return "" if good else f"expected {what}, got {value!r}"


def _ports(value):
    if not isinstance(value, list) or [type(port) for port in value] != [int, int]:
        return f"expected the first and the last port such as [49152, 65535], got {value!r}"
    if not 1024 <= value[0] < value[1] <= 65535:
        return f"expected two ports from 1024 to 65535, the lower one first, got {value!r}"
    return ""


def _number(low, high):
    def check(value):
        if type(value) is int and low <= value <= high:
            return ""
        return f"expected a number from {low} to {high}, got {value!r}"

    return check


CHECKS = {
    "ext_if": _interface,
    "int_if": _interface,
    "int_ip": _address,
    "int_net": _network,
    "passive_ports": _ports,
    "proxy_port": _number(1024, 65535),
    "session_timeout": _number(1, 86400),
}


def _contradictions(settings):
    network = ipaddress.IPv4Network(settings["int_net"])
    address = ipaddress.IPv4Address(settings["int_ip"])
    first, last = settings["passive_ports"]
    if settings["ext_if"] == settings["int_if"]:
        yield f":int_if: {settings['int_if']} is ext_if too (a gateway has two sides)"
    if address not in network:
        yield f":int_ip: {address} is not in int_net, {network}"
    elif network.prefixlen < 31 and address in (network[0], network[-1]):
        yield f":int_ip: {address} is the first or the last address of {network}, which no host has"
    if first <= settings["proxy_port"] <= last:
        yield f":proxy_port: {settings['proxy_port']} is one of passive_ports"
