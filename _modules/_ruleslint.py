"""The lines that tcprules accepts without a word, and that do not mean what they seem to."""

import re
from itertools import chain

import _cidr
import _rules
from salt.exceptions import SaltInvocationError

_PLAIN = re.compile(rf"({_rules.KEY.pattern}):(?:allow|deny)")


def lint(text, deaf=(), ipv6=False):
    """
    Return what is wrong with a ``.rules`` text although tcprules may accept it, in lines.

    deaf
        ``info`` and ``host``, if tcpserver is told not to ask for them (``-R``, ``-H``)
    ipv6
        whether the programs of this machine are those of ucspi-tcp-ipv6
    """
    problems = []
    first_lines = {}
    for number, line in enumerate(text.split("\n"), 1):
        keys = _keys(line, ipv6)
        found = [*_line(line, keys, deaf), *_late(number, keys, first_lines)]
        problems += [f"line {number}: '{line.rstrip()}' {problem}" for problem in found]
    if "" not in first_lines:
        problems.append("no last rule ':deny': whoever no rule names is admitted")
    return problems


def _keys(line, ipv6):
    """Return the keys that a line makes; None where tcprules refuses the line."""
    plain = _PLAIN.fullmatch(line)
    if plain:
        return [plain[1]]
    try:
        rule = _rules.line(line.encode(), ipv6)
        return [key.decode() for key in _rules.keys(rule[0])] if rule else []
    except SaltInvocationError:
        return None


def _line(line, keys, deaf):
    """Yield what is wrong with one line by itself."""
    if keys is None:
        yield f"is refused by tcprules{_refused(line)}"
    elif line.startswith("#") or ":" not in line:
        yield from _ignored(line)
    else:
        address, action = re.fullmatch("(.*?):((?:allow|deny).*)", line.rstrip(" \t")).groups()
        yield from _address(address, keys, action, deaf)
        if action.startswith("deny,"):
            yield "sets variables that a denied client never sees"


def _ignored(line):
    text = line.strip()
    if text.startswith("#") and not line.startswith("#"):
        yield "is ignored, but only for want of a colon (a comment begins in the first column)"
    elif text and not text.startswith("#"):
        yield f"is ignored: it has no colon{_meant(f'{text}:allow')}"


def _refused(line):
    if line.endswith("\r"):
        return " (the file has the line ends of DOS)"
    if line.lstrip().startswith("#"):
        return " (a comment begins in the first column)"
    address, _, action = line.partition(":")
    verdict = re.match(r"\s*(allow|deny)", action, re.I)
    if re.match(r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:", line):
        return " (it knows no IPv6)"
    meant = f"{address.strip()}:{verdict[1].lower()}" if verdict else line
    return "" if meant == line else _meant(meant)


def _address(address, keys, action, deaf):
    if "@" in address or "=" in address:
        yield from _named(address, action, deaf)
    elif ":" in address:
        yield from _ipv6(address, action)
    elif not keys:
        yield "has no addresses: its range ends before it begins"
    elif not all(map(_rules.KEY.fullmatch, keys)):
        yield f"never matches: {_reason(address)}{_meant(*_rewritten(address, action))}"
    elif re.search(r"(^|\.)-", address):
        meant = re.sub(r"(^|\.)-", r"\g<1>0-", address)
        yield f"has no number before the dash, which means 0{_meant(f'{meant}:{action}')}"
    elif any(int(high) > 255 for high in re.findall("-([0-9]+)", address)):
        meant = re.sub("-[0-9]+", "-255", address)
        yield f"ends at 255{_meant(f'{meant}:{action}')}"


def _named(address, action, deaf):
    if "@" in address and "info" in deaf:
        yield "never matches: tcpserver -R asks no ident server"
    if "=" in address and "host" in deaf:
        yield "never matches: tcpserver -H looks up no names"
    host = address.partition("=")[2]
    if host != host.lower():
        yield f"matches capital letters only{_meant(f'{address.lower()}:{action}')}"


def _ipv6(address, action):
    meant = _rewritten(address, action)
    if address.endswith(":") or f"{address}:{action}" in meant:
        return
    if re.fullmatch("([0-9a-f]{1,4}:){1,6}[0-9a-f]{1,4}", address):
        reason, meant = "a part of an address ends with a colon", [f"{address}::{action}"]
    elif meant:
        reason = "tcprules knows no CIDR notation" if "/" in address else "nobody spells it so"
    else:
        reason = _refusal(address)
    yield f"never matches: {reason}{_meant(*meant)}"


def _reason(address):
    """Say why no client has an address that begins so."""
    if address != address.strip():
        return "the blanks belong to the address"
    if "/" in address:
        return "tcprules knows no CIDR notation"
    if "-" in address:
        return "only one number of an address may be a range"
    if re.fullmatch(rf"{_rules.OCTET}(\.{_rules.OCTET}){{0,2}}", address):
        return "a part of an address ends with a dot"
    if re.fullmatch(rf"({_rules.OCTET}\.){{4}}", address):
        return "a whole address ends without a dot"
    if re.search(r"(^|\.)0[0-9]", address):
        return "tcpserver writes numbers without leading zeros"
    return "that is no IPv4 address"


def _rewritten(address, action):
    """Return the lines that the author may have meant."""
    plain = re.sub(r"(^|\.)0+(?=[0-9])", r"\1", address.strip())
    for guess in (plain, f"{plain}.", plain.rstrip(".")):
        if _rules.KEY.fullmatch(guess):
            return [f"{guess}:{action}"]
    if _refusal(plain):
        return []
    blocks = _cidr.blocks([plain])
    rules = chain.from_iterable(map(_cidr.rules, blocks.values()))
    return [f"{rule}:{action}" for rule in rules]


def _refusal(address):
    """Return why rules cannot be made for an address, or an empty text."""
    try:
        _cidr.blocks([address])
    except SaltInvocationError as error:
        return str(error)
    return ""


def _meant(*lines):
    return f" (did you mean '{' and '.join(lines)}'?)" if lines else ""


def _late(number, keys, first_lines):
    """Yield which earlier line always decides in place of this one."""
    lines = {first_lines.setdefault(key, number) for key in keys or ()}
    if lines and number not in lines:
        yield f"never decides: line {min(lines)} comes first"
