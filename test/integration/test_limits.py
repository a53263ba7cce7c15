"""What one address may take of the server and of the proxy, with clients of several addresses."""

import contextlib
import json
import pathlib
import re
import socket
import struct
import subprocess
import time

import outside
import pytest
from clients import GATEWAY, LAN, NEIGHBOUR, OUTSIDE, PARTNER, SURFER, Client, on

# Not among those of `expect: allow`, as the neighbour is not.
OTHER = Client("wan", "203.0.113.2", OUTSIDE)
ABROAD = Client("lan", "192.168.0.11", "203.0.113.2")
# Seconds, on a machine that has much else to do.
PATIENCE = 120
FTP = "ftpgw packet filter diverts FTP"


@pytest.fixture
def limits(gateway, pillar):
    """Give the rules of the server, or others, limits; one site more is let in."""

    def give(given, rules="ftp", sls="ftpgw.firewall"):
        with pillar() as ftpgw:
            sites = ftpgw["rules"]["ftp"]["sites"]
            sites["other"] = {"allow": [OTHER.source]}
            ftpgw["rules"].setdefault(rules, {})["limits"] = given
        gateway.apply("ftpgw.rules")
        return gateway.apply(sls)

    return give


def greeted(client):
    return client.greeting().startswith(b"220")


def refused(client):
    """Whether somebody gets no connection, or one that is reset at once."""
    try:
        return client.greeting() == b""
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def soon(true):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it did not come true within {PATIENCE} s"
        time.sleep(0.2)


def crowd(stack, client, count):
    """Have so many connections of one client, each of them greeted."""
    for _ in range(count):
        peer = stack.enter_context(client.connect(client.server, client.port))
        assert peer.recv(3) == b"220"


def banish(client):
    """Connect until that is refused: the third or, where time passes, a later one."""
    soon(lambda: refused(client))
    with pytest.raises(ConnectionRefusedError):
        client.greeting()


def test_nobody_has_all_places_of_the_server(gateway, limits):
    """Two thirds of them, and one more when one of these has ended; others are served."""
    limits({})
    with contextlib.ExitStack() as stack:
        crowd(stack, NEIGHBOUR, 19)
        with pytest.raises(ConnectionRefusedError):
            NEIGHBOUR.greeting()
        assert greeted(OTHER)
        assert greeted(PARTNER)
    soon(lambda: not refused(NEIGHBOUR))


def test_whoever_is_expected_to_get_in_has_no_limit(limits):
    """Nor has anybody of a site that pillar excepts."""
    limits({"per_client": 2, "never": ["other"]})
    for client in (PARTNER, LAN, OTHER):
        with contextlib.ExitStack() as stack:
            crowd(stack, client, 4)
    with contextlib.ExitStack() as stack:
        crowd(stack, NEIGHBOUR, 2)
        assert refused(NEIGHBOUR)


def test_clients_of_the_proxy_have_limits_of_their_own(limits):
    with outside.servers(), contextlib.ExitStack() as stack:
        limits({"per_client": 2}, "ftp-proxy")
        crowd(stack, ABROAD, 2)
        assert refused(ABROAD)
        assert greeted(SURFER)
        assert greeted(NEIGHBOUR)


def test_a_client_on_the_gateway_itself_has_none(limits):
    """As whoever asks after its health."""
    limits({"per_client": 1, "new": "1/hour"})
    with contextlib.ExitStack() as stack:
        for server in ("127.0.0.1", GATEWAY, GATEWAY):
            peer = stack.enter_context(socket.create_connection((server, 21), 10))
            assert peer.recv(3) == b"220"


def test_who_comes_too_often_is_banned_until_somebody_says_otherwise(gateway, limits):
    """Sessions go on, nobody else is hurt, and what is in force counts as what was loaded."""
    limits({"new": "3/hour", "ban": "1h"})
    with NEIGHBOUR.session() as before:
        banish(NEIGHBOUR)
        before.voidcmd("NOOP")
        for client in (OTHER, PARTNER, LAN):
            assert greeted(client)
        [ban] = gateway.call("ftpgw.banned")
        assert (ban["address"], ban["rules"]) == (NEIGHBOUR.source, "ftp")
        assert 0 < ban["seconds"] <= 3600
        assert 'ftpgw_bans{rules="ftp"} 1\n' in gateway.call("ftpgw.metrics")
        assert not gateway.changed(gateway.apply("ftpgw.firewall"))
        assert not [line for line in problems(gateway) if "packet filter" in line]
        assert gateway.call("ftpgw.unban", NEIGHBOUR.source) == ["ftp"]
    assert greeted(NEIGHBOUR)
    assert gateway.call("ftpgw.banned") == []
    done = gateway.salt_call("ftpgw.unban", NEIGHBOUR.source)
    assert done.returncode
    assert f"{NEIGHBOUR.source}: is not banned" in done.stdout + done.stderr


def problems(gateway):
    answer = gateway.salt_call("--out=json", "ftpgw.health", "greeting=False").stdout
    return json.loads(answer)["local"]["problems"]


def test_a_ban_ends_by_itself(limits):
    limits({"new": "3/minute", "ban": "30s"})
    banish(NEIGHBOUR)
    soon(lambda: not refused(NEIGHBOUR))


