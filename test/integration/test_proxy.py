"""Outbound FTP through ftp-proxy, and the gateway's own FTP past it, with real clients."""

import concurrent.futures
import contextlib
import ftplib
import pathlib
import socket
import subprocess
import time

import outside
import pytest
from clients import GATEWAY, LAN, SURFER, Client, download, on, upload
from diversion import EXCEPTION, RULES, edited, usual_proxy

PAYLOAD = bytes(range(256)) * 5000
INETD_PID = pathlib.Path("/var/run/inetd.pid")
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
FORGETFUL = {"timeout 240s": "timeout 1s"}


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
    assert not any("192.168.0.10" in line for line in lines)


def test_nobody_outside_can_use_the_proxy():
    """Not by the inside address, and at the outside one nobody listens."""
    assert Client("wan", "203.0.113.2", GATEWAY, 8021).greeting() == b""
    with pytest.raises(ConnectionRefusedError):
        Client("wan", "203.0.113.2", "203.0.113.1", 8021).greeting()


@pytest.mark.parametrize("user", ["partner", "partner@9.9.9.9", "partner@127.0.0.1:21"])
def test_straight_to_the_proxy_leads_nowhere(user):
    """A LAN client cannot name a destination: only the packet filter can."""
    with new_lines(FTPD_LOG) as at_home, pytest.raises((EOFError, ftplib.Error)):
        Client("lan", "192.168.0.10", GATEWAY, 8021).session(user)
    assert not at_home


def test_a_session_older_than_the_memory_of_the_filter_transfers():
    """The control connection was silent for longer than that, during a long transfer."""
    with edited(FORGETFUL), SURFER.session() as ftp:
        upload(ftp, "long.bin", PAYLOAD)
        with ftp.transfercmd("RETR long.bin") as data:
            while data.recv(1 << 16):
                time.sleep(0.1)
        ftp.voidresp()
        time.sleep(1.5)
        assert len(download(ftp, "long.bin")) == len(PAYLOAD)


def test_the_memory_of_the_filter_must_be_renewed_by_the_session():
    """By its first packet alone, which is all that a nat chain sees, it would be too short."""
    once = {"tcp dport 21 fib": "tcp dport 21 tcp flags syn fib"}
    with edited(FORGETFUL | once), SURFER.session() as ftp:
        time.sleep(1.5)
        ftp.timeout = 1
        with pytest.raises((ConnectionRefusedError, TimeoutError)):
            ftp.nlst()


def test_passive_ports_are_those_of_the_setting():
    """Of our own server and of the proxy alike."""
    for client in (LAN, SURFER):
        with client.session() as ftp:
            host, port = ftplib.parse227(ftp.sendcmd("PASV"))
            assert host == GATEWAY
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
    """It is served when one of them ends."""
    with contextlib.ExitStack() as sessions:
        held = [sessions.enter_context(SURFER.session()) for _ in range(91)]
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
        "ftpgw packet filter diverts FTP"
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
    """The proxy, its rules and the filter go; the own server stays."""
    with pillar() as ftpgw:
        del ftpgw["network"]
        ftpgw["services"] = {"ftp-proxy": {"state": "absent"}}
    predicted = gateway.changed(gateway.apply(test=True))
    assert gateway.changed(gateway.apply()) == predicted
    assert not table()
    assert not pathlib.Path("/etc/tcprules/ftp-proxy.cdb").exists()
    assert not pathlib.Path("/var/svc.d/ftp-proxy").exists()
    assert LAN.greeting().startswith(b"220")
    assert not gateway.changed(gateway.apply())


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
    """In one line, with its process; the rules of the filter are not loaded."""
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
    assert not table()


def test_the_daemon_of_the_package_does_not_start():
    """Its own script finds that it may not."""
    subprocess.run(["/etc/init.d/ftp-proxy", "start"], check=False, capture_output=True)
    assert ":2121 " not in listeners()
    assert "192.168.0.254:8021 " in listeners()
