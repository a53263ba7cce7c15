"""IPv6: refused without a tcpserver that speaks it, and right with the one of ucspi-tcp-ipv6."""

import ipaddress
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import _cidr6
import _rulefiles
import pytest

DEBS = Path(sys.prefix).parent / "debs"
PATH = "ftpgw:rules:ftp"
SITES = {
    "lab": {"allow": ["2001:db8:1::/48", "2001:db8:2:0::/64"], "deny": ["2001:db8:1:7::/64"]},
    "bob": {"allow": ["2001:db8::7", "2001:db8:0:0:1:0:0:9"], "env": {"SITE": "bob"}},
    "lan": {"allow": ["192.168.0.0/24"]},
}


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The programs of Debian's ucspi-tcp-ipv6, unpacked and not installed."""
    directory = tmp_path_factory.mktemp("ucspi-tcp-ipv6")
    found = sorted(DEBS.glob("ucspi-tcp-ipv6_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", "ucspi-tcp-ipv6"], cwd=directory, check=True)
        found = list(directory.glob("*.deb"))
    subprocess.run(["dpkg", "-x", found[0], directory], check=True)
    return directory / "usr" / "bin"


@pytest.fixture
def ipv6(package, monkeypatch):
    monkeypatch.setenv("PATH", str(package), prepend=":")


@pytest.fixture
def name(tmp_path):
    return str(tmp_path / "rules" / "ftp.cdb")


@pytest.fixture
def managed(minion, name):
    def managed(sites, test=False, **settings):
        return minion.apply(
            "tcprules.managed",
            test=test,
            name=name,
            settings={"sites": sites, **settings},
            path=PATH,
        )

    return managed


def tcprulescheck(cdb, address):
    said = subprocess.run(
        ["tcprulescheck", cdb], env={**os.environ, "TCPREMOTEIP": address}, capture_output=True
    ).stdout
    return said.decode().split("\n")[-2].removesuffix(" connection")


def test_without_such_a_tcpserver_it_is_refused_by_the_name_of_its_setting(minion, managed):
    refused = managed({"bob": {"allow": ["9.9.9.9", "2001:db8::7"]}})
    assert refused["result"] is False
    assert refused["comment"] == (
        f"{PATH}:sites:bob:allow: '2001:db8::7' is IPv6, which the tcpserver of this machine does"
        " not speak (that of ucspi-tcp-ipv6 does)"
    )
    (minion.root / "six.txt").write_text("9.9.9.9\n2001:db8::/32\n")
    refused = managed({"bob": {"allow_from": "salt://six.txt"}})
    assert refused["comment"].startswith(
        f"{PATH}:sites:bob:allow_from: salt://six.txt line 2: '2001:db8::/32' is IPv6"
    )


def test_with_it_both_kinds_of_addresses_are_rules(minion, ipv6, managed, name):
    expect = {"allow": ["2001:db8:1::1", "2001:0db8::0007", "192.168.0.1"], "deny": ["::1"]}
    foretold = managed(SITES, test=True, expect=expect)
    done = managed(SITES, expect=expect)
    assert (done["result"], done["changes"]) == (True, foretold["changes"])
    assert managed(SITES, expect=expect)["changes"] == {}
    check = minion.functions["tcprules.check"]
    answers = {
        "2001:db8:1:5::1": ("allow", "2001:db8:1::allow", "lab"),
        "2001:db8:1:7::1": ("deny", "2001:db8:1:7::deny", "lab"),
        "2001:db8:2::1": ("allow", "2001:db8:2:::allow", "lab"),
        "2001:db8:2:1::1": ("deny", ":deny", "default"),
        "2001:DB8:0::7": ("allow", '2001:db8::7:allow,SITE="bob"', "bob"),
        "192.168.0.7": ("allow", "192.168.0.:allow", "lan"),
    }
    for address, answer in answers.items():
        found = check(name, address)
        assert (found["verdict"], found["rule"], found["site"]) == answer
    assert minion.functions["tcprules.lint"](name) == []


def test_changes_name_the_rules_whose_verdict_changes(ipv6, managed):
    managed(SITES)
    sites = {**SITES, "lab": {"allow": ["2001:db8:1::/48", "2001:db8:3::/48"]}}
    assert managed(sites)["changes"] == {
        "lab": {
            "deny -> allow": ["2001:db8:1:7:", "2001:db8:3:"],
            "allow -> deny": ["2001:db8:2:0:", "2001:db8:2::"],
        }
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("2001:db8::/64", "cannot be told from other networks by tcpserver"),
        ("2001:db8:0:1::/64", "cannot be told from other networks by tcpserver"),
        ("2001:db8:7::", "cannot be told from other networks by tcpserver"),
        ("2001:db8:7::/127", "cannot be told from other networks by tcpserver"),
        ("2001:db8:1::1/48", "has host bits set"),
        ("2001:db8::/129", "is not an IPv6 network"),
        ("2001:db8:::1", "is not an IPv6 network"),
        ("fe80::1%eth0", "is not an IPv6 network"),
        ("2001:db8::1-2001:db8::7", "is not an IPv6 network"),
        ("::ffff:10.0.0.1", "is an IPv4 address in disguise"),
        ("::/0", "::/0 is everyone"),
    ],
)
def test_what_cannot_be_said_is_refused(ipv6, managed, entry, message):
    refused = managed({"bob": {"allow": [entry]}})
    assert refused["result"] is False
    assert refused["comment"].startswith(f"{PATH}:sites:bob:allow: ")
    assert message in refused["comment"]


