"""Who is banned: what the packet filter keeps in its sets, and how one is taken out."""

import json
import subprocess

from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program.
PROGRAM = 10
# What prints the table, as in ftpgw/platforms.
COMMAND = ["nft", "--json", "list", "table", "ip", "ftpgw"]
# The name of a set of banned addresses, before that of its rules.
BANNED = "banned-"


def read(command):
    """
    Return who is banned, ``{address, rules, seconds}`` of each: by which rules, and for how long.

    Of whom somebody has put there by hand, so that it has no end, ``seconds`` is None.

    command
        prints a table of nftables as JSON; where it fails there is none

    Source: libnftables-json(5), of nft 1.0.6.
    """
    found = [
        {"address": address, "rules": rules, "seconds": seconds}
        for rules, elements in _sets(command)
        for address, seconds in map(_element, elements)
    ]
    return sorted(found, key=lambda ban: (ban["rules"], ban["address"]))


def counts(command):
    """Return ``{rules: how many they ban}`` of those that ban at all, as of `read`."""
    return {rules: len(elements) for rules, elements in _sets(command)}


def _sets(command):
    """Yield the rules that ban, and what is in their sets."""
    done = _run(command)
    try:
        objects = [] if done.returncode else json.loads(done.stdout)["nftables"]
    except (ValueError, KeyError):
        raise CommandExecutionError(f"{command[0]} printed what nobody understands")
    for entry in objects:
        name = entry.get("set", {}).get("name", "")
        if name.startswith(BANNED):
            yield name.removeprefix(BANNED), entry["set"].get("elem", [])


def _element(element):
    """Return what an element of a set is, as text, and in how many seconds it ends, if it does."""
    element = element if isinstance(element, dict) else {"val": element}
    element = element.get("elem", element)
    value = element.get("val", element)
    return value if isinstance(value, str) else json.dumps(value), element.get("expires")


def lift(commands, ban):
    """
    Take one ban out of the filter, and what was counted until then.

    commands
        argument vectors, in which ``{rules}`` and ``{address}`` stand for those of a ban; each
        fails where there is nothing to take out
    """
    for command in commands:
        words = (word.replace("{rules}", ban["rules"]) for word in command)
        _run([word.replace("{address}", ban["address"]) for word in words])


def _run(command):
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROGRAM,
            check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "")
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{command[0]} did not end within {PROGRAM} s")
