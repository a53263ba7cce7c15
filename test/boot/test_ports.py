"""The ports for passive data, where the machine has a word of its own about them."""

import pytest
from clients import SURFER, download, upload
from polls import eventually, watched

RANGE = "net.ipv4.ip_local_port_range"
RIVAL = f"{RANGE} = 10000 20000\n"
OURS = "49152\t65535"


def port_range(gw):
    """Return what the kernel has."""
    return gw.run("sysctl", "-n", RANGE).stdout.strip()


@pytest.mark.usefixtures("servers")
def test_what_was_there_before_does_not_win_after_a_boot(machine):
    for path in ("/etc/sysctl.conf", "/etc/sysctl.d/zz-local.conf"):
        machine.write(path, RIVAL)
    machine.apply()
    with watched():
        machine.reboot()
        eventually(SURFER.greeting)
    assert port_range(machine) == OURS
    with SURFER.session() as ftp:
        upload(ftp, "after-a-boot.bin", b"x")
        assert download(ftp, "after-a-boot.bin") == b"x"


@pytest.mark.usefixtures("servers")
def test_a_file_that_will_win_at_the_boot_is_told_at_once(machine):
    machine.write("/etc/sysctl.d/zzzz-local.conf", RIVAL)
    states = machine.apply(check=False)
    failed = {name: state["comment"] for name, state in states.items() if state["result"] is False}
    assert failed == {
        "ftpgw passive connections have ports of their own": f"{RANGE}: after a boot it is "
        "10000 20000, not 49152 65535: take it out of /etc/sysctl.d/zzzz-local.conf"
    }
    with watched():
        machine.reboot()
    assert port_range(machine) == "10000\t20000"