def random_network(dice):
    """Return a network that rules can say, with many zeros in it and behind it."""
    length = dice.choice([3, 16, 31, 32, 44, 47, 48, 56, 60, 64, 112, 126, 127, 128])
    groups = [0x2001, *(dice.choice([0, 1, 0xDB8]) for _ in range(7))]
    certain = slice(1, (length - 1) // 16) if length <= 112 else slice(6, 7)
    groups[certain] = [group or 0xA for group in groups[certain]]
    address = ":".join(f"{group:x}" for group in groups)
    return ipaddress.ip_network(f"{address}/{length}", strict=False)


@pytest.mark.parametrize("seed", range(12))
def test_every_address_gets_the_verdict_of_the_longest_prefix(minion, ipv6, managed, name, seed):
    dice = random.Random(seed)
    rules = {random_network(dice): dice.choice(["allow", "deny"]) for _ in range(9)}
    sites = {
        verdict: {verdict: [str(network) for network in rules if rules[network] == verdict]}
        for verdict in ("allow", "deny")
    }
    sites["lan"] = SITES["lan"]
    done = managed(sites)
    assert done["result"] is True, done["comment"]
    spell = _cidr6.spelling
    ends = {int(end) for network in rules for end in (network[0], network[-1])}
    inner = {end ^ (1 << dice.randrange(128)) for end in ends for _ in range(3)}
    for number in ends | inner | {end + step for end in ends for step in (-1, 1)}:
        address = ipaddress.IPv6Address(number)
        holding = [network for network in rules if address in network]
        wanted = rules[max(holding, key=lambda n: n.prefixlen)] if holding else "deny"
        assert minion.functions["tcprules.check"](name, str(address))["verdict"] == wanted
        assert tcprulescheck(name, spell(str(address))) == wanted, address


CONNECT = """
import json, socket, subprocess, sys
program, cdb, *addresses = sys.argv[1:]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for address in addresses:
    subprocess.run(["ip", "-6", "addr", "replace", f"{address}/128", "dev", "lo"], check=True)
server = subprocess.Popen(
    [program, "-1", "-RH", "-l0", "-x", cdb, "0", "0", "printenv", "TCPREMOTEIP"],
    stdout=subprocess.PIPE,
)
port = int(server.stdout.readline())
said = {}
for address in addresses:
    with socket.create_connection(("::1", port), 10, (address, 0)) as client:
        said[address] = client.recv(100).decode().strip()
server.kill()
print(json.dumps(said))
"""


def test_a_real_tcpserver_spells_addresses_as_we_do_and_admits_those_we_allow(
    minion, ipv6, package, managed, name
):
    admitted = ["2001:db8:1:0:2:3:4:5", "2001:db8:1:1::", "2001:db8:1:2:3:4:0:0"]
    admitted += ["2001:db8::7"]
    refused = ["2001:db8:1:7::1", "2001:db8:2:1::1", "fd00::1", "2001:db8::8"]
    spelled = ["2001:db8:1:0:1:0:2:0", "2001:db8:1:5:0:1:0:0", "2001:db8:1:0:1:0:2:3"]
    assert managed(SITES)["result"] is True
    command = ["unshare", "-n", sys.executable, "-c", CONNECT]
    done = subprocess.run(
        [*command, package / "tcpserver", name, *admitted, *refused, *spelled],
        stdout=subprocess.PIPE,
        check=True,
    )
    spell = _cidr6.spelling
    wanted = {address: spell(address) for address in admitted + spelled}
    assert json.loads(done.stdout) == {**wanted, **dict.fromkeys(refused, "")}


def test_its_tcprules_that_loops_for_ever_is_ended(minion, ipv6, name, managed, monkeypatch):
    assert managed(SITES)["result"] is True
    with open(name, "rb") as cdb:
        before = cdb.read()
    with open(name.replace(".cdb", ".rules"), "w") as rules:
        rules.write("9.9.9.9\n")
    monkeypatch.setattr(_rulefiles, "_TIME_LIMIT", 0.5)
    failed = minion.apply("tcprules.compiled", name=name)
    assert failed["result"] is False
    assert failed["comment"] == f"{name}: tcprules took more than 0.5 s (the old rules stand)"
    with open(name, "rb") as cdb:
        assert cdb.read() == before
