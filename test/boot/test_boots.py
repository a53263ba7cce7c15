"""A gateway is what it is after a boot, with nobody there: these tests are one story."""

import pytest
from clients import LAN, PARTNER, STRANGER, SURFER, Client, download, upload
from polls import eventually, heard, polled

PAYLOAD = bytes(range(256)) * 400
SERVER_OUTSIDE = b"GNU inetutils"


def facts(gw):
    """Raise unless everybody who should be is served, nobody else is, and status says so."""
    for client in (LAN, PARTNER, SURFER):
        with client.session() as ftp:
            upload(ftp, "fact.bin", PAYLOAD)
            assert download(ftp, "fact.bin") == PAYLOAD
    assert STRANGER.greeting() == b""
    proxy = Client("wan", SURFER.server, LAN.server, 8021)
    assert heard(proxy) == b""
    eventually(lambda: well(gw))
    assert gw.run("systemctl", "--failed", "--quiet").stdout == ""


def well(gw):
    """Return whether the services are up, and have been for long enough."""
    records = gw.call("daemontools.show")
    assert list(records) == ["ftp-proxy", "open-ftpd"]
    loggers = [record["log"] for record in records.values()]
    problems = [record.get("problem") for record in records.values()]
    return {record["state"] for record in [*records.values(), *loggers]} == {"up"} and not any(
        problems
    )


def served(gw):
    """Wait, touching nothing, until svscan has seen what it boots with; then see who is served."""
    for client in (LAN, SURFER):
        eventually(client.greeting)
    facts(gw)


@pytest.mark.usefixtures("servers")
def test_the_first_apply_makes_a_gateway(gw):
    facts(gw)


def test_a_second_apply_changes_nothing(gw):
    assert not [name for name, state in gw.apply().items() if state["changes"]]


@pytest.mark.usefixtures("servers")
def test_it_serves_again_after_a_reboot(gw):
    gw.reboot()
    served(gw)


@pytest.mark.usefixtures("servers")
def test_it_serves_again_after_a_power_cut_right_after_an_apply(gw):
    gw.apply()
    gw.cut()
    gw.boot()
    served(gw)


@pytest.mark.usefixtures("servers")
def test_while_it_boots_nobody_gets_what_the_rules_keep_from_him(gw):
    with polled(STRANGER) as denied, polled(SURFER) as diverted:
        gw.reboot()
        served(gw)
    assert denied.attempts > 10
    assert denied.greetings == set()
    assert diverted.greetings
    assert not [text for text in diverted.greetings if SERVER_OUTSIDE in text]
