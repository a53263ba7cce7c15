"""
Addresses as people write them, and as tcprules wants them; those of IPv6 are left to _cidr6.

A block is a text in CIDR notation, a single address without its ``/32``.
"""

import ipaddress
import re
from socket import AF_INET, inet_ntoa, inet_pton

import _check
import _cidr6
from salt.exceptions import SaltInvocationError


def blocks(entries):
    """
    Return the blocks that addresses stand for, by the length of their prefix.

    entries
        texts such as ``9.9.9.9``, ``192.168.0.0/24`` or ``10.0.0.5-10.0.0.77``

    There are no duplicates, and the order is that of the entries; a range becomes the blocks that
    it is made of.  Raises SaltInvocationError, quoting the first text that is no address.
    """
    singles = {}
    found = {32: singles}
    for entry in entries:
        if ":" in entry:
            block, length = _cidr6.block(entry)
            found.setdefault(length, {})[block] = None
        elif "/" in entry or "-" in entry:
            for address, length in _networks(entry):
                found.setdefault(length, {})[_text(address, length)] = None
        else:
            _packed(entry)
            singles[entry] = None
    return {length: list(texts) for length, texts in found.items() if texts}


def rules(blocks):
    """
    Return the address part of the tcprules line for each block.

    Every IPv4 block is exactly one line: ``192.168.0.0/23`` becomes ``192.168.0-1.``, ``9.9.9.9``
    stays what it is, and ``0.0.0.0/0`` becomes the empty text. An IPv6 block may need several.
    """
    if ":" in "".join(blocks):
        return [rule for block in blocks for rule in _all_rules(block)]
    return [_rule(block) if "/" in block else block for block in blocks]


def keys(blocks):
    """Return how many keys tcprules makes of the rules for blocks of the same prefix length."""
    rules = [len(_all_rules(block)) for block in blocks if ":" in block]
    others = len(blocks) - len(rules)
    # A prefix that ends within an octet is a key for every value that the octet may have.
    return sum(rules) + (others and others << -_length(blocks[0]) % 8)


def around(address):
    """Return the blocks that hold an address, by the length of their prefix, longest first."""
    if ":" in address:
        return _cidr6.around(address)
    number = _number(address)
    return {length: _text(_cut(number, length), length) for length in range(32, -1, -1)}


def address(entry):
    """
    Return a single address as tcpserver spells it.

    Raises SaltInvocationError for anything else, a network for example.
    """
    text = str(entry)
    if ":" in text:
        return _cidr6.spelling(text)
    if "/" in text or "-" in text:
        raise SaltInvocationError(f"{_check.got(text)} is not a single address")
    _packed(text)
    return text


def between(low, high):
    """Return the shortest text for the addresses from one number to another."""
    free = (high - low).bit_length()
    if high - low + 1 == 1 << free and not low % (1 << free):
        return _text(low, 32 - free)
    return f"{_text(low, 32)}-{_text(high, 32)}"


def _all_rules(block):
    return _cidr6.rules(block) if ":" in block else rules([block])


def _length(block):
    return int(block.partition("/")[2] or 32)


def _rule(block):
    address, _, length = block.partition("/")
    full, bits = divmod(int(length), 8)
    octets = address.split(".")
    head = "".join(f"{octet}." for octet in octets[:full])
    if not bits:
        return head
    last = int(octets[full]) + 2 ** (8 - bits) - 1
    return f"{head}{octets[full]}-{last}" + ("." if full < 3 else "")


def _networks(entry):
    """Return the first address and the prefix length of every block of a network or a range."""
    return [_network(entry)] if "/" in entry else _range(entry)


def _network(entry):
    address, _, length = entry.partition("/")
    if not re.fullmatch("[0-9]|[12][0-9]|3[0-2]", length):
        raise SaltInvocationError(
            f"{_check.got(entry)} has no prefix length from 0 to 32{_hint(entry)}"
        )
    number, length = _number(address), int(length)
    network = _cut(number, length)
    if network != number:
        meant = _text(network, length)
        raise SaltInvocationError(f"{entry!r} has host bits set (did you mean '{meant}'?)")
    return network, length


def _range(entry):
    low, high = (_number(end.strip()) for end in entry.split("-", 1))
    if low > high:
        raise SaltInvocationError(f"{_check.got(entry)} ends before it begins")
    ends = map(ipaddress.IPv4Address, (low, high))
    networks = ipaddress.summarize_address_range(*ends)
    return [(int(network.network_address), network.prefixlen) for network in networks]


def _cut(number, length):
    return number >> 32 - length << 32 - length


def _text(number, length):
    return inet_ntoa(number.to_bytes(4, "big")) + (f"/{length}" if length < 32 else "")


def _number(entry):
    return int.from_bytes(_packed(entry), "big")


def _packed(entry):
    # inet_pton takes exactly four decimal numbers without leading zeros, and takes them fast.
    try:
        return inet_pton(AF_INET, entry)
    except (OSError, ValueError):
        raise SaltInvocationError(f"{_check.got(entry)} is not an IPv4 address{_hint(entry)}")


def _hint(entry):
    if re.fullmatch(r"([0-9]{1,3}\.){1,3}", entry):
        octets = entry[:-1].split(".")
        network = ".".join([*octets, "0", "0", "0"][:4])
        return f" (did you mean '{network}/{8 * len(octets)}'?)"
    plain = re.sub(r"\b0+(?=[0-9])", "", entry)
    return f" (did you mean {_check.got(plain)}?)" if plain != entry else ""
