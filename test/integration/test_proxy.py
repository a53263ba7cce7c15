"""Outbound FTP through ftp-proxy, and the gateway's own FTP past it, with real clients."""

import concurrent.futures
import contextlib
import ftplib
import pathlib
import socket
import struct
import subprocess
import time

import outside
import pytest
from clients import (
    GATEWAY,
    LAN,
    NEIGHBOUR,
    PARTNER,
    STRANGER,
    SURFER,
    Client,
    download,
    download_while,
    on,
    plant,
    steal,
    upload,
)
from diversion import EXCEPTION, RULES, edited, reload, usual_proxy
from printed import plain, shown

PAYLOAD = bytes(range(256)) * 5000
INETD_PID = pathlib.Path("/var/run/inetd.pid")
# Seconds for which the kernel keeps a silent connection in mind.
KEPT = pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
BOOT = pathlib.Path("/etc/nftables.conf")
PROXY_LOG = pathlib.Path("/var/multilog/ftp-proxy/current")
FTPD_LOG = pathlib.Path("/var/multilog/open-ftpd/current")
SHOW = ["nft", "--stateless", "--terse", "list", "table", "ip", "ftpgw"]
ABROAD = [SURFER, Client("lan", "192.168.0.10", "9.9.9.9")]
# The gateway's own server, by its inside and by its outside address.
AT_HOME = [LAN, Client("lan", "192.168.0.10", "203.0.113.1")]


@pytest.fixture(autouse=True, scope="module")
def _servers(gateway):
    with outside.servers():
        yield


WITHOUT_EXCEPTION = {EXCEPTION: ""}


def table():
    """Return our rules as they are in force, nothing if there are none."""
    return subprocess.run(SHOW, capture_output=True, text=True, check=False).stdout


@contextlib.contextmanager
def new_lines(log):
    """Collect what is written to a log meanwhile, after what belongs to an earlier session."""
    size, lines = quiet(log), []
    yield lines
    quiet(log)
    lines += log.read_text()[size:].splitlines()


def quiet(log):
    """Wait until nothing has been written for half a second, and return the size."""
    size, since = log.stat().st_size, time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        if log.stat().st_size != size:
            size, since = log.stat().st_size, time.monotonic()
    return size


@pytest.mark.parametrize("client", ABROAD, ids=lambda client: client.server)
@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_a_lan_client_transfers_through_the_proxy(client, passive):
    """It says nothing of a proxy, and what was uploaded comes back the same."""
    with client.session(passive=passive) as ftp:
        upload(ftp, "abroad.bin", PAYLOAD)
        assert "abroad.bin" in ftp.nlst()
        assert download(ftp, "abroad.bin") == PAYLOAD
    assert " from 203.0.113.1" in outside.LOG.read_text()
    assert "192.168.0.10" not in outside.LOG.read_text()


@pytest.mark.parametrize("client", ABROAD, ids=lambda client: client.server)
def test_curl_and_lftp_transfer_through_the_proxy(client):
    """With EPSV and without, passive and active."""
    with client.session() as ftp:
        upload(ftp, "abroad.bin", PAYLOAD)
    for options in ((), ("--disable-epsv",), ("--ftp-port", "-")):
        assert client.curl("abroad.bin", *options) == PAYLOAD
    for mode in ("on", "off"):
        assert b"abroad.bin" in client.lftp(f"set ftp:passive-mode {mode}; cls -1")


def test_the_log_names_client_server_and_file():
    """The proxy's own lines are in its multilog, and no password is."""
    with new_lines(PROXY_LOG) as lines, SURFER.session() as ftp:
        upload(ftp, "logged.bin", b"logged")
    log = "\n".join(lines)
    assert "'USER partner' dest 203.0.113.2:21 from 192.168.0.10" in log
    assert "'STOR logged.bin' from 192.168.0.10" in log
    assert "spirits" not in log


