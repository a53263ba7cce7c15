"""The two sides of a gateway, as pillar has them."""

import ipaddress

import _gatewaynet
import pytest
from hypothesis import given
from hypothesis import strategies as st

PATH = "ftpgw:network"

GOOD = {
    "ext_if": "xl0",
    "int_if": "xl1",
    "int_ip": "192.168.0.254",
    "int_net": "192.168.0.0/24",
    "passive_ports": [49152, 65535],
    "proxy_port": 8021,
    "session_timeout": 240,
}
NEEDS = ": the FTP proxy needs"
RANGE = ":passive_ports: expected the first and the last port, from 1024 to 65535, such as"
MISTAKES = [
    ({"int_iff": "xl1"}, ": unknown setting 'int_iff' (did you mean 'int_if'?)"),
    ({7: 8}, ": unknown setting 7 (known: ext_if, "),
    ({"int_if": ""}, f"{NEEDS} int_if (for a gateway without one: "),
    ({"int_if": "", "int_net": ""}, f"{NEEDS} int_if, int_net ("),
    ({"int_if": 1}, ":int_if: expected the name of an interface, got 1"),
    ({"int_if": ["xl1"]}, ":int_if: expected the name of an interface, got a list"),
    ({"int_if": "x" * 16}, ":int_if: expected the name of an interface"),
    ({"ext_if": 'xl0" accept'}, ":ext_if: expected the name of an interface"),
    ({"ext_if": "xl0\n"}, ":ext_if: expected the name of an interface, got 'xl0\\n'"),
    ({"ext_if": "xl1"}, ":int_if: xl1 is ext_if too"),
    ({"int_ip": "192.168.0"}, ":int_ip: expected an address such as"),
    ({"int_ip": "192.168.0.254/24"}, ":int_ip: expected an address such as"),
    ({"int_ip": 3232235774}, ":int_ip: expected an address such as"),
    ({"int_ip": "::1"}, ":int_ip: expected an address such as"),
    ({"int_ip": "10.0.0.1"}, ":int_ip: 10.0.0.1 is not in int_net, 192.168.0.0/24"),
    ({"int_ip": "192.168.0.0"}, ":int_ip: 192.168.0.0 is the first or the last address"),
    ({"int_ip": "192.168.0.255"}, ":int_ip: 192.168.0.255 is the first or the last address"),
    ({"int_net": "192.168.0.254/24"}, ":int_net: expected a network such as"),
    ({"int_net": "192.168.0.0/255.255.255.0"}, ":int_net: expected a network such as"),
    ({"int_net": "192.168.0.0"}, ":int_net: expected a network such as"),
    ({"int_net": ["192.168.0.0/24"]}, ":int_net: expected a network such as"),
    ({"int_net": {"192.168.0.0/24": 1}}, ":int_net: expected a network such as"),
    ({"passive_ports": "49152-65535"}, f"{RANGE} [49152, 65535], got '49152-65535'"),
    ({"passive_ports": [49152]}, RANGE),
    ({"passive_ports": ["1", "2"]}, RANGE),
    ({"passive_ports": [True, 65535]}, RANGE),
    ({"passive_ports": [65535, 49152]}, RANGE),
    ({"passive_ports": [1023, 2000]}, RANGE),
    ({"passive_ports": [2000, 65536]}, RANGE),
    ({"passive_ports": [8000, 9000]}, ":proxy_port: 8021 is one of passive_ports"),
    ({"proxy_port": "8021"}, ":proxy_port: expected a whole number from 1024 to 65535, got '8021'"),
    ({"proxy_port": 21}, ":proxy_port: expected a whole number from 1024 to 65535, got 21"),
    ({"session_timeout": 0}, ":session_timeout: expected a whole number from 1 to 86400, got 0"),
    ({"session_timeout": True}, ":session_timeout: expected a whole number from 1 to 86400, got t"),
    ({"session_timeout": "4m"}, ":session_timeout: expected a whole number from 1 to 86400, got '"),
]


def problems(mistake):
    return _gatewaynet.problems(GOOD | mistake, PATH)


def test_nothing_is_wrong_with_the_networks_of_the_page():
    assert problems({}) == []


@pytest.mark.parametrize(("mistake", "problem"), MISTAKES, ids=[problem for _, problem in MISTAKES])
def test_a_mistake_is_one_line(mistake, problem):
    """It begins with the pillar path of the setting."""
    [said] = problems(mistake)
    assert said.startswith(f"{PATH}{problem}")
    assert "\n" not in said


def test_two_mistakes_are_two_lines():
    """So that one run shows both."""
    said = problems({"int_ip": "here", "proxy_port": 0})
    assert [line.split(":")[2] for line in said] == ["int_ip", "proxy_port"]


anything = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, anything)) | anything)
def test_any_value_is_good_or_refused(network):
    """There is no third way, such as a traceback."""
    said = _gatewaynet.problems(network, PATH)
    assert said
    assert all(line.startswith(f"{PATH}:") for line in said)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_an_address_is_good_in_exactly_its_own_networks(number, length):
    """Whatever the prefix, unless the address names the network or everybody in it."""
    address = ipaddress.IPv4Address(number)
    network = ipaddress.IPv4Network((number, length), strict=False)
    said = problems({"int_ip": str(address), "int_net": str(network)})
    outside = length < 31 and address in (network[0], network[-1])
    assert bool(said) == outside


INSIDE = f"{PATH}:int_ip: no interface of this machine has the address 192.168.0.254"


@pytest.mark.parametrize(
    ("here", "misplaced", "missing"),
    [
        ({"xl0": [], "xl1": ["10.0.0.1", "192.168.0.254"]}, [], []),
        (
            {"xl0": [], "xl1": ["10.0.0.1"], "xl2": ["192.168.0.254"]},
            [f"{PATH}:int_if: 192.168.0.254 is on xl2 of this machine, not xl1"],
            [],
        ),
        ({"xl0": [], "xl1": ["10.0.0.1"]}, [], [INSIDE]),
        (
            {"xl9": [], "xl1": ["192.168.0.254"]},
            [],
            [f"{PATH}:ext_if: this machine has no interface xl0 (it has: xl1, xl9)"],
        ),
    ],
    ids=["in place", "another interface", "no interface", "no outside"],
)
def test_both_sides_are_where_the_settings_have_them(here, misplaced, missing):
    """Otherwise the packet filter would leave the inside network without FTP, and say nothing."""
    assert _gatewaynet.misplaced(GOOD, here, PATH) == misplaced
    assert _gatewaynet.missing(GOOD, here, PATH) == missing
