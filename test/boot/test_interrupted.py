"""A run that ends while packages are installed is made good by the next one."""

import subprocess

import pytest
from clients import LAN, STRANGER
from polls import eventually, heard

# As in /var/log/dpkg.log: in the middle of the files, after them, in the middle of the rest.
MOMENTS = ["half-installed inetutils-ftpd", "unpacked ftp-proxy", "half-configured daemontools-run"]


@pytest.fixture(params=MOMENTS)
def cut(machine, request):
    """A machine that lost its power at some moment of the first run, and has booted."""
    log = machine.path("/var/log/dpkg.log")
    run = subprocess.Popen(machine.command("salt-call", "--local", "state.apply", "ftpgw"))
    eventually(lambda: log.exists() and f"status {request.param}" in log.read_text())
    machine.cut()
    run.wait()
    machine.boot()
    return machine


def test_the_next_run_finishes_what_dpkg_had_begun(cut):
    assert heard(STRANGER) == heard(LAN) == b""
    cut.apply()
    assert cut.run("dpkg", "--audit").stdout == ""
    assert LAN.greeting().startswith(b"220 gw1 FTP server")
    assert STRANGER.greeting() == b""
    assert not [name for name, state in cut.apply().items() if state["changes"]]


def test_without_a_mirror_a_run_ends_before_it_has_written_into_files_of_packages(machine):
    machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/no/mirror ./\n")
    states = machine.apply(check=False)
    failed = [name for name, state in states.items() if state["result"] is False]
    assert failed == ["ftpgw packages are installed"]
    for path in ("/etc/pam.d/ftp", "/etc/nftables.conf", "/etc/default/ftp-proxy"):
        assert not machine.path(path).exists()
    machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/debs ./\n")
    machine.apply()
    assert LAN.greeting().startswith(b"220 gw1 FTP server")