def test_the_proxy_has_no_privileges():
    """Each session is a process of an account that owns nothing."""
    with SURFER.session():
        names = subprocess.run(
            ["ps", "-o", "user=", "-C", "ftp-proxy"], capture_output=True, text=True, check=True
        )
    assert set(names.stdout.split()) == {"ftpproxy"}


@pytest.mark.parametrize("client", AT_HOME, ids=["inside address", "outside address"])
def test_the_own_server_is_reached_directly(client):
    """ftpd sees the client's own address, and the proxy nothing."""
    with new_lines(FTPD_LOG) as at_home, new_lines(PROXY_LOG) as proxied, client.session() as ftp:
        upload(ftp, "home.bin", PAYLOAD)
        assert download(ftp, "home.bin") == PAYLOAD
    assert any(" from 192.168.0.10" in line for line in at_home)
    assert not any("127.0.0.1" in line for line in at_home)
    assert not any(" from " in line for line in proxied)


def test_the_own_server_judges_lan_clients_by_their_own_rule(gateway, pillar):
    """Denied at home, a client is still free to go elsewhere."""
    with pillar() as ftpgw:
        ftpgw["rules"]["ftp"]["sites"]["lan"] = {"deny": ["192.168.0.0/24"]}
        del ftpgw["rules"]["ftp"]["expect"]
    gateway.apply("ftpgw.rules")
    assert [client.greeting() for client in AT_HOME] == [b"", b""]
    assert SURFER.greeting().startswith(b"220")


@pytest.mark.parametrize("client", AT_HOME, ids=["inside address", "outside address"])
def test_without_the_exception_the_own_server_is_lost(client):
    """The proxy finds no destination outside, and ours leads nowhere."""
    with edited(WITHOUT_EXCEPTION), pytest.raises((EOFError, ftplib.Error)):
        client.session()


def test_without_the_exception_a_usual_proxy_bypasses_the_rules(gateway, pillar):
    """The loop of the page: denied by address, the client gets in, and is 127.0.0.1 to ftpd."""
    with pillar() as ftpgw:
        ftpgw["rules"]["ftp"]["sites"]["lan"] = {"deny": ["192.168.0.0/24"]}
        del ftpgw["rules"]["ftp"]["expect"]
    gateway.apply("ftpgw.rules")
    with usual_proxy(), edited(WITHOUT_EXCEPTION), new_lines(FTPD_LOG) as lines:
        for client in AT_HOME:
            with client.session() as ftp:
                assert ftp.pwd() == "/"
    assert sum(" from 127.0.0.1" in line for line in lines) == 2
    told = {plain(line.partition(" ")[2]) for line in lines if " ok " in line}
    assert told == {shown("docs/firewall.md", "tcpserver: ok")}
    assert not any("192.168.0.10" in line for line in lines)


@pytest.mark.parametrize("address", [GATEWAY, "203.0.113.1"])
def test_nobody_outside_can_use_the_proxy(address):
    """Not by the inside address, and at the outside one nobody listens."""
    with pytest.raises(ConnectionRefusedError):
        Client("wan", "203.0.113.2", address, 8021).greeting()


# Outside, the server itself among them, and inside; by the proxy's address and by the server's.
THIEVES = [
    Client("wan", "198.51.100.7", GATEWAY),
    Client("wan", "203.0.113.2", GATEWAY),
    NEIGHBOUR,
    Client("lan", "192.168.0.11", "203.0.113.2"),
]


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("thief", THIEVES, ids=lambda thief: f"{thief} to {thief.server}")
def test_a_data_port_of_the_proxy_is_open_to_its_client_alone(thief, busy):
    """Not even to a neighbour that has a session with the same server; the client is served."""
    with contextlib.ExitStack() as stack:
        ftp = stack.enter_context(SURFER.session())
        if busy:
            own = stack.enter_context(Client("lan", "192.168.0.11", "203.0.113.2").session())
            own.sendcmd("PASV")
        upload(ftp, "secret.bin", b"secret")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, thief, "secret.bin")
        with pytest.raises(ConnectionRefusedError):
            plant(ftp, thief, "secret.bin", b"planted")
        assert download(ftp, "secret.bin") == b"secret"


