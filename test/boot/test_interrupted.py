"""A run that ends at any moment is made good by the next one."""

import os
import subprocess

import pytest
from clients import LAN, STRANGER
from polls import eventually, heard, polled


def logged(status):
    """Return what says whether dpkg has come as far, by its log."""

    def come(machine):
        log = machine.path("/var/log/dpkg.log")
        return log.exists() and f"status {status}" in log.read_text()

    return come


def there(path):
    """Return what says whether a file is there."""
    return lambda machine: os.path.lexists(machine.path(path))


# dpkg is in the middle of the files of one, or of the rest, when all files of others are there.
MOMENTS = {
    "a package is half installed": logged("half-installed vsftpd"),
    "a package is half configured": logged("half-configured daemontools-run"),
    "the accounts are there": there("/etc/ftpgw.passwd"),
    "the server serves": lambda machine: heard(LAN),
    "the filter is in force": there("/etc/nftables.d/ftpgw.nft"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_power_cut_in_a_first_run_lets_nobody_in_and_the_next_run_finishes(machine, moment):
    run = subprocess.Popen(machine.command("salt-call", "--local", "state.apply", "ftpgw"))
    eventually(lambda: MOMENTS[moment](machine))
    machine.cut()
    run.wait()
    with polled(STRANGER) as denied:
        machine.boot()
        heard(LAN)
        machine.apply()
        eventually(LAN.greeting)
    assert denied.attempts > 10
    assert denied.greetings == set()
    assert machine.run("dpkg", "--audit").stdout == ""
    assert not [name for name, state in machine.apply().items() if state["changes"]]


def test_without_a_mirror_a_run_ends_before_it_has_written_into_files_of_packages(machine):
    machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/no/mirror ./\n")
    states = machine.apply(check=False)
    failed = [name for name, state in states.items() if state["result"] is False]
    assert failed == ["ftpgw packages are installed"]
    for path in ("/etc/pam.d/ftpgw", "/etc/nftables.conf", "/etc/default/ftp-proxy"):
        assert not machine.path(path).exists()
    machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/debs ./\n")
    machine.apply()
    assert LAN.greeting().startswith(b"220 FTP server ready")
