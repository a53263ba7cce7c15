"""The gateway end to end: what pillar says, real clients get, and nobody else."""

import ftplib
import pathlib
import socket
import subprocess

import outside
import pytest
from clients import (
    GATEWAY,
    LAN,
    NEIGHBOUR,
    OUTSIDE,
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
from diversion import NO_OTHER_PORT, edited, reload

PAYLOAD = bytes(range(256)) * 5000
SHARED = [pathlib.Path(path) for path in ("/etc/shells", "/etc/ftpusers", "/etc/pam.d/ftp")]
EVERYBODY = [LAN, PARTNER]
EVERY_WAY = [
    (),
    ("--disable-epsv",),
    ("--ftp-port", "-"),
    ("--ftp-port", "-", "--disable-eprt"),
]
# Whoever is not the client: denied, admitted as well, or this close to the gateway.
THIEVES = [
    STRANGER,
    Client("wan", "203.0.113.2", OUTSIDE),
    Client("lan", "192.168.0.10", OUTSIDE),
]


def test_nobody_gets_in_while_it_is_built(gateway):
    """Some hundred clients a second are refused, or judged as they are ever after."""
    told = gateway.knocks
    assert set(told.stranger) == {"refused", ""}
    assert {answer[:3] for answer in told.person} <= {"ref", "530"}
    assert told.stranger[0] == told.person[0] == told.partner[0] == "refused"
    assert len(told.stranger) > 100


def test_the_first_who_gets_in_is_a_client_whose_data_nobody_can_have(gateway):
    """It is served from the moment in which something listens, and guarded from there on."""
    told = gateway.knocks
    assert set(told.partner[:-1]) == {"refused"}
    assert told.partner[-1] == "transferred"
    assert told.thief == ["refused"]


@pytest.mark.parametrize("client", EVERYBODY, ids=str)
@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_an_admitted_client_transfers(gateway, client, passive):
    """What was uploaded is in the list and comes back the same."""
    with client.session(passive=passive) as ftp:
        upload(ftp, "transfer.bin", PAYLOAD)
        assert "transfer.bin" in ftp.nlst()
        assert download(ftp, "transfer.bin") == PAYLOAD


@pytest.mark.parametrize("client", EVERYBODY, ids=str)
def test_curl_and_lftp_transfer(gateway, client):
    """People's clients agree with Python's: with EPSV and PASV, EPRT and PORT."""
    with client.session() as ftp:
        upload(ftp, "transfer.bin", PAYLOAD)
    for options in EVERY_WAY:
        assert client.curl("transfer.bin", *options) == PAYLOAD
    for mode in ("on", "off"):
        assert b"transfer.bin" in client.lftp(f"set ftp:passive-mode {mode}; cls -1")


def test_everybody_else_is_closed_before_a_greeting(gateway):
    """Not one byte is sent to an address that no site has."""
    assert STRANGER.greeting() == b""


@pytest.mark.parametrize("thief", THIEVES, ids=str)
def test_a_data_port_is_open_to_its_client_alone(gateway, thief):
    """Nobody else reads the file or plants one, and the client is served all the same."""
    with PARTNER.session() as ftp:
        upload(ftp, "secret.bin", b"secret")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, thief, "secret.bin")
        with pytest.raises(ConnectionRefusedError):
            plant(ftp, thief, "secret.bin", b"planted")
        assert download(ftp, "secret.bin") == b"secret"


def test_a_session_of_his_own_opens_no_data_port_of_others(gateway):
    """Two inside hosts use the gateway's server at the same time."""
    with LAN.session() as ftp, NEIGHBOUR.session() as own:
        upload(ftp, "secret.bin", b"secret")
        own.sendcmd("PASV")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, NEIGHBOUR, "secret.bin")
        assert download(own, "secret.bin") == b"secret"


@pytest.mark.parametrize("server", ["127.0.0.1", GATEWAY])
def test_a_client_on_the_gateway_itself_transfers(gateway, server):
    """Passive and active; its packets never were on a cable."""
    with LAN.session() as ftp:
        upload(ftp, "own.bin", PAYLOAD)
    url = f"ftp://{server}/own.bin"
    for options in EVERY_WAY:
        command = ["curl", "-sS", "--max-time", "10", "--user", "partner:salt and spirits"]
        done = subprocess.run([*command, *options, url], capture_output=True, check=True)
        assert done.stdout == PAYLOAD


@pytest.mark.parametrize(
    ("address", "port"),
    [("", 50000), ("127.0.0.1", 50000), (OUTSIDE, 49151), (OUTSIDE, 30000)],
)
def test_other_services_are_not_cut_off(gateway, address, port):
    """Neither on a passive port, where they listen at every address, nor beside these ports."""
    with socket.create_server((address, port)) as service:
        if address == "127.0.0.1":
            socket.create_connection((address, port), 10).close()
        else:
            PARTNER.connect(OUTSIDE, port).close()
        service.accept()[0].close()


