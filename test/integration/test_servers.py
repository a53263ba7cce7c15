"""Another FTP server in the place of the first one, with TLS: the same promises, and back again."""

import concurrent.futures
import contextlib
import ftplib
import functools
import hashlib
import io
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time
import warnings

import _puredb
import gateway as gw
import pytest
from certificate import TLS, context, make, make_chain
from clients import LAN, NEIGHBOUR, PARTNER, STRANGER, download, steal, upload

PAYLOAD = bytes(range(256)) * 400
PASSWORD = "a person"
OLD = {ssl.TLSVersion.TLSv1: "TLSv1", ssl.TLSVersion.TLSv1_1: "TLSv1.1"}
OTHERS = [
    ("shelly", PASSWORD),
    ("anonymous", "a@b"),
    ("root", ""),
    ("leaver", ""),
    ("partner", "x"),
]
LIMITED = {
    "away": {"from": ["acme"]},
    "ended": {"until": "2020-02-29"},
    "puts": {"only": "upload"},
    "fetches": {"only": "download"},
}


@contextlib.contextmanager
def kept(*paths):
    """Have files be afterwards what they are now."""
    before = {path: pathlib.Path(path).read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in before.items():
            pathlib.Path(path).write_bytes(content)


@contextlib.contextmanager
def limited(accounts):
    """Have more accounts, ``{name: what holds it back}``, with the password of `partner`."""
    with kept(gw.PILLAR):
        with gw.pillar() as ftpgw:
            hashed = ftpgw["accounts"]["partner"]["password"]
            more = {name: {"password": hashed, **limits} for name, limits in accounts.items()}
            ftpgw["accounts"] |= more
        gw.apply("ftpgw.accounts")
        try:
            yield
        finally:
            with gw.pillar() as ftpgw:
                ftpgw["accounts"] |= {name: {"state": "absent", "purge": True} for name in accounts}
            gw.apply("ftpgw.accounts")


def list_in_the_clear(ftp):
    """Protect the session, but not its data."""
    ftp.prot_c()
    return ftp.nlst()


@contextlib.contextmanager
def lax(folder, command):
    """Have a server serve at a port of its own where OpenSSL forbids nothing; return the port."""
    policy = folder / "openssl.cnf"
    policy.write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = policy\n"
        "[policy]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = ["tcpserver", "-RHl0", "127.0.0.1", str(port), *map(str, command)]
    daemon = subprocess.Popen(listen, env={**os.environ, "OPENSSL_CONF": str(policy)})
    try:
        yield port
    finally:
        daemon.terminate()
        daemon.wait()


def spoken(port, version):
    """Return which TLS a client that knows one alone, and forbids nothing, speaks with a server."""
    any_cipher = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    any_cipher.set_ciphers("ALL:@SECLEVEL=0")
    any_cipher.check_hostname, any_cipher.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        any_cipher.minimum_version = any_cipher.maximum_version = version
    deadline = time.monotonic() + 30
    while True:
        try:
            ftp = ftplib.FTP_TLS(context=any_cipher, timeout=30)
            ftp.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with contextlib.closing(ftp):
        ftp.auth()
        return ftp.sock.version()


def answer(user, password):
    """Return what somebody is told who logs in."""
    try:
        with LAN.session(user, password, tls=context()) as ftp:
            return ftp.welcome
    except ftplib.error_perm as error:
        return str(error)


@pytest.fixture(scope="module", autouse=True)
def certified(gateway):
    """The gateway of pillar.example, a person of its own, and a certificate."""
    before = gw.PILLAR.read_text()
    gw.person("shelly", PASSWORD)
    make()
    yield
    subprocess.run(["userdel", "--remove", "shelly"], check=True, capture_output=True)
    gw.PILLAR.write_text(before)
    gateway.apply()


@pytest.fixture(scope="class")
def serving(request):
    """One server in the place of another."""
    with gw.pillar() as ftpgw:
        ftpgw |= {"server": request.cls.server, "tls": TLS}
    gw.apply()


@pytest.mark.usefixtures("serving")
class Promises:
    """What each server with TLS keeps."""

    @pytest.mark.parametrize("client", [LAN, PARTNER], ids=str)
    def test_those_who_are_admitted_transfer_with_tls(self, client):
        for passive in (True, False):
            with client.session(passive=passive, tls=context()) as ftp:
                assert ftp.sock.version() == "TLSv1.3"
                upload(ftp, "tls.bin", PAYLOAD)
                assert "tls.bin" in ftp.nlst()
                assert download(ftp, "tls.bin") == PAYLOAD
        # curl 7.88 hangs in active mode with TLS, whatever the server is.
        assert client.curl("tls.bin", "--ssl-reqd", "--cacert", TLS["certificate"]) == PAYLOAD
        careful = f"set ssl:ca-file {TLS['certificate']}; set ftp:ssl-force yes"
        assert b"tls.bin" in client.lftp(f"{careful}; set ftp:ssl-protect-data yes; cls -1")

    def test_a_large_file_is_intact(self):
        data, digest = os.urandom(1 << 20) * 100, hashlib.sha256()
        with PARTNER.session(tls=context()) as ftp:
            ftp.storbinary("STOR big.bin", io.BytesIO(data), 1 << 16)
            ftp.retrbinary("RETR big.bin", digest.update, 1 << 16)
            ftp.delete("big.bin")
        assert digest.digest() == hashlib.sha256(data).digest()

    def test_nobody_is_served_without_tls(self):
        """No password is asked for, and no data goes in the clear."""
        with pytest.raises(ftplib.Error, match=self.unencrypted):
            LAN.session()
        with LAN.session(tls=context()) as ftp, pytest.raises(ftplib.error_perm, match=self.clear):
            list_in_the_clear(ftp)

    def test_old_tls_is_refused(self, tmp_path):
        """By the server's own file, also where OpenSSL's policy on the machine allows all."""
        *words, file = gw.call("ftpgw.settings", "services", "open-ftpd")["command"]
        text = pathlib.Path(file).read_text()
        for line, other in self.lets_old_in:
            assert line in text
            text = text.replace(line, other)
        opened = tmp_path / "opened.conf"
        opened.write_text(text)
        for version, name in OLD.items() if self.lets_old_in else ():
            with lax(tmp_path, [*words, opened]) as port:
                assert spoken(port, version) == name
        with lax(tmp_path, [*words, file]) as port:
            for version in OLD:
                with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|HANDSHAKE_FAILURE"):
                    spoken(port, version)
            assert spoken(port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"

    def test_a_stranger_is_closed_before_a_greeting(self):
        assert STRANGER.greeting() == b""

    def test_nobody_else_logs_in(self):
        """All at once, because each is told only after a while."""
        with concurrent.futures.ThreadPoolExecutor(len(OTHERS)) as threads:
            answers = list(threads.map(answer, *zip(*OTHERS, strict=True)))
        assert [text[:4] for text in answers] == ["530 "] * len(OTHERS)

    def test_an_account_sees_nothing_but_its_home(self):
        with LAN.session(tls=context()) as ftp:
            assert ftp.pwd() == "/"
            for path in ("/etc", "../../etc", "~root"):
                with pytest.raises(ftplib.error_perm):
                    ftp.cwd(path)
            upload(ftp, "script", b"#!/bin/sh\n")
            with pytest.raises(ftplib.error_perm):
                ftp.sendcmd("SITE CHMOD 4777 script")

    def test_a_thief_on_the_data_port_gets_nothing(self):
        with LAN.session(tls=context()) as ftp:
            upload(ftp, "secret.bin", b"secret")
            for thief in (NEIGHBOUR, PARTNER):
                with pytest.raises((ftplib.error_temp, ConnectionError)):
                    steal(ftp, thief, "secret.bin")
            assert download(ftp, "secret.bin") == b"secret"

    def test_data_is_sent_to_its_client_alone(self):
        """Nobody has the gateway connect to somewhere else."""
        with LAN.session(tls=context()) as ftp:
            for target in ("192,168,0,11,200,1", "192,168,0,10,0,22"):
                with pytest.raises(ftplib.error_perm, match=self.illegal):
                    ftp.sendcmd(f"PORT {target}")

    def test_the_ports_of_the_proxy_stay_closed(self):
        """The filter cannot read a session with TLS: the server has half of the ports, no more."""
        with LAN.session(tls=context()) as ftp:
            for _ in range(20):
                _, port = ftplib.parse227(ftp.sendcmd("PASV"))
                assert 49152 <= port <= 57343
        with socket.create_server(("192.168.0.254", 60000)), pytest.raises(ConnectionRefusedError):
            NEIGHBOUR.connect("192.168.0.254", 60000)
        kernel = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        assert kernel == ["57344", "65535"]

    def test_who_waits_for_data_is_seen_and_sent_away(self):
        """Some servers listen for data with the very process that serves a session."""
        with LAN.session(tls=context()) as ftp:
            ftp.sendcmd("PASV")
            [session] = gw.call("ftpgw.sessions")
            assert (session["address"], session["account"]) == (LAN.source, "partner")
            assert gw.call("ftpgw.end", "partner")[0]["pid"] == session["pid"]
            with pytest.raises((EOFError, OSError, ftplib.Error)):
                ftp.voidcmd("NOOP")

    def test_a_dead_resolver_delays_nobody(self):
        """No names are looked up: a resolver that never answers is not even asked."""
        files = {
            pathlib.Path("/etc/nsswitch.conf"): "hosts: dns\npasswd: files\ngroup: files\n",
            pathlib.Path("/etc/resolv.conf"): "nameserver 203.0.113.99\n",
        }
        before = {path: path.read_text() for path in files}
        for path, text in files.items():
            path.write_text(text)
        try:
            with LAN.session(tls=context()) as ftp:
                assert ftp.pwd() == "/"
        finally:
            for path, text in before.items():
                path.write_text(text)

    def test_a_renewed_certificate_needs_no_restart(self):
        path, before = "/etc/service/open-ftpd/supervise/status", TLS["certificate"]
        started = pathlib.Path(path).read_bytes()[:16]
        old = pathlib.Path(before).read_text()
        make()
        assert pathlib.Path(before).read_text() != old
        with LAN.session(tls=context()) as ftp:
            assert ftp.pwd() == "/"
        assert pathlib.Path(path).read_bytes()[:16] == started

    def test_files_that_vanish_close_the_door(self):
        """The server does not fall back to sessions that anybody can read."""
        aside = shutil.move(TLS["key"], f"{TLS['key']}.aside")
        try:
            assert not LAN.greeting().startswith(b"220")
        finally:
            shutil.move(aside, TLS["key"])

    def test_a_second_run_changes_nothing(self):
        assert gw.changed(gw.apply()) == set()
        gw.forget_starts()
        assert gw.call("ftpgw.health")["problems"] == []

    def test_a_certificate_comes_with_those_that_lead_to_its_authority(self, tmp_path):
        with kept(TLS["certificate"], TLS["key"]):
            authority = make_chain(tmp_path)
            with LAN.session(tls=ssl.create_default_context(cafile=authority)) as ftp:
                assert ftp.pwd() == "/"


class Told(Promises):
    """What those keep besides that log by multilog."""

    def test_who_did_what_is_a_record(self):
        with PARTNER.session(tls=context()) as ftp:
            upload(ftp, "a record.bin", PAYLOAD)
        with contextlib.suppress(ftplib.error_perm):
            LAN.session("shelly", "x", tls=context())
        STRANGER.greeting()
        *_, record = gw.call("ftpgw.transfers", "account=partner", "since=1h")
        assert record["file"] == "/a record.bin"
        assert (record["what"], record["complete"]) == ("upload", True)
        assert (record["address"], record["bytes"]) == (PARTNER.source, len(PAYLOAD))
        found = gw.call("ftpgw.logins", "since=1h")
        said = {(entry["account"], entry["address"], entry["result"]) for entry in found}
        assert ("partner", PARTNER.source, "logged in") in said
        assert ("shelly", LAN.source, "failed") in said
        assert ("", STRANGER.source, "denied") in said


class TestProftpd(Told):
    server = "proftpd"
    lets_old_in = (("TLSProtocol TLSv1.2 TLSv1.3", "TLSProtocol ALL"),)
    unencrypted, clear, illegal = "SSL/TLS required", "Unwilling to accept", "Illegal PORT"

    def test_an_account_may_do_no_more_than_pillar_says(self):
        """And be there from where, and for as long, as that says."""
        with limited(LIMITED):
            for name in ("away", "ended"):
                with pytest.raises(ftplib.error_perm, match="530 "):
                    LAN.session(name, tls=context())
            with PARTNER.session("away", tls=context()) as ftp:
                assert ftp.nlst() == []
                assert gw.call("ftpgw.accounts")["away"]["sessions"] == 1
            failed = {each["account"]: each["reason"] for each in gw.call("ftpgw.logins")}
            assert (failed["away"], failed["ended"]) == ("", "ended")
            with LAN.session("puts", tls=context()) as ftp:
                upload(ftp, "new.bin", PAYLOAD)
                ftp.mkd("folder")
                upload(ftp, ".ftpaccess", b"<Limit ALL SITE_CHMOD>\nAllowAll\n</Limit>\n")
            with LAN.session("puts", tls=context()) as ftp:
                for sees in ("LIST", "NLST"):
                    self.sees_nothing(ftp, sees)
                for command in (
                    "RETR new.bin",
                    "DELE new.bin",
                    "RNFR new.bin",
                    "RMD folder",
                    "SITE CHMOD 777 new.bin",
                ):
                    with pytest.raises(ftplib.error_perm, match=r"^5[05]0 "):
                        ftp.sendcmd(command)
            there = pathlib.Path("/home/fetches/there.bin")
            there.write_bytes(PAYLOAD)
            with LAN.session("fetches", tls=context()) as ftp:
                assert download(ftp, "there.bin") == PAYLOAD
                for command in ("STOR", "APPE", "DELE", "RNFR", "MKD", "SITE CHMOD 777"):
                    with pytest.raises(ftplib.error_perm, match=r"^5[05]0 "):
                        ftp.sendcmd(f"{command} there.bin")
            assert there.read_bytes() == PAYLOAD

    def sees_nothing(self, ftp, command):
        lines = []
        with contextlib.suppress(ftplib.error_perm, ftplib.error_temp):
            ftp.retrlines(command, lines.append)
        assert lines == []

    def test_it_lists_for_programs_and_changes_no_permissions(self):
        with LAN.session(tls=context()) as ftp:
            upload(ftp, "listed.bin", PAYLOAD)
            facts = dict(ftp.mlsd())["listed.bin"]
            assert (facts["type"], facts["size"]) == ("file", str(len(PAYLOAD)))
            with pytest.raises(ftplib.error_perm):
                ftp.sendcmd("MFF UNIX.mode=4777; listed.bin")

    def test_what_a_client_says_is_put_into_nobody_s_mouth(self):
        """A name of a file or an account that looks like a line of the log is none of it."""
        said = "transfer 6.6.6.6 partner 226 STOR 5 0.1 forged"
        with LAN.session(tls=context()) as ftp:
            upload(ftp, f"\x1b[31m {said}", b"bytes")
        with pytest.raises(ftplib.error_perm):
            LAN.session("x 6.6.6.6 230 PASS partner", tls=context())
        records = gw.call("ftpgw.transfers")
        assert records[-1]["file"] == f"/\\x1b[31m {said}"
        assert not [each for each in records if each["address"] == "6.6.6.6"]
        last = gw.call("ftpgw.logins")[-1]
        assert (last["account"], last["result"]) == ("x 6.6.6.6 230 PASS partner", "failed")

    def test_without_tls_the_filter_guards_its_data(self):
        with gw.pillar() as ftpgw:
            tls = ftpgw.pop("tls")
        gw.apply()
        for passive in (True, False):
            with PARTNER.session(passive=passive) as ftp:
                upload(ftp, "plain.bin", PAYLOAD)
                with pytest.raises(ConnectionRefusedError):
                    steal(ftp, STRANGER, "plain.bin")
                assert download(ftp, "plain.bin") == PAYLOAD
        with pytest.raises(ftplib.error_perm, match="530 "):
            LAN.session("shelly", PASSWORD)
        with gw.pillar() as ftpgw:
            ftpgw["tls"] = tls
        gw.apply()


class TestPureFtpd(Promises):
    server = "pure-ftpd"
    # Nothing does: the program itself refuses it.
    lets_old_in = ()
    unencrypted, clear = "not accepted on this server", "521 "
    illegal = "won't (open a connection|connect) to"

    def test_an_account_has_so_many_sessions(self):
        """Also after one of them was killed."""
        with limited({"pair": {"sessions": 2}}), contextlib.ExitStack() as sessions:
            for _ in range(2):
                sessions.enter_context(LAN.session("pair", tls=context()))
            with pytest.raises(ftplib.error_temp, match="2 connections as the same user"):
                LAN.session("pair", tls=context())
            with PARTNER.session(tls=context()) as ftp:
                assert ftp.pwd() == "/"
            told = gw.call("ftpgw.accounts")["pair"]
            assert (told["sessions"], told["most"]) == (2, 2)
            subprocess.run(["pkill", "-KILL", "-u", "pair"], check=True)
            for _ in range(2):
                sessions.enter_context(LAN.session("pair", tls=context()))
            with pytest.raises(ftplib.error_temp):
                LAN.session("pair", tls=context())

    def test_its_data_base_is_what_its_own_program_makes(self, tmp_path):
        lines = [f"{name}:{_puredb.account('$6$x', 1001, 7, '/h', 2)}" for name in "abcdefghij"]
        (tmp_path / "list").write_text("".join(f"{line}\n" for line in lines))
        command = ["pure-pw", "mkdb", tmp_path / "made", "-f", tmp_path / "list"]
        subprocess.run(command, check=True)
        records = dict(line.split(":", 1) for line in lines)
        assert (tmp_path / "made").read_bytes() == _puredb.made(records)

    def test_who_did_what_is_told_the_system_log_alone(self):
        done = gw.salt_call("--out=txt", "ftpgw.logins")
        assert "pure-ftpd tells the system log alone" in done.stdout + done.stderr

    def test_a_thief_on_the_data_port_gets_nothing(self):
        """Nor does he spoil what the client gets."""
        with LAN.session(tls=context()) as ftp:
            upload(ftp, "secret.bin", b"secret")
            where = ftp.makepasv()
            ftp.makepasv = functools.partial(tuple, where)
            with NEIGHBOUR.connect(*where) as stolen:
                assert download(ftp, "secret.bin") == b"secret"
                assert stolen.recv(100) == b""


class TestVsftpd(Told):
    """The last one: the tests below go on with it."""

    server = "vsftpd"
    lets_old_in = (("ssl_tlsv1=NO", "ssl_tlsv1=YES"), ("=TLSv1.2+HIGH", "=HIGH"))
    unencrypted, clear, illegal = "must use encryption", "must be encrypted", "Illegal PORT"


class TestMistakes:
    """Each is a line, before anything is touched; and the door never opens wider."""

    def said(self, mistaken, **tls):
        with mistaken() as ftpgw:
            ftpgw["tls"] = {**TLS, **tls}
        done = gw.salt_call("--out=txt", "ftpgw.problems")
        assert done.returncode == 1
        return done.stdout

    def test_a_missing_file(self, mistaken):
        assert "ftpgw:tls:key: /none: No such file" in self.said(mistaken, key="/none")

    def test_a_wrong_key(self, mistaken, tmp_path):
        make(tmp_path)
        key = str(tmp_path / "key.pem")
        assert f"ftpgw:tls:key: {key} is not the key of" in self.said(mistaken, key=key)

    def test_nothing_is_touched_then(self, mistaken):
        self.said(mistaken, key="/none")
        states = gw.apply(check=False)
        assert gw.changed(states) == set()
        assert not states["ftpgw settings make sense"]["result"]
        with LAN.session(tls=context()) as ftp:
            assert ftp.pwd() == "/"

    def test_a_server_without_tls(self, mistaken):
        with mistaken() as ftpgw:
            ftpgw["server"] = "inetutils"
        told = gw.salt_call("--out=txt", "ftpgw.problems").stdout
        assert "ftpgw:tls: inetutils knows no TLS (vsftpd or proftpd or pure-ftpd does)" in told


def test_why_tells_the_last_log_in_and_the_last_that_failed():
    """And of the passive ports those that the server has with TLS."""
    with PARTNER.session(tls=context()) as ftp:
        assert ftp.pwd() == "/"
    with pytest.raises(ftplib.error_perm):
        PARTNER.session(password="wrong", tls=context())
    deadline = time.monotonic() + 30
    while "(password)" not in (told := gw.call("ftpgw.why", PARTNER.source)):
        assert time.monotonic() < deadline, told
    lines = told.splitlines()
    assert "open-ftpd: yes, by 9.9.9.:allow of acme" in lines
    assert "  passive ports: 49152-57343" in lines
    times = r"\d{4}-\d\d-\d\d \S+"
    assert re.search(rf"^  last log-in: {times} partner$", told, re.MULTILINE)
    assert re.search(rf"^  last that failed: {times} partner \(password\)$", told, re.MULTILINE)


def test_without_a_proxy_the_filter_keeps_limits_alone(pillar):
    """There is nothing to read along, and no data port to guard."""
    with pillar() as ftpgw:
        ftpgw["services"] = {"ftp-proxy": {"state": "absent"}}
        del ftpgw["network"]
    gw.apply()
    rules = subprocess.check_output(["nft", "list", "table", "ip", "ftpgw"], text=True)
    assert "ct count over 19" in rules
    assert "helper" not in rules
    assert not pathlib.Path("/etc/modules-load.d/ftpgw.conf").exists()
    with LAN.session(tls=context()) as ftp:
        upload(ftp, "alone.bin", PAYLOAD)
        assert download(ftp, "alone.bin") == PAYLOAD
    assert gw.changed(gw.apply()) == set()
    gw.forget_starts()
    assert gw.call("ftpgw.health", "greeting=False")["problems"] == []


def test_pillar_may_hold_both_and_they_are_never_shown(tmp_path):
    make(tmp_path)
    texts = {what: (tmp_path / f"{what}.pem").read_text() for what in ("cert", "key")}
    pathlib.Path("/srv/pillar/tls.sls").write_text(gw.yaml.safe_dump({"gw-tls": texts}))
    pathlib.Path("/srv/pillar/top.sls").write_text("base: {'*': [ftpgw, tls]}\n")
    try:
        with gw.pillar() as ftpgw:
            sources = {"certificate": "gw-tls:cert", "key": "gw-tls:key"}
            ftpgw["tls"] = {**TLS, "contents_pillar": sources, "required": False}
        for foretold in ("True", "False"):
            done = gw.salt_call("--out=json", "state.apply", "ftpgw", f"test={foretold}")
            assert done.returncode == 0, done.stdout
            assert "has the key of the FTP server" in done.stdout
            assert "PRIVATE" not in done.stdout + done.stderr
            for file in (tmp_path / "key.pem", pathlib.Path(TLS["key"])):
                assert file.read_text().splitlines()[1] not in done.stdout + done.stderr
        assert pathlib.Path(TLS["key"]).read_text().strip() == texts["key"].strip()
        assert os.stat(TLS["key"]).st_mode & 0o777 == 0o600
        # What is asked between two runs judges the same two.
        gw.forget_starts()
        assert gw.call("ftpgw.health", "greeting=False")["problems"] == []
        assert gw.call("ftpgw.certificate")["days"] > 0
        # And where TLS is not required, both are served.
        for tls in (context(), None):
            with LAN.session(tls=tls) as ftp:
                upload(ftp, "optional.bin", PAYLOAD)
                assert download(ftp, "optional.bin") == PAYLOAD
    finally:
        with gw.pillar() as ftpgw:
            ftpgw["tls"] = TLS
        pathlib.Path("/srv/pillar/top.sls").write_text("base: {'*': [ftpgw]}\n")


def test_and_back_again():
    """The other server, without TLS, in place: one package instead of the other."""
    with gw.pillar() as ftpgw:
        ftpgw["server"] = "inetutils"
        del ftpgw["tls"]
    gw.apply()
    with LAN.session() as ftp:
        upload(ftp, "back.bin", PAYLOAD)
        assert download(ftp, "back.bin") == PAYLOAD
    with pytest.raises(ftplib.error_perm):
        LAN.session("shelly", PASSWORD)
    assert not pathlib.Path("/usr/sbin/vsftpd").exists()
    assert gw.changed(gw.apply()) == set()
    done = gw.salt_call("--out=txt", "ftpgw.transfers")
    assert "inetutils tells the system log alone" in done.stdout + done.stderr


def test_an_upgrade_of_the_package_asks_nothing():
    """Nor does it undo what PAM is told; the package's own file is as it was."""
    file = pathlib.Path("/etc/pam.d/ftp")
    before = file.read_text()
    command = ["apt-get", "-qq", "install", "-y", "--reinstall", "inetutils-ftpd"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert file.read_text() == before
    asked = subprocess.run(
        ["dpkg", "--verify", "inetutils-ftpd"], capture_output=True, text=True, check=False
    )
    assert "pam.d" not in asked.stdout
    assert "pam_shells" in file.with_name("ftp.distrib").read_text()