@pytest.mark.parametrize("user", ["partner", "partner@9.9.9.9", "partner@127.0.0.1:21"])
def test_straight_to_the_proxy_leads_nowhere(user):
    """A LAN client cannot name a destination: only the packet filter can."""
    with new_lines(FTPD_LOG) as at_home, pytest.raises((EOFError, ftplib.Error)):
        Client("lan", "192.168.0.10", GATEWAY, 8021).session(user)
    assert not at_home


def test_a_session_transfers_again_after_a_long_transfer():
    """The control connection was silent; the kernel keeps it in mind for longer than the proxy."""
    with SURFER.session() as ftp:
        upload(ftp, "long.bin", PAYLOAD)
        with ftp.transfercmd("RETR long.bin") as data:
            while data.recv(1 << 16):
                time.sleep(0.1)
        ftp.voidresp()
        assert download(ftp, "long.bin") == PAYLOAD
    assert int(KEPT.read_text()) > 240


def test_nobody_can_fill_what_the_filter_remembers():
    """Packets of seventy thousand sessions that never were leave the others their transfers."""
    with on("lan"):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for number in range(70000):
            server = bytes([203, 1, number >> 8 & 255, number & 255])
            client = bytes([192, 168, 0, 20 + (number >> 16)])
            raw.sendto(bare_ack(client, server), (socket.inet_ntoa(server), 0))
    # Two hosts that had no session before.
    with Client("lan", "192.168.0.11", "9.9.9.9").session() as ftp:
        upload(ftp, "filled.bin", PAYLOAD)
        assert download(ftp, "filled.bin") == PAYLOAD


def bare_ack(client, server):
    """Return a packet to port 21 as from the middle of a session."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, client, server)
    tcp = struct.pack("!HHIIBBHHH", 40000, 21, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
    pseudo = struct.pack("!4s4sHH", client, server, socket.IPPROTO_TCP, len(tcp))
    total = sum(struct.unpack(f"!{len(pseudo + tcp) // 2}H", pseudo + tcp))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return ip + tcp[:16] + struct.pack("!H", checksum) + tcp[18:]


def test_loading_the_rules_cuts_no_transfer_through_the_proxy():
    """What was on its way arrives, and so does what follows."""
    with SURFER.session() as ftp:
        upload(ftp, "long.bin", PAYLOAD)
        assert download_while(ftp, "long.bin", reload) == PAYLOAD
        assert download(ftp, "long.bin") == PAYLOAD


def test_passive_ports_are_those_of_the_setting():
    """Of our own server and of the proxy alike."""
    for client in (LAN, SURFER):
        with client.session() as ftp:
            host, port = ftplib.parse227(ftp.sendcmd("PASV"))
            assert host == client.server
            assert 49152 <= port <= 65535


def test_fifty_clients_at_once():
    """Each of them passive, each with a port of its own."""

    def transfer(number):
        with SURFER.session() as ftp:
            upload(ftp, f"crowd-{number}.bin", PAYLOAD)
            return download(ftp, f"crowd-{number}.bin") == PAYLOAD

    with concurrent.futures.ThreadPoolExecutor(50) as crowd:
        assert all(crowd.map(transfer, range(50)))


def test_ninety_one_sessions_are_held_and_the_next_one_waits():
    """It is served when one of them ends; nobody could hold all of them alone."""
    both = [SURFER, Client("lan", "192.168.0.11", "203.0.113.2")]
    with contextlib.ExitStack() as sessions:
        held = [sessions.enter_context(both[n % 2].session()) for n in range(91)]
        with on("lan"):
            waiting = socket.create_connection(("203.0.113.2", 21), 10)
        with waiting:
            waiting.settimeout(0.5)
            with pytest.raises(TimeoutError):
                waiting.recv(100)
            held[45].quit()
            waiting.settimeout(10)
            assert waiting.recv(100).startswith(b"220")
        assert all(ftp.voidcmd("NOOP").startswith("200") for ftp in held[:45] + held[46:])


def test_rules_that_are_gone_come_back(gateway):
    """After somebody's flush; with test=True that is said."""
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert gateway.changed(gateway.apply("ftpgw.firewall", test=True)) == {
        "ftpgw packet filter guards data",
        "ftpgw packet filter diverts FTP",
    }
    gateway.apply("ftpgw.firewall")
    assert SURFER.greeting().startswith(b"220")
    assert not gateway.changed(gateway.apply("ftpgw.firewall"))