def test_a_session_older_than_the_rules_transfers(gateway):
    """They are loaded again, or for the first time, and nobody has to log in once more."""
    subprocess.run(["nft", "delete", "table", "ip", "ftpgw"], check=True)
    with PARTNER.session() as ftp:
        upload(ftp, "old.bin", PAYLOAD)
        reload()
        assert download(ftp, "old.bin") == PAYLOAD


def test_a_connection_older_than_the_rules_goes_on(gateway):
    """As that to the master would, which speaks first: its port here is a passive one, too."""
    subprocess.run(["nft", "delete", "table", "ip", "ftpgw"], check=True)
    with on("wan"):
        listener = socket.create_server(("203.0.113.2", 4505))
    with listener, socket.create_connection(listener.getsockname(), 10) as minion:
        assert minion.getsockname()[1] >= 49152
        with listener.accept()[0] as master:
            reload()
            master.sendall(b"job")
            assert minion.recv(3) == b"job"


def test_loading_the_rules_cuts_no_transfer(gateway):
    """What was on its way arrives, and so does what follows."""
    with PARTNER.session() as ftp:
        upload(ftp, "long.bin", PAYLOAD)
        assert download_while(ftp, "long.bin", reload) == PAYLOAD
        assert download(ftp, "long.bin") == PAYLOAD


def test_another_port_of_the_server_is_followed(gateway, pillar):
    """Its data ports are as closed, and its clients as welcome."""
    with pillar() as ftpgw:
        ftpgw["services"] = {"open-ftpd": {"tcpserver": {"port": 2121}}}
    gateway.apply()
    with Client("wan", "9.9.9.9", OUTSIDE, 2121).session() as ftp:
        upload(ftp, "secret.bin", b"secret")
        with pytest.raises(ConnectionRefusedError):
            steal(ftp, STRANGER, "secret.bin")
        assert download(ftp, "secret.bin") == b"secret"


def test_a_server_outside_opens_no_port_of_the_gateway(gateway):
    """One that lies about its data port, for a client inside that knows it will."""
    with outside.liar(GATEWAY, 3000), socket.create_server((GATEWAY, 3000)):
        with SURFER.session() as ftp:
            assert ftplib.parse227(ftp.sendcmd("PWD")) == (SURFER.server, 3000)
            with pytest.raises(ConnectionRefusedError):
                SURFER.connect(SURFER.server, 3000)
        with edited({NO_OTHER_PORT: ""}), SURFER.session() as ftp:
            ftp.sendcmd("PWD")
            SURFER.connect(SURFER.server, 3000).close()


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("anonymous", "guest@"),
        ("ftp", "guest@"),
        ("root", ""),
        ("visitor", "a person"),
        ("partner", "wrong"),
        ("leaver", ""),
    ],
)
def test_a_log_in_that_pillar_does_not_know_is_refused(gateway, user, password):
    """Neither anonymous nor a person's own account gets in, whatever the password."""
    if user == "visitor" and not pathlib.Path("/home/visitor").exists():
        gateway.person(user, password)
    with pytest.raises(ftplib.error_perm, match="530"):
        LAN.session(user, password)


def test_an_account_cannot_leave_its_home(gateway):
    """Its home is its root: there is nothing above, and /etc is not there."""
    with LAN.session() as ftp:
        ftp.cwd("..")
        assert ftp.pwd() == "/"
        with pytest.raises(ftplib.error_perm):
            ftp.cwd("/etc")


def test_a_leaver_is_out_at_once(gateway, pillar):
    """The session ends, the account is gone, its home stays; a new password opens nothing."""
    with pillar() as ftpgw:
        ftpgw["accounts"]["short"] = dict(ftpgw["accounts"]["partner"])
    gateway.apply("ftpgw.accounts")
    live = LAN.session("short")
    upload(live, "kept.bin", b"kept")
    with pillar() as ftpgw:
        ftpgw["accounts"]["short"] = {"state": "absent"}
    gateway.apply("ftpgw.accounts")
    with pytest.raises((EOFError, OSError, ftplib.Error)):
        live.voidcmd("NOOP")
    with pytest.raises(ftplib.error_perm):
        LAN.session("short")
    assert pathlib.Path("/home/short/kept.bin").read_bytes() == b"kept"
    assert "short" not in pathlib.Path("/etc/ftpchroot").read_text().split()


def test_a_new_password_replaces_the_old(gateway, pillar):
    """The hash of pillar is the one that counts."""
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "another"], capture_output=True, text=True, check=True
    )
    with pillar() as ftpgw:
        ftpgw["accounts"]["partner"]["password"] = hashed.stdout.strip()
    gateway.apply("ftpgw.accounts")
    LAN.session(password="another").close()
    with pytest.raises(ftplib.error_perm):
        LAN.session()