def test_without_a_ban_only_what_is_too_much_is_refused(limits):
    """The next one that the rate allows is served."""
    limits({"new": "6/minute"})
    soon(lambda: refused(NEIGHBOUR))
    soon(lambda: not refused(NEIGHBOUR))


def test_what_anybody_could_send_in_the_name_of_another_bans_nobody(gateway, limits):
    """A first packet; who it is from, only the second one proves."""
    limits({"new": "3/hour", "ban": "1h"})
    with on("lan"):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for port in [*range(40000, 40005), *[40000] * 5]:
            raw.sendto(syn(NEIGHBOUR.source, GATEWAY, port), (GATEWAY, 0))
    assert greeted(NEIGHBOUR)
    assert gateway.call("ftpgw.banned") == []


def syn(client, server, port):
    """Return the packet that begins a connection to port 21."""
    source, target = socket.inet_aton(client), socket.inet_aton(server)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    tcp = struct.pack("!HHIIBBHHH", port, 21, 1, 0, 5 << 4, 0x02, 1024, 0, 0)
    pseudo = struct.pack("!4s4sHH", source, target, socket.IPPROTO_TCP, len(tcp))
    total = sum(struct.unpack(f"!{len(pseudo + tcp) // 2}H", pseudo + tcp))
    total = (total & 0xFFFF) + (total >> 16)
    return ip + tcp[:16] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + tcp[18:]


def test_new_rules_of_the_filter_end_bans_and_say_so(gateway, limits, pillar):
    """With test=True as well; and with the filter every ban goes."""
    limits({"new": "3/hour", "ban": "1h"})
    banish(NEIGHBOUR)
    with pillar() as ftpgw:
        ftpgw["rules"]["ftp"]["limits"] = {"new": "4/hour", "ban": "1h"}
    foretold = gateway.apply("ftpgw.firewall", test=True)[FTP]["changes"]
    done = gateway.apply("ftpgw.firewall")[FTP]["changes"]
    assert done == foretold
    assert done["bans"] == {"ended": [NEIGHBOUR.source]}
    assert greeted(NEIGHBOUR)
    banish(NEIGHBOUR)
    gateway.apply("ftpgw.nofilter")
    assert gateway.call("ftpgw.banned") == []
    assert greeted(NEIGHBOUR)
    assert "ftpgw" not in subprocess.check_output(["nft", "list", "ruleset"], text=True)


def test_a_filter_of_somebody_else_is_told_what_it_needs(gateway, pillar):
    with pillar() as ftpgw:
        ftpgw["rules"]["ftp"]["limits"] = {"new": "20/minute", "ban": "10m"}
        ftpgw["firewall"] = {"manage": False}
    done = gateway.apply("ftpgw.firewall")["ftpgw leaves the packet filter alone"]
    assert "limit rate over 20/minute burst 20 packets" in done["comment"]


def test_limits_can_be_switched_off(gateway, limits):
    limits(False)
    assert "clients-ftp-proxy" in pathlib.Path("/etc/nftables.d/ftpgw.nft").read_text()
    with contextlib.ExitStack() as stack:
        crowd(stack, NEIGHBOUR, 25)


def test_why_answers_the_question_of_the_telephone(gateway, limits):
    """Of whoever gets in, is denied, by a rule or in a hurry, is at the limit, or is banned."""
    limits({"per_client": 2, "new": "3/hour", "ban": "1h"})

    def answers(address):
        return [line for line in gateway.call("ftpgw.why", address).splitlines() if ": " in line]

    with PARTNER.session():
        told = answers("9.9.9.9")
    assert told[0] == "ftp-proxy: no, by :deny of default"
    mine = told[told.index("open-ftpd: yes, by 9.9.9.:allow of acme") :]
    assert "  connections: 1 of any number; places: 1 of 29; not banned" in mine
    assert "  passive ports: 49152-65535" in mine
    assert any(line.startswith("  session since ") and " partner " in line for line in mine)
    assert any(re.match(r"  last log-in: .* partner$", line) for line in mine)
    assert any(line.startswith("  log: ") and ":9.9.9.9:" in line for line in mine)
    assert "open-ftpd: no, by 9.9.9.13:deny of acme" in answers("9.9.9.13")
    with contextlib.ExitStack() as stack:
        crowd(stack, NEIGHBOUR, 2)
        told = answers(NEIGHBOUR.source)
    assert "open-ftpd: no, it has the 2 connections that one address may have" in told
    assert "  connections: 2 of 2; places: 2 of 29; not banned" in told
    assert "ftp-proxy: yes, by 192.168.0.:allow of inside" in told
    banish(NEIGHBOUR)
    told = answers(NEIGHBOUR.source)
    assert [line for line in told if re.match(r"open-ftpd: no, banned for \d+[hm] \(", line)]
    gateway.call("tcprules.deny", "ftp", "9.9.9.9", "until=1h")
    told = answers("9.9.9.9")
    assert "open-ftpd: no, by 9.9.9.9:deny of denied in a hurry, by tcprules.deny" in told
    assert any("9.9.9.9 is denied until " in line for line in told)
    gateway.call("tcprules.release", "ftp")
