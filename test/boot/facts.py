"""What is true of a gateway that is well."""

from clients import LAN, PARTNER, STRANGER, SURFER, Client, download, upload
from polls import eventually, heard

PAYLOAD = bytes(range(256)) * 400


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
