"""The run scripts of every system, under a real svscan, with stubs for the daemons."""

import pytest

ALONE = "/usr/sbin/ftp-proxy -d -D 6 -m 91 -p 8021"
VSFTPD = "/usr/sbin/vsftpd /etc/ftpgw/vsftpd.conf"
SUSE = "/usr/sbin/ftp-proxy -i -n"
SYSTEMS = {
    "debian-12": (VSFTPD, f"{SUSE} -f /etc/proxy-suite/ftpgw.conf"),
    "debian-13": (VSFTPD, f"{SUSE} -f /etc/proxy-suite/ftpgw.conf"),
    "freebsd-14.1": ("/usr/libexec/ftpd -l", ALONE),
    "freebsd-15.0": ("/usr/local/libexec/ftpd -l", ALONE),
    "openbsd-3.8": ("/usr/libexec/ftpd -A -S -U -4", "/usr/libexec/ftp-proxy -u ftpproxy -t 240"),
    "openbsd-4.4": ("/usr/libexec/ftpd -A -S -U -4", ALONE),
    "openbsd-4.8": ("/usr/libexec/ftpd -A -U -l", ALONE),
    "openbsd-7.6": ("/usr/libexec/ftpd -A -U -l", ALONE),
}


@pytest.fixture(scope="module")
def said(in_a_box):
    """What the daemons of each system said."""
    return in_a_box("scripts.py")


def test_every_system_is_tried(said):
    """And none twice."""
    assert said.keys() == SYSTEMS.keys()


@pytest.mark.parametrize("name", SYSTEMS)
def test_both_daemons_are_reached_with_their_options(said, name):
    """A client hears ftpd; ftp-proxy too, or where it listens by itself, multilog does."""
    assert (said[name]["open-ftpd"], said[name]["ftp-proxy"]) == SYSTEMS[name]
