"""Addresses as people write them, held against Python's ipaddress."""

import ipaddress

import _cidr as cidr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

addresses = st.integers(0, 2**32 - 1)
networks = st.builds(
    lambda address, length: ipaddress.ip_network((address, length), strict=False),
    addresses,
    st.integers(0, 32),
)


def flat(blocks):
    return [block for same_length in blocks.values() for block in same_length]


@given(networks)
def test_a_network_is_one_block_and_stays_what_it_is(network):
    text = str(network.network_address) if network.prefixlen == 32 else str(network)
    assert cidr.blocks([str(network)]) == {network.prefixlen: [text]}


@given(addresses, addresses)
def test_a_range_is_the_blocks_that_ipaddress_makes_of_it(one, other):
    low, high = map(ipaddress.ip_address, sorted((one, other)))
    found = flat(cidr.blocks([f"{low}-{high}"]))
    wanted = ipaddress.summarize_address_range(low, high)
    assert sorted(map(ipaddress.ip_network, found)) == sorted(wanted)


@given(networks)
def test_the_blocks_around_an_address_are_those_that_hold_it(network):
    around = cidr.around(str(network.broadcast_address))
    assert list(around) == list(range(32, -1, -1))
    assert ipaddress.ip_network(around[network.prefixlen]) == network


@given(addresses, addresses)
def test_between_two_addresses_is_a_block_where_it_can_be_one(one, other):
    low, high = map(ipaddress.ip_address, sorted((one, other)))
    text = cidr.between(int(low), int(high))
    blocks = list(ipaddress.summarize_address_range(low, high))
    wanted = str(blocks[0]).removesuffix("/32") if len(blocks) == 1 else f"{low}-{high}"
    assert text == wanted


def test_duplicates_count_once_and_the_order_is_that_of_the_list():
    entries = ["9.9.9.9", "1.1.1.1", "9.9.9.9/32", "1.1.1.1", "10.0.0.0/8"]
    assert cidr.blocks(entries) == {32: ["9.9.9.9", "1.1.1.1"], 8: ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("9.9.9.0/24", "9.9.9."),
        ("9.9.9.0/25", "9.9.9.0-127"),
        ("9.9.9.254/31", "9.9.9.254-255"),
        ("192.168.0.0/23", "192.168.0-1."),
        ("172.16.0.0/12", "172.16-31."),
        ("10.0.0.0/8", "10."),
        ("128.0.0.0/1", "128-255."),
        ("0.0.0.0/0", ""),
    ],
)
def test_every_block_is_one_rule(block, rule):
    assert cidr.rules([block]) == [rule]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("10.0.0.1/24", "host bits set (did you mean '10.0.0.0/24'?)"),
        ("192.168.0.", "not an IPv4 address (did you mean '192.168.0.0/24'?)"),
        ("010.0.0.1", "not an IPv4 address (did you mean '10.0.0.1'?)"),
        ("10.0.0.00", "(did you mean '10.0.0.0'?)"),
        ("::1/48", "not an IPv6 network"),
        ("10.0.0.0/33", "no prefix length from 0 to 32"),
        ("10.0.0.0/08", "no prefix length"),
        ("10.0.0.0/", "no prefix length"),
        ("10.0.0.0/255.0.0.0", "no prefix length"),
        ("10.0.0.9-10.0.0.3", "ends before it begins"),
        ("10.0.0.9-", "'' is not an IPv4 address"),
        ("10.0.0.1-3", "'3' is not an IPv4 address"),
        ("1.2.3.4-1.2.3.5-1.2.3.6", "is not an IPv4 address"),
        ("256.1.1.1", "'256.1.1.1' is not an IPv4 address"),
        ("1.2.3", "'1.2.3' is not an IPv4 address"),
        ("1.2.3.4 ", "'1.2.3.4 ' is not an IPv4 address"),
        ("1.2.3.4\n", "is not an IPv4 address"),
        ("1.2.3.4\0", "is not an IPv4 address"),
        ("ftp.example.com", "'ftp.example.com' is not an IPv4 address"),
        ("\u0661.1.1.1", "is not an IPv4 address"),
        ("", "'' is not an IPv4 address"),
    ],
)
def test_what_is_no_address_is_quoted_and_often_guessed(entry, words):
    with pytest.raises(SaltInvocationError) as refused:
        cidr.blocks(["9.9.9.9", entry])
    assert words in str(refused.value)


@given(st.text(alphabet="0123456789./- ", max_size=20))
def test_only_what_ipaddress_takes_is_taken(entry):
    try:
        found = flat(cidr.blocks([entry]))
    except SaltInvocationError:
        return
    low, _, high = entry.partition("-")
    if high:
        ends = map(ipaddress.ip_address, (low.strip(), high.strip()))
        assert sorted(map(ipaddress.ip_network, found)) == sorted(
            ipaddress.summarize_address_range(*ends)
        )
    else:
        assert list(map(ipaddress.ip_network, found)) == [ipaddress.ip_network(entry)]
