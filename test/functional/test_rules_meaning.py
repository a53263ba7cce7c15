"""What rules mean: for any sites, every address gets the verdict of the longest prefix.

Two judges: Python's ipaddress says what the sites mean, the real tcprulescheck says what the cdb
means. Both are asked at every boundary of every block.
"""

import ipaddress
import random
import subprocess
from functools import cache

import _rules
import _tcpcdb
import pytest

SEEDS = range(40)
PROBES = 2600
ASKED = 2500
EVERYONE = ipaddress.ip_network("0.0.0.0/0")


def entry(dice, base):
    """Return an address, a network or a range near a base, so that many nest and overlap."""
    address = base ^ dice.getrandbits(dice.choice([2, 6, 9, 14, 20, 26, 32]))
    kind = dice.random()
    if kind < 0.3:
        return str(ipaddress.ip_address(address))
    if kind < 0.8:
        length = dice.choice([1, 7, 8, 9, 12, 15, 16, 17, 21, 23, 24, 25, 28, 30, 31, 32])
        return str(ipaddress.ip_network((address, length), strict=False))
    other = min(address + dice.getrandbits(dice.choice([3, 9, 17])), 2**32 - 1)
    return f"{ipaddress.ip_address(address)}-{ipaddress.ip_address(other)}"


@cache
def networks(text):
    low, _, high = text.partition("-")
    if not high:
        return (ipaddress.ip_network(text),)
    ends = map(ipaddress.ip_address, (low, high))
    return tuple(ipaddress.summarize_address_range(*ends))


def random_sites(dice):
    """Return settings of sites, and the rule of each network in them."""
    sites, rules = {}, {}
    base = dice.getrandbits(32)
    for number in range(dice.randrange(1, 9)):
        site = {"allow": [], "deny": [], "env": {"SITE": f"s{number}"}}
        for _ in range(dice.randrange(1, 12)):
            text, verdict = entry(dice, base), dice.choice(["allow", "deny"])
            if not rules.keys() & networks(text):
                env = site["env"] if verdict == "allow" else {}
                rules.update(dict.fromkeys(networks(text), (verdict, env)))
                site[verdict].append(text)
        sites[f"s{number}"] = site
    sites["one"] = {"allow": ["255.255.255.255"]}
    rules.setdefault(ipaddress.ip_network("255.255.255.255"), ("allow", {}))
    return sites, {EVERYONE: ("deny", {}), **rules}


def boundaries(rules):
    ends = {int(end) for network in rules for end in (network[0], network[-1])}
    near = {end + step for end in ends for step in (-1, 0, 1)}
    return sorted(number for number in near if 0 <= number < 2**32)


def longest_prefix(rules):
    """Return what decides for an address: the rule of the smallest network that holds it."""
    by_mask = {}
    for network, rule in rules.items():
        by_mask.setdefault(int(network.netmask), {})[int(network.network_address)] = rule
    masks = sorted(by_mask, reverse=True)
    return lambda number: next(
        by_mask[mask][number & mask] for mask in masks if number & mask in by_mask[mask]
    )


def ask_tcprulescheck(cdb, addresses):
    """Return what the real tcprulescheck says of each address."""
    loop = 'while read ip; do TCPREMOTEIP=$ip tcprulescheck "$0"; done'
    said = subprocess.run(
        ["sh", "-c", loop, cdb],
        input="".join(f"{address}\n" for address in addresses),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    answers = said.split(" connection\n")[:-1]
    return [
        (answer.split("\n")[-1], "set environment variable SITE=" in answer) for answer in answers
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_address_gets_the_verdict_of_the_longest_prefix(minion, tmp_path, seed):
    dice = random.Random(seed)
    first, keys_for = _tcpcdb.first, _rules.keys_for
    name = str(tmp_path / "ftp.cdb")
    probes = asked = 0
    while probes < PROBES:
        sites, rules = random_sites(dice)
        done = minion.apply("tcprules.managed", name=name, settings={"sites": sites})
        if not done["result"]:
            raise AssertionError(done["comment"])
        decide = longest_prefix(rules)
        numbers = boundaries(rules) + [dice.getrandbits(32) for _ in range(20)]
        addresses = [str(ipaddress.ip_address(number)) for number in numbers]
        for number, address in zip(numbers, addresses, strict=True):
            found = _rules.meaning(first(name, keys_for(address))[1])
            assert found == decide(number), address
        probes += len(numbers)
        some = addresses[: max(0, ASKED - asked)]
        wanted = [(verdict, bool(env)) for verdict, env in map(decide, numbers)]
        assert ask_tcprulescheck(name, some) == wanted[: len(some)]
        asked += len(some)
    assert asked == ASKED


def test_the_probes_are_a_hundred_thousand():
    assert len(SEEDS) * PROBES >= 100_000
    assert len(SEEDS) * ASKED >= 100_000
