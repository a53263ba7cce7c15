"""IPv6 as tcpserver can tell it: by texts, of which an address may have several."""

import ipaddress

import _cidr6
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

addresses = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


@given(addresses)
def test_an_address_is_spelled_in_one_way_that_is_an_address(address):
    spelled = _cidr6.spelling(str(address)) if not address.ipv4_mapped else str(address)
    assert ipaddress.IPv6Address(spelled) == address


@given(addresses)
def test_the_blocks_around_an_address_are_those_that_hold_it(address):
    around = _cidr6.around(str(address))
    assert list(around) == list(range(128, -1, -1))
    assert all(address in ipaddress.IPv6Network(block) for block in around.values())


@given(st.integers(0x20010000, 0x3FFFFFFF), st.integers(0, 2**32 - 1), st.integers(20, 64))
def test_one_of_its_rules_begins_every_address_of_a_block_and_no_other(high, low, length):
    """An address matches a rule that is a beginning of it and ends with a colon."""
    network = ipaddress.IPv6Network((high << 96 | low << 64, length), strict=False)
    try:
        block, _ = _cidr6.block(str(network))
    except SaltInvocationError:
        return
    rules = _cidr6.rules(block)
    inside = [network[0], network[-1], network[network.num_addresses // 3]]
    outside = [network[0] - 1, network[-1] + 1]
    for address in (*inside, *outside):
        spelled = _cidr6.spelling(str(address))
        assert any(spelled.startswith(rule) for rule in rules) == (address in network)


@pytest.mark.parametrize("entry", ["::ffff:9.9.9.9", "2001:db8::/33x", "2002::/64", "fe80::1%eth0"])
def test_what_tcpserver_cannot_tell_is_refused_in_one_line(entry):
    with pytest.raises(SaltInvocationError) as refused:
        _cidr6.block(entry)
    assert "\n" not in str(refused.value)
