"""What svscan has under it while others use apt, and what it says of it."""

import pytest
from clients import SURFER, download, upload
from polls import eventually

DAEMONS = ("ftp-proxy", "inetutils-ftpd", "ucspi-tcp")


@pytest.mark.usefixtures("servers")
def test_an_upgrade_of_the_daemons_ends_no_session(gw):
    with SURFER.session() as ftp:
        upload(ftp, "during.bin", b"x")
        gw.run("apt-get", "-q", "-y", "install", "--reinstall", *DAEMONS)
        assert download(ftp, "during.bin") == b"x"
    assert SURFER.greeting().startswith(b"220 gw1 FTP server")


def test_status_has_the_words_of_supervise(gw):
    gw.path("/var/svc.d/open-ftpd/run").chmod(0o644)
    gw.run("svc", "-t", "/etc/service/open-ftpd")
    words = "(supervise: fatal: unable to start open-ftpd/run: access denied)"
    eventually(lambda: words in (gw.call("daemontools.show")["open-ftpd"]["problem"] or ""))
    gw.apply()
    eventually(lambda: gw.call("daemontools.show")["open-ftpd"]["problem"] is None)
