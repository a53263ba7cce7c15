"""Who is banned: what the packet filter keeps in its sets, and how one is taken out."""

import json
import subprocess

from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program.
PROGRAM = 10
# The name of a set of banned addresses, before that of its rules.
BANNED = "banned-"


def read(command):
    """
    Return who is banned, ``{address, rules, seconds}`` of each: by which rules, and for how long.

    command
        prints a table of nftables as JSON; where it fails there is none

    Source: libnftables-json(5), of nft 1.0.6.
    """
    done = _run(command)
    if done.returncode:
        return []
    objects = json.loads(done.stdout)["nftables"]
    sets = [entry["set"] for entry in objects if "set" in entry]
    found = [
        {
            "address": element["elem"]["val"],
            "rules": entry["name"].removeprefix(BANNED),
            "seconds": element["elem"]["expires"],
        }
        for entry in sets
        if entry["name"].startswith(BANNED)
        for element in entry.get("elem", [])
    ]
    return sorted(found, key=lambda ban: (ban["rules"], ban["address"]))


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