def test_a_boot_brings_the_rules_back(gateway):
    """The system's own file includes ours: what it flushes, it loads."""
    before = table()
    subprocess.run(["nft", "delete", "table", "ip", "ftpgw"], check=True)
    subprocess.run(["nft", "-f", BOOT], check=True)
    assert table() == before
    assert not gateway.changed(gateway.apply("ftpgw.firewall"))


def test_the_filter_goes_and_others_stay(gateway):
    """Tables and lines of others are as before."""
    subprocess.run(["nft", "add", "table", "ip", "theirs"], check=True)
    BOOT.write_text(BOOT.read_text() + "# theirs\n")
    gateway.apply("ftpgw.nofilter")
    assert not table()
    assert not RULES.exists()
    assert "ftpgw" not in BOOT.read_text()
    subprocess.run(["nft", "list", "table", "ip", "theirs"], check=True, capture_output=True)
    assert "# theirs\n" in BOOT.read_text()
    subprocess.run(["nft", "-f", BOOT], check=True)
    assert not gateway.changed(gateway.apply("ftpgw.nofilter"))
    gateway.apply("ftpgw.firewall")
    assert SURFER.greeting().startswith(b"220")


def test_hands_off_the_filter(gateway, pillar):
    """With manage: false nothing is touched, and what would be needed is printed."""
    before = RULES.stat().st_mtime_ns, BOOT.stat().st_mtime_ns
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    with pillar() as ftpgw:
        ftpgw["firewall"] = {"manage": False}
    done = gateway.apply("ftpgw.firewall")
    assert not gateway.changed(done)
    assert "redirect to :8021" in done["ftpgw leaves the packet filter alone"]["comment"]
    assert not table()
    assert before == (RULES.stat().st_mtime_ns, BOOT.stat().st_mtime_ns)


def put(key, value):
    """Return an edit of a network setting."""
    return lambda ftpgw: ftpgw["network"].update({key: value})


MISTAKES = [
    (lambda ftpgw: ftpgw.pop("network"), "ftpgw:network: the FTP proxy needs ext_if, int_if, "),
    (lambda ftpgw: ftpgw.update(network="int0"), "ftpgw:network: expected a mapping"),
    (lambda ftpgw: ftpgw.update(firewall={"mange": 1}), "ftpgw:firewall: unknown setting 'mange'"),
    (lambda ftpgw: ftpgw.update(firewall={"manage": "full"}), "ftpgw:firewall:manage: expected in"),
    (put("int_net", "' }"), "ftpgw:network:int_net: expected a network"),
    (put("int_if", "int1"), "ftpgw:network:int_if: 192.168.0.254 is on int0 of this machine"),
    (put(3, "x"), "ftpgw:network: unknown setting 3 ("),
    (put("passive_ports", 5), "ftpgw:network:passive_ports: expected the first and the last port"),
]


