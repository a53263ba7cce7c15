"""
The text of a ``.rules`` file, read exactly as ``tcprules`` reads it: a line at a time, in bytes.

Where it says `ipv6`, it is whether the programs of this machine are those of ucspi-tcp-ipv6.
"""

import re
import string

from salt.exceptions import SaltInvocationError

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# What tcpserver looks up for clients with an IPv4 address.
KEY = re.compile(rf"(?:{OCTET}\.){{0,3}}|(?:{OCTET}\.){{3}}{OCTET}")

# Whatever character stands on both sides of a value is its quote: those that are seen best first.
QUOTES = "\"'|/!%^~_" + string.punctuation + string.digits + string.ascii_letters

# The tcprules of ucspi-tcp-ipv6 takes the address to end where the verdict begins.
_IPV6_RULE = re.compile(rb"([0-9A-Fa-f.]*:[0-9A-Fa-f:./]*):(?=allow|deny)")


def line(raw, ipv6=False):
    """
    Return the address and the data that tcprules takes from one line, in bytes.

    None for a line that tcprules passes over: a comment, a blank line, or any other line without a
    colon.  Raises SaltInvocationError, in the words of tcprules, for a line that it refuses.
    """
    raw = raw if isinstance(raw, bytes) else raw.encode()
    if raw.startswith(b"#"):
        return None
    raw = raw.rstrip(b" \t\n")
    colons = _IPV6_RULE.match(raw) if ipv6 else None
    if colons:
        address, action = colons[1], raw[colons.end() :]
    elif b":" in raw:
        address, _, action = raw.partition(b":")
    else:
        return None
    for verdict, data in ((b"deny", b"D\0"), (b"allow", b"")):
        if action.startswith(verdict):
            return address, data + _variables(action[len(verdict) :], raw)
    raise _refused(raw)


def keys(address):
    """
    Return the keys under which tcprules stores the rule of an address, in bytes.

    An address with a dash, as in ``10.0.0.1-3``, is one key for each number; any other is a key as
    it stands.  Raises SaltInvocationError where there is no number on a side of the dash.
    """
    address = address if isinstance(address, bytes) else address.encode()
    before, dash, after = address.partition(b"-")
    if not dash or b"=" in address or b"@" in address:
        return [address]
    head, low = re.fullmatch(rb"(.*\.|)([^.]*)", before, re.S).groups()
    high, tail = re.fullmatch(rb"([^.]*)(.*)", after, re.S).groups()
    numbers = range(_number(low, address), min(_number(high, address), 255) + 1)
    return [b"%s%d%s" % (head, number, tail) for number in numbers]


def records(text, ipv6=False):
    """
    Yield the records that tcprules makes of a text, ``(key, data)`` in bytes, in their order.

    Raises SaltInvocationError for the first line that tcprules refuses.
    """
    text = text if isinstance(text, bytes) else text.encode()
    for raw in text.split(b"\n"):
        rule = line(raw, ipv6)
        if rule:
            for key in keys(rule[0]):
                yield key, rule[1]


def keys_for(ip, host=None, info=None):
    """
    Return the keys that tcpserver looks up for a client, in its order (rules.c).

    host, info
        its name and what its ident server says, where tcpserver asks for them
    """
    keys = [ip, *(ip[: dot.end()] for dot in reversed([*re.finditer("[.:]", ip)]))]
    if host is not None:
        host = str(host)
        keys.insert(1, f"={host}")
        keys += [f"={host[dot.start() :]}" for dot in re.finditer("[.]", host)] + ["="]
    if info is not None:
        keys[:0] = [f"{info}@{ip}"] + ([] if host is None else [f"{info}@={host}"])
    return [*keys, ""]


def action(verdict, env):
    """
    Return what follows the colon of a rule: a verdict, and the variables that it sets.

    Raises SaltInvocationError for a value in which every possible quote occurs.
    """
    return _action(verdict, env.items())


def quote(value):
    """Return a character that can quote the value of a variable, or None if it has them all."""
    return next((character for character in QUOTES if character not in value), None)


def meaning(data):
    """Return the verdict and the variables that tcpserver takes from the data of a record."""
    verdict, variables = _fields(data)
    return verdict, dict(variables)


def dump(records):
    """Return the lines of which tcprules would make just the records of a cdb."""
    return [
        f"{_literal(key.decode(errors='replace'))}:{_action(*_fields(data))}"
        for key, data in records
    ]


def _literal(key):
    """Return the address that makes one key: a dash in it must not become a range."""
    if "-" not in key or "=" in key or "@" in key:
        return key
    # tcprules counts at the first dash only, and there from a number to itself.
    return re.sub(rf"((?:^|\.)({OCTET}))(?=\.)", r"\1-\2", key, count=1)


def _fields(data):
    """Return the verdict, and the variables in their order, which may have one name."""
    fields = data.decode(errors="replace").split("\0")
    variables = [field[1:].partition("=")[::2] for field in fields if field.startswith("+")]
    return "deny" if any(field.startswith("D") for field in fields) else "allow", variables


def _action(verdict, variables):
    return verdict + "".join(f",{name}={_quoted(value)}" for name, value in variables)


def _variables(rest, raw):
    data = b""
    while rest:
        # Whatever character follows the equals sign is the quote.
        variable = re.match(rb",([^=]*=)(.)(.*?)\2", rest, re.S)
        if not variable:
            raise _refused(raw)
        data += b"+" + variable[1] + variable[3] + b"\0"
        rest = rest[variable.end() :]
    return data


def _quoted(value):
    character = quote(value)
    if not character:
        raise SaltInvocationError(f"no quote is left for {value!r}")
    return f"{character}{value}{character}"


def _number(digits, address):
    # No digits at all are 0, as in C.
    if digits and not re.fullmatch(rb"[0-9]+", digits):
        raise _refused(address)
    return int(digits or 0)


def _refused(raw):
    return SaltInvocationError(f"unable to parse this line: {raw.decode(errors='replace').strip()}")
