"""
IPv4 addresses as people write them, and as tcprules wants them.

A block (a network in CIDR notation) is one integer: the number of its free bits, times 2^32, plus
its first address. Such integers sort longest prefix first and then by address, and a million of
them are parsed, compared and sorted without an object for each.
"""

import re
from bisect import bisect_left
from socket import AF_INET, inet_ntoa, inet_pton

from salt.exceptions import SaltInvocationError


def blocks(entries):
    """
    Return the blocks that a list of addresses stands for.

    entries
        A list of texts such as ``9.9.9.9``, ``192.168.0.0/24`` or ``10.0.0.5-10.0.0.77``.

    Returns a sorted list of integers without duplicates, longest prefix first.

    Raises SaltInvocationError, quoting the first text that is no address.

    CLI Example:

    .. code-block:: bash

        salt gw1 cidr.blocks '["192.168.0.0/24", "9.9.9.9"]'
    """
    found = {_address(entry) for entry in entries if "/" not in entry and "-" not in entry}
    for entry in entries:
        if "/" in entry:
            found.add(_network(entry))
        elif "-" in entry:
            found.update(_range(entry))
    return sorted(found)


def rules(sorted_blocks):
    """
    Return the address part of the tcprules line for each block.

    sorted_blocks
        A list as ``cidr.blocks`` returns it.

    Every block is exactly one line: ``192.168.0.0/23`` becomes ``192.168.0-1.``, and
    ``0.0.0.0/0`` the empty text.

    CLI Example:

    .. code-block:: bash

        salt gw1 cidr.rules '[38654705664]'
    """
    networks = bisect_left(sorted_blocks, 1 << 32)
    singles = [inet_ntoa(block.to_bytes(4, "big")) for block in sorted_blocks[:networks]]
    return singles + [_rule(block) for block in sorted_blocks[networks:]]


def text(block):
    """
    Return a block in CIDR notation, a single address without its ``/32``.

    block
        An integer as in the list that ``cidr.blocks`` returns.

    CLI Example:

    .. code-block:: bash

        salt gw1 cidr.text 38654705664
    """
    free, address = divmod(block, 1 << 32)
    return dotted(address) + (f"/{32 - free}" if free else "")


def dotted(address):
    """
    Return the dotted quad of an address.

    address
        An integer from 0 to 2^32 - 1.

    CLI Example:

    .. code-block:: bash

        salt gw1 cidr.dotted 151587081
    """
    return inet_ntoa(address.to_bytes(4, "big"))


def _rule(block):
    free, address = divmod(block, 1 << 32)
    full, bits = divmod(32 - free, 8)
    octets = list(address.to_bytes(4, "big"))
    head = "".join(f"{octet}." for octet in octets[:full])
    if not bits:
        return head
    low, high = octets[full], octets[full] + 2 ** (8 - bits) - 1
    return f"{head}{low}-{high}" + ("." if full < 3 else "")


def _address(entry):
    # inet_pton takes exactly four decimal numbers without leading zeros, at C speed.
    try:
        return int.from_bytes(inet_pton(AF_INET, entry), "big")
    except (OSError, ValueError):
        raise SaltInvocationError(f"'{entry}' is not an IPv4 address{_hint(entry)}")


def _network(entry):
    dotted_quad, _, length = entry.partition("/")
    if not re.fullmatch("[0-9]|[12][0-9]|3[0-2]", length):
        raise SaltInvocationError(f"'{entry}' has no prefix length from 0 to 32{_hint(entry)}")
    free = 32 - int(length)
    address = _address(dotted_quad)
    network = address >> free << free
    if network != address:
        raise SaltInvocationError(
            f"'{entry}' has host bits set (did you mean '{dotted(network)}/{length}'?)"
        )
    return (free << 32) + network


def _range(entry):
    low, high = (_address(end.strip()) for end in entry.split("-", 1))
    if low > high:
        raise SaltInvocationError(f"'{entry}' ends before it begins")
    while low <= high:
        # The largest block that begins at low and does not pass high.
        free = min((low & -low or 1 << 32).bit_length(), (high - low + 1).bit_length()) - 1
        yield (free << 32) + low
        low += 1 << free


def _hint(entry):
    if ":" in entry:
        return " (IPv6 needs a tcpserver that speaks it)"
    if re.fullmatch(r"([0-9]{1,3}\.){1,3}", entry):
        octets = entry[:-1].split(".")
        network = ".".join([*octets, "0", "0", "0"][:4])
        return f" (did you mean '{network}/{8 * len(octets)}'?)"
    plain = re.sub(r"\b0+(?=[0-9])", "", entry)
    return f" (did you mean '{plain}'?)" if plain != entry else ""