def test_an_account_that_pillar_forgets_is_refused(gateway, pillar):
    """Its system account stays, but it is not among those that may log in."""
    with pillar() as ftpgw:
        ftpgw["accounts"]["forgotten"] = dict(ftpgw["accounts"]["partner"])
    gateway.apply("ftpgw.accounts")
    LAN.session("forgotten").close()
    with pillar() as ftpgw:
        del ftpgw["accounts"]["forgotten"]
    gateway.apply("ftpgw.accounts")
    with pytest.raises(ftplib.error_perm):
        LAN.session("forgotten")


def test_new_rules_need_no_restart(gateway, pillar):
    """The daemon keeps its pid, a live session goes on, the next connection meets the new rules."""
    before = gateway.call("daemontools.pid", "open-ftpd")
    with PARTNER.session() as live:
        with pillar() as ftpgw:
            rules = ftpgw["rules"]["ftp"]
            del rules["sites"]["acme"], rules["expect"]
            rules["sites"]["stranger"] = {"allow": [STRANGER.source]}
        # Whoever is expected to get in is excepted from the limits of the filter.
        changed = {"ftpgw rules ftp", "ftpgw packet filter diverts FTP"}
        assert gateway.changed(gateway.apply()) == changed
        assert STRANGER.greeting().startswith(b"220")
        assert PARTNER.greeting() == b""
        live.voidcmd("NOOP")
    assert gateway.call("daemontools.pid", "open-ftpd") == before


def test_make_compiles_what_an_administrator_edits(gateway, pillar):
    """`make ftp.cdb` works by hand, and the next run brings back what pillar says."""
    rules = pathlib.Path("/etc/tcprules/ftp.rules")
    rules.write_text(f"{STRANGER.source}:allow\n{rules.read_text()}")
    subprocess.run(["make", "-C", "/etc/tcprules", "ftp.cdb"], check=True, capture_output=True)
    assert STRANGER.greeting().startswith(b"220")
    assert gateway.changed(gateway.apply()) == {"ftpgw rules ftp"}
    assert STRANGER.greeting() == b""


SLS = ["ready", "packages", "boot", "inetd", "accounts", "rules", "services", "firewall"]


@pytest.mark.parametrize("sls", SLS)
def test_every_part_applies_on_its_own(gateway, sls):
    """Each SLS stands alone, and changes nothing on a gateway that is right."""
    assert not gateway.changed(gateway.apply(f"ftpgw.{sls}"))
    assert not gateway.changed(gateway.apply(f"ftpgw.{sls}", test=True))


def test_test_mode_writes_nothing(gateway, pillar):
    """With test=True a changed pillar is predicted to the state, and no file has a new time."""
    with pillar() as ftpgw:
        ftpgw["accounts"]["second"] = dict(ftpgw["accounts"]["partner"])
        ftpgw["rules"]["ftp"]["sites"]["new"] = {"allow": ["10.0.0.0/8"]}
        ftpgw["services"] = {"open-ftpd": {"tcpserver": {"concurrency": 7}}}
    before = times()
    predicted = gateway.changed(gateway.apply(test=True))
    assert times() == before
    assert gateway.changed(gateway.apply()) == predicted


def times():
    """The change time of every file that the formula could touch."""
    roots = "/etc", "/var/svc.d", "/var/multilog", "/home"
    paths = (path for root in roots for path in pathlib.Path(root).rglob("*"))
    ours = (path for path in paths if "supervise" not in path.parts and path.name != "current")
    return {path: path.lstat().st_ctime_ns for path in ours}


def test_clean_undoes_it_in_reverse_and_apply_does_it_again(gateway):
    """Logs and homes stay; shared files are as they were; a second clean changes nothing."""
    with LAN.session() as ftp:
        upload(ftp, "kept.bin", b"kept")
    predicted = gateway.changed(gateway.apply("ftpgw.clean", test=True))
    assert gateway.changed(gateway.apply("ftpgw.clean")) == predicted
    with pytest.raises(ConnectionRefusedError):
        LAN.greeting()
    assert not any("ftpgw" in path.read_text() for path in SHARED if path.exists())
    gone = ["/etc/ftpchroot", "/etc/tcprules/ftp.cdb", "/var/svc.d/open-ftpd"]
    gone += ["/etc/service/open-ftpd", "/usr/sbin/vsftpd", "/etc/nftables.d/ftpgw.nft"]
    gone += ["/etc/modules-load.d/ftpgw.conf", "/etc/ftpgw", "/etc/pam.d/ftpgw"]
    assert not [path for path in gone if pathlib.Path(path).exists()]
    assert "partner" not in pathlib.Path("/etc/passwd").read_text()
    assert pathlib.Path("/home/partner/kept.bin").exists()
    assert pathlib.Path("/var/multilog/open-ftpd/current").exists()
    assert not gateway.changed(gateway.apply("ftpgw.clean"))
    gateway.apply()
    with LAN.session() as ftp:
        assert download(ftp, "kept.bin") == b"kept"
