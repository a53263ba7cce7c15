"""Each FTP server in the place of another one, where systemd runs, and who did what there."""

import concurrent.futures
import contextlib
import ftplib
import pathlib
import re
import subprocess

import pytest
from certificate import TLS, context, make
from clients import LAN, PARTNER, STRANGER, download, upload
from polls import eventually
from printed import plain, shown

PAYLOAD = bytes(range(256)) * 400
# Of whom inetutils' own line has nine letters.
LONG = "long.gone.by"
# Those who tell multilog.
TELL = ("vsftpd", "proftpd")
RIGHT = "salt and spirits"
FORGED = [
    "(?@6.6.6.6) [INFO] New connection from 6.6.6.6",
    "(?@6.6.6.6) [INFO] partner is now logged in",
    "(partner@6.6.6.6) [NOTICE] /home/partner//forged uploaded  (5 bytes, 1.00KB/sec)",
    "connection from partner",
    "FTP LOGIN FROM partner as forger",
    "put /forged = 5 bytes",
]
# What pure-ftpd makes of a path that is too long for it: its end is that of a name.
CUT = f"(partner@6.6.6.6) [NOTICE] /home/partner//{'x' * 4552} uploaded  (5 bytes, 1.00KB/sec)"


@pytest.fixture(scope="module", params=["vsftpd", "proftpd", "pure-ftpd", "inetutils"])
def server(request, bare):
    """One of them serves, with TLS where it knows that."""

    def chosen(ftpgw):
        ftpgw["server"] = request.param
        if request.param == "inetutils":
            ended = {"password": ftpgw["accounts"]["partner"]["password"], "until": "2020-02-29"}
            ftpgw["accounts"][LONG] = ended
        else:
            ftpgw["tls"] = TLS

    if not bare.path(TLS["key"]).exists():
        make()
        bare.path(TLS["key"]).parent.mkdir(mode=0o700)
        for file in TLS.values():
            bare.write(file, pathlib.Path(file).read_text(), 0o600)
    with bare.pillar(chosen):
        bare.apply()
        yield request.param


@pytest.fixture
def tls(server):
    """What a client has that knows the certificate, or nothing where there is none."""
    return None if server == "inetutils" else context()


def test_those_who_are_admitted_transfer(bare, server, tls):
    for client in (LAN, PARTNER):
        for passive in (True, False):
            with client.session(passive=passive, tls=tls) as ftp:
                upload(ftp, "here.bin", PAYLOAD)
                assert download(ftp, "here.bin") == PAYLOAD
    assert STRANGER.greeting() == b""
    if tls:
        with pytest.raises(ftplib.Error):
            LAN.session()
    assert bare.run("systemctl", "--failed", "--quiet").stdout == ""
    assert bare.run("systemctl", "is-active", server, check=False).stdout.strip() == "inactive"


@pytest.mark.usefixtures("server")
def test_a_second_run_changes_nothing(bare):
    assert not [name for name, state in bare.apply().items() if state["changes"]]


def test_who_did_what_is_a_record(bare, server, tls):
    """With its address, whatever name that has, and as journald or multilog saw it."""
    with PARTNER.session(tls=tls) as ftp:
        upload(ftp, "a record.bin", PAYLOAD)
        download(ftp, "a record.bin")
    tries = [("partner", "wrong"), ("nobody is", "x"), *[(LONG, RIGHT)] * (server == "inetutils")]
    with concurrent.futures.ThreadPoolExecutor(len(tries)) as threads:
        answers = threads.map(lambda words: answer(*words, tls), tries)
        assert {text[:4] for text in answers} == {"530 "}
    STRANGER.greeting()
    expected = {
        ("partner", PARTNER.source, "logged in", ""),
        ("partner", LAN.source, "failed", "password"),
        ("nobody is", LAN.source, "failed", "no account"),
        ("", STRANGER.source, "denied", "address"),
    }
    if server == "inetutils":
        expected.add((LONG, LAN.source, "failed", "ended"))
    eventually(lambda: expected <= logins(bare))
    *_, put, got = bare.call("ftpgw.transfers", "account=partner", "since=1h")
    for record, what in ((put, "upload"), (got, "download")):
        assert (record["what"], record["file"]) == (what, "/a record.bin")
        assert (record["address"], record["bytes"]) == (PARTNER.source, len(PAYLOAD))
        assert record["complete"] is (True if server in TELL else None)
        assert (record["seconds"] is None) == (server == "inetutils")
    told = bare.call("ftpgw.why", PARTNER.source)
    assert re.search(r"^  last log-in: \S+ \S+ partner$", told, re.MULTILINE)


def answer(user, password, tls):
    """Return what somebody is told who does not log in."""
    with pytest.raises(ftplib.error_perm) as refused:
        LAN.session(user, password, tls=tls)
    return str(refused.value)


def logins(bare):
    """Return what is told of log-ins, but for when."""
    keys = ("account", "address", "result", "reason")
    return {tuple(record[key] for key in keys) for record in bare.call("ftpgw.logins", "since=1h")}


def test_nobody_can_have_told_what_did_not_happen(bare, server, tls):
    """Neither who may write to the system log, nor by a name that looks like a line or cuts it."""
    for name in ("pure-ftpd", "ftpd"):
        forge = ["logger", "--size", "9000", "--tag", name]
        for user, lines in (("nobody", FORGED), ("root", [FORGED[0], CUT])):
            told = bare.command("runuser", "-u", user, "--", *forge)
            subprocess.run(told, input="\n".join(lines), text=True, check=True)
    folder, name = "x uploaded  (5 bytes, 1.00KB", "sec) \x1b[31m = 77 bytes"
    with LAN.session(tls=tls) as ftp:
        with contextlib.suppress(ftplib.error_perm):
            ftp.mkd(folder)
        upload(ftp, f"{folder}/{name}", b"abc")
    # A byte that steers a terminal is shown as text; two have none of them told.
    steers = {"pure-ftpd": "_[31m", "vsftpd": "?[31m"}.get(server, "\\x1b[31m")
    file = f"/{folder}/{name}".replace("\x1b[31m", steers)

    def records():
        found = bare.call("ftpgw.transfers", "since=1h")
        return found if found[-1]["file"] == file else None

    found = eventually(records)
    assert found[-1]["bytes"] == 3
    assert not [each for each in found if "6.6.6.6" in each["address"] or "forged" in each["file"]]
    accounts = {(account, address) for account, address, *_ in logins(bare)}
    assert not [words for words in accounts if "forger" in words or "6.6.6.6" in words]


def test_where_the_system_log_is_not_the_journal_s_that_is_said(bare, server):
    """Whose log multilog has does not mind."""
    bare.run("mv", "/dev/log", "/dev/log.aside")
    try:
        done = bare.run("salt-call", "--local", "--out=txt", "ftpgw.logins", check=False)
    finally:
        bare.run("mv", "/dev/log.aside", "/dev/log")
    refused = shown("docs/servers.md", "open-ftpd: pure-ftpd tells").replace("pure-ftpd", server)
    told = plain(done.stdout + done.stderr)
    assert (refused in told) == (done.returncode != 0) == (server not in TELL)
