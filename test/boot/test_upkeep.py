"""A gateway while others use apt and systemctl on it, and what status says of it."""

import contextlib

import pytest
from clients import LAN, STRANGER, SURFER, download, upload
from facts import facts, served
from polls import eventually, heard, polled, watched

# A new one of these ends every session: all of svscan's processes are its unit's.
SUPERVISOR = "daemontools-run"
OURS = ["daemontools", "ftp-proxy", "libpam-pwdfile", "ucspi-tcp", "vsftpd"]
# The same once more, by a higher number.
REPACK = """\
set -e
cd "$(mktemp -d)"
for name; do
    dpkg-deb --raw-extract /debs/"$name"_*.deb "$name"
    sed -i 's/^Version: .*/&+newer/' "$name/DEBIAN/control"
    dpkg-deb --build -Znone "$name" . >/dev/null
done
dpkg --install --recursive .
"""
# An inetd that comes afterwards, with FTP of its own.
FTP = "ftp stream tcp nowait root /usr/sbin/vsftpd vsftpd\n"
# Each package takes the place of the other.
INETDS = {"inetutils-inetd": "/etc/inetd.d/ftp", "openbsd-inetd": "/etc/inetd.conf"}
APT = ["apt-get", "-q", "-y"]


@contextlib.contextmanager
def sessions():
    """Have a session with the server and one through the proxy, which must outlive the body."""
    with LAN.session() as inside, SURFER.session() as outside:
        for ftp in (inside, outside):
            upload(ftp, "during.bin", b"x")
        yield
        for ftp in (inside, outside):
            assert download(ftp, "during.bin") == b"x"


@pytest.mark.usefixtures("servers")
def test_a_reinstall_of_all_that_came_ends_no_session(before, gw):
    came = sorted(gw.packages() - before - {SUPERVISOR})
    assert set(OURS) < set(came)
    with watched(), sessions():
        gw.run(*APT, "install", "--reinstall", *came)
    facts(gw)


@pytest.mark.usefixtures("servers")
def test_an_upgrade_of_the_daemons_ends_no_session(gw):
    with watched(), sessions():
        gw.run("sh", "-c", REPACK, "repack", *OURS)
    assert "+newer" in gw.run("dpkg-query", "--show", *OURS).stdout
    facts(gw)


@pytest.mark.usefixtures("servers")
def test_after_an_upgrade_of_the_supervisor_it_serves_again(gw):
    with watched():
        gw.run("sh", "-c", REPACK, "repack", SUPERVISOR)
        served(gw)


@pytest.mark.usefixtures("servers")
def test_after_a_restart_of_the_supervisor_it_serves_again(gw):
    with watched():
        gw.run("systemctl", "restart", SUPERVISOR)
        served(gw)


@pytest.mark.usefixtures("servers")
def test_a_restart_of_the_filter_lets_nobody_in_who_is_denied(gw):
    """Between two sets of rules there are none: the proxy is passed by, but it is over at once."""
    with polled(STRANGER) as denied:
        gw.run("systemctl", "restart", "nftables")
        facts(gw)
    assert denied.greetings == set()


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("order", ["reload nftables", "restart networking"])
def test_a_restart_of_what_it_stands_on_ends_no_session(gw, order):
    with watched(), sessions():
        gw.run("systemctl", *order.split())
    facts(gw)


def test_status_has_the_words_of_supervise(gw):
    gw.path("/var/svc.d/open-ftpd/run").chmod(0o644)
    gw.run("svc", "-t", "/etc/service/open-ftpd")
    words = "(supervise: fatal: unable to start open-ftpd/run: access denied)"
    eventually(lambda: words in (gw.call("daemontools.show")["open-ftpd"]["problem"] or ""))
    gw.apply()
    eventually(lambda: gw.call("daemontools.show")["open-ftpd"]["problem"] is None)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("package", INETDS)
def test_an_inetd_that_comes_afterwards_has_no_ftp_from_the_next_run_on(gw, package):
    file = INETDS[package]
    gw.run(*APT, "--purge", "install", package)
    gw.write(file, FTP)
    gw.run("systemctl", "restart", package)
    assert heard(STRANGER) == b""
    assert LAN.greeting().startswith(b"220 FTP server ready")
    state = gw.apply()["ftpgw has the ports that inetd had"]
    assert state["comment"] == f"{file} has changed, inetd has read it"
    assert gw.path(file).read_text() == f"#ftpgw# {FTP}"
    with watched():
        gw.reboot()
        served(gw)
