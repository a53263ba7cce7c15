"""What the gateway waits for: at a boot, and when a part of its networks is missing."""

import pytest
from clients import LAN, PARTNER, SURFER
from polls import eventually, heard, watched

SLOW = "[Service]\nExecStartPre=/bin/sleep 3\n"


@pytest.mark.usefixtures("servers")
def test_the_proxy_waits_for_its_address_and_its_filter(gw):
    for unit in ("networking", "nftables"):
        gw.write(f"/etc/systemd/system/{unit}.service.d/slow.conf", SLOW)
    log = gw.path("/var/multilog/ftp-proxy/current")
    before = log.read_text()
    with watched():
        gw.reboot()
        eventually(LAN.greeting)
    assert "fatal" not in log.read_text().removeprefix(before)


@pytest.fixture
def severed(gw):
    """The gateway without its inside address, which comes back."""
    address = ("192.168.0.254/24", "dev", "int0")
    gw.run("ip", "address", "delete", *address)
    yield gw
    gw.run("ip", "address", "add", *address)
    gw.apply()
    assert heard(SURFER).startswith(b"220")


def test_without_the_inside_address_only_the_proxy_and_its_filter_wait(severed):
    def leaves(ftpgw):
        ftpgw["accounts"]["partner"] = {"state": "absent"}
        del ftpgw["rules"]["ftp"]["sites"]["acme"], ftpgw["rules"]["ftp"]["expect"]

    with severed.pillar(leaves):
        states = severed.apply(check=False)
    failed = [name for name, state in states.items() if state["result"] is False]
    assert failed == [
        "ftpgw is between its networks",
        "ftpgw service ftp-proxy",
        "ftpgw packet filter diverts FTP",
    ]
    said = states["ftpgw is between its networks"]["comment"]
    assert (
        said == "ftpgw:network:int_ip: no interface of this machine has the address 192.168.0.254"
    )
    assert heard(PARTNER) == b""
    assert "partner:" not in severed.path("/etc/passwd").read_text()