@pytest.mark.parametrize(("edit", "problem"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_about_networks_is_one_line(gateway, mistaken, edit, problem):
    """Nothing is touched before it is told."""
    before = table()
    with mistaken() as ftpgw:
        edit(ftpgw)
    failed = [s for s in gateway.apply(check=False).values() if s["result"] is False]
    assert [state["comment"][: len(problem)] for state in failed] == [problem]
    assert "\n" not in failed[0]["comment"]
    assert table() == before
    assert SURFER.greeting().startswith(b"220")


def test_a_server_without_a_proxy_needs_no_network(gateway, pillar):
    """The proxy, its rules and the diversion go; the own server stays, and what guards its data."""
    with pillar() as ftpgw:
        del ftpgw["network"]
        ftpgw["services"] = {"ftp-proxy": {"state": "absent"}}
    predicted = gateway.changed(gateway.apply(test=True))
    assert gateway.changed(gateway.apply()) == predicted
    assert "redirect" not in table()
    assert not pathlib.Path("/etc/tcprules/ftp-proxy.cdb").exists()
    assert not pathlib.Path("/var/svc.d/ftp-proxy").exists()
    with PARTNER.session() as ftp:
        upload(ftp, "secret.bin", b"secret")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, STRANGER, "secret.bin")
        assert download(ftp, "secret.bin") == b"secret"
    assert not gateway.changed(gateway.apply())
    with pillar() as ftpgw:
        ftpgw["firewall"] = {"manage": False}
    done = gateway.apply("ftpgw.firewall")["ftpgw leaves the packet filter alone"]
    assert 'ct helper set "ftp"' in done["comment"]


def test_a_proxy_without_a_server_guards_its_own_address_alone(gateway, pillar):
    """Another FTP server on this machine sees to its data ports itself."""
    with pillar() as ftpgw:
        ftpgw["services"] = {"open-ftpd": {"state": "absent"}}
    gateway.apply()
    with SURFER.session() as ftp:
        upload(ftp, "secret.bin", b"secret")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, NEIGHBOUR, "secret.bin")
        assert download(ftp, "secret.bin") == b"secret"
    with socket.create_server(("203.0.113.1", 50000)):
        STRANGER.connect("203.0.113.1", 50000).close()


def test_without_server_and_proxy_there_are_no_rules(gateway, pillar):
    """Nor is any left for the next boot."""
    with pillar() as ftpgw:
        ftpgw["services"] = {name: {"state": "absent"} for name in ("open-ftpd", "ftp-proxy")}
    gateway.apply()
    assert not table()
    assert not RULES.exists()


def soon(true):
    """Wait until something is true."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "it did not come true within 5 s"
        time.sleep(0.02)


def listeners():
    """Return who listens where, as ss prints it."""
    return subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout


def stop_proxy(gateway):
    """Free the proxy's port."""
    gateway.call("daemontools.stop", "ftp-proxy")


def test_inetd_gives_up_the_port_of_the_proxy(gateway, pillar):
    """A line that serves it is retired, inetd is told, and the proxy gets the port."""
    conf = pathlib.Path("/etc/inetd.conf")
    stop_proxy(gateway)
    gateway.inetd("8021 stream tcp nowait nobody /bin/true true")
    soon(lambda: INETD_PID.exists() and ":8021 " in listeners())
    inetd = int(INETD_PID.read_text())
    gateway.apply()
    assert "#ftpgw# 8021 stream" in conf.read_text()
    assert SURFER.greeting().startswith(b"220")
    subprocess.run(["kill", str(inetd)], check=True)


def test_whoever_holds_the_port_of_the_proxy_is_named(gateway, pillar):
    """In one line, with its process; FTP is not diverted to it, but data is guarded."""
    stop_proxy(gateway)
    subprocess.run(["nft", "delete", "table", "ip", "ftpgw"], check=True)
    with pillar() as ftpgw:
        ftpgw["services"] = {"ftp-proxy": {"timeout": 5}}
    with socket.create_server((GATEWAY, 8021)):
        done = gateway.apply(check=False)
    service = done["ftpgw service ftp-proxy"]
    assert service["result"] is False
    assert service["comment"].startswith("ftp-proxy: ")
    assert "port 8021 is held by " in service["comment"]
    assert done["ftpgw packet filter diverts FTP"]["result"] is False
    assert "newcomer" in table()
    assert "redirect" not in table()


def test_the_daemon_of_the_package_does_not_start():
    """Its own script finds that it may not."""
    subprocess.run(["/etc/init.d/ftp-proxy", "start"], check=False, capture_output=True)
    assert ":2121 " not in listeners()
    assert "192.168.0.254:8021 " in listeners()
