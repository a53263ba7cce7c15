"""From where each account may log in: the file, and what pam_access makes of it."""

import ipaddress

import _access
import _cidr
import pytest
from hypothesis import given
from hypothesis import strategies as st


def groups(**sites):
    """Return the blocks of sites, which a name with `_deny` keeps out."""
    return [
        (name.partition("_")[0], "deny" if "_deny" in name else "allow", _cidr.blocks(entries))
        for name, entries in sites.items()
    ]


def lets_in(text, name, address):
    """Decide as pam_access does: the first line of which both the name and the network fit."""
    client = ipaddress.ip_address(address)
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        sign, names, networks = line.split(":", 2)
        if names.lower() != "all" and name not in names.split():
            continue
        if networks == "ALL" or any(
            client in ipaddress.ip_network(network) for network in networks.split()
        ):
            return sign == "+"
    raise AssertionError("no line says it")


SITES = groups(
    lan=["192.168.0.0/24"],
    acme=["9.9.9.0/24", "2001:db8::/32"],
    guest=["9.9.9.64/26", "2001:db8:1::/48"],
    acme_deny=["9.9.9.13"],
    inner=["9.9.9.65"],
)


@pytest.mark.parametrize(
    ("sites", "address", "admitted"),
    [
        (["acme"], "9.9.9.9", True),
        (["acme"], "9.9.9.64", False),
        (["acme"], "192.168.0.1", False),
        (["acme"], "::ffff:9.9.9.9", True),
        (["acme"], "::ffff:9.9.9.64", False),
        (["acme"], "2001:db8::1", True),
        (["acme"], "2001:db8:1::1", False),
        (["guest"], "9.9.9.64", True),
        (["guest"], "9.9.9.65", False),
        (["guest"], "9.9.9.9", False),
        (["inner"], "9.9.9.65", True),
        (["inner"], "9.9.9.64", False),
        (["acme", "inner"], "9.9.9.65", True),
        (["acme", "inner"], "9.9.9.66", False),
        (["acme", "guest", "inner"], "9.9.9.65", True),
        (["lan", "acme"], "192.168.0.1", True),
        (["none of them"], "192.168.0.1", False),
    ],
)
def test_an_account_comes_from_its_sites_alone(sites, address, admitted):
    text = _access.text({"partner": sites}, SITES)
    assert lets_in(text, "partner", address) is admitted
    assert lets_in(text, "another", address) is True


BLOCK = st.builds(
    lambda number, length: str(ipaddress.ip_network((number, length), strict=False)),
    st.integers(0, 2**32 - 1).map(lambda number: number & 0xFF0000FF | 0x0900),
    st.integers(4, 32),
).map(lambda block: block.removesuffix("/32"))


@given(st.lists(st.tuples(st.sampled_from("abc"), BLOCK), max_size=12), st.data())
def test_the_site_of_an_address_is_that_of_the_rules(blocks, data):
    """Whatever lies inside of what: the longest prefix says whose an address is."""
    owners = {block: site for site, block in blocks}
    made = groups(**{s: [b for b, owner in owners.items() if owner == s] for s in "abc"})
    text = _access.text({"partner": ["a", "b"]}, made)
    for block in owners:
        network = ipaddress.ip_network(block)
        address = str(network[data.draw(st.integers(0, network.num_addresses - 1))])
        nearest = next(b for b in _cidr.around(address).values() if b in owners)
        assert lets_in(text, "partner", address) is (owners[nearest] in ("a", "b"))


def test_no_line_is_too_long_for_pam():
    """It passes over one of more than 8191 bytes, and over a deny like that as well."""
    names = {f"{'n' * 28}{number:04}": ["acme", "lan"] for number in range(300)}
    many = [f"203.113.{high}.{low}" for high in (100, 101) for low in range(256)]
    made = groups(acme=["203.113.0.0/16"], guest=many, lan=["10.0.0.0/8"])
    text = _access.text(names, made)
    assert max(map(len, text.splitlines())) < 8000
    assert lets_in(text, max(names), "203.113.101.255") is False
    assert lets_in(text, min(names), "203.113.102.1") is True


def test_without_limits_everybody_comes_from_everywhere():
    assert _access.text({}, []) == f"{_access.HEAD}\n+:ALL:ALL\n"
