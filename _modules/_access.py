"""
From where each account may log in, as pam_access reads it: ``+:NAME NAME:NETWORK NETWORK``.

The first line that has both the account and the address of its client decides.  Whoever has a site
of his own inside the network of another one comes from his own alone, as in the rules.  Whom they
deny, tcpserver has not let connect.
"""

import itertools
import operator
import socket

HEAD = (
    "# From where the accounts of ftpgw:accounts may log in, by ftpgw; the others from everywhere."
)
# pam_access takes no line of more than 8191 bytes.
_MANY = 50


def text(origins, groups):
    """
    Return the text of its file.

    origins
        ``{account: [site]}`` of those that may not come from everywhere
    groups
        the blocks of the rules, as of `_sites.groups`
    """
    together = {}
    for name, sites in sorted(origins.items()):
        together.setdefault(tuple(sorted(set(sites))), []).append(name)
    rows = {sites: [*_rows(sites, groups), ("-", "ALL")] for sites in together}
    lines = [
        f"{sign}:{' '.join(some)}:{networks}"
        for sites, names in together.items()
        for some in _parts(names)
        for sign, networks in rows[sites]
    ]
    return "".join(f"{line}\n" for line in [HEAD, *lines, "+:ALL:ALL"])


def _rows(sites, groups):
    """Yield the signs and networks that are said of some sites, the smallest networks first."""
    allowed = [(site, blocks) for site, action, blocks in groups if action != "deny"]
    own = {key: block for site, blocks in allowed if site in sites for block, key in _keyed(blocks)}
    lengths = sorted({(family, length) for family, length, _ in own})
    others = {
        key: block
        for site, blocks in allowed
        if site not in sites
        for block, key in _keyed(blocks)
        if _is_inside(key, own, lengths)
    }
    said = [
        (-length, sign, block)
        for sign, blocks in (("-", others), ("+", own))
        for (_, length, _), block in blocks.items()
    ]
    for (_, sign), alike in itertools.groupby(sorted(said), operator.itemgetter(0, 1)):
        for some in _parts([block for *_, block in alike]):
            yield sign, " ".join(form for block in some for form in _forms(block))


def _keyed(blocks):
    """Yield each block with its family, the length of its prefix and that as a number."""
    for length, same_length in blocks.items():
        for block in same_length:
            address, _, said = block.partition("/")
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            packed = socket.inet_pton(family, address)
            bits = 8 * len(packed)
            length = int(said or bits)
            yield block, (family, length, int.from_bytes(packed, "big") >> bits - length)


def _is_inside(key, own, lengths):
    family, length, number = key
    return any(
        (family, shorter, number >> length - shorter) in own
        for other, shorter in lengths
        if other == family and shorter < length
    )


def _forms(block):
    """Return how a block may be written: an IPv4 client of a socket of IPv6 has the second form."""
    address, _, length = block.partition("/")
    return [block] if ":" in block else [block, f"::ffff:{address}/{96 + int(length or 32)}"]


def _parts(entries):
    return [entries[first : first + _MANY] for first in range(0, len(entries), _MANY)]
