"""Who is connected to the gateway, through the proxy too, and how sessions end."""

import contextlib
import ftplib

import outside
import pytest
import yaml
from clients import LAN, PARTNER, SURFER, download, upload


@contextlib.contextmanager
def connected():
    """A session from inside, one from a customer's site, and one through the proxy."""
    with (
        outside.servers(),
        contextlib.closing(LAN.session()) as inside,
        contextlib.closing(PARTNER.session()) as customer,
        contextlib.closing(SURFER.session()) as proxied,
    ):
        yield inside, customer, proxied


def known(sessions):
    """What is told of sessions, but for what differs every time."""
    keys = ("service", "address", "site", "account")
    return sorted(tuple(session[key] for key in keys) for session in sessions)


def test_each_session_has_an_address_a_site_and_an_account(gateway):
    with connected():
        assert known(gateway.call("ftpgw.sessions")) == [
            ("ftp-proxy", "192.168.0.10", "inside", None),
            ("open-ftpd", "192.168.0.10", "lan", "partner"),
            ("open-ftpd", "9.9.9.9", "acme", "partner"),
        ]
        ended = gateway.call("ftpgw.end", "192.168.0.10")
        assert [entry[:2] for entry in known(ended)] == [
            ("ftp-proxy", "192.168.0.10"),
            ("open-ftpd", "192.168.0.10"),
        ]
        assert known(gateway.call("ftpgw.sessions")) == [
            ("open-ftpd", "9.9.9.9", "acme", "partner")
        ]


def test_a_customer_who_is_denied_is_sent_away_where_that_is_set(gateway, pillar):
    """In the middle of a session; whoever else is connected stays, through a restart too."""
    with connected() as (inside, customer, proxied):
        upload(inside, "kept.bin", b"kept")
        with pillar() as ftpgw:
            rules = ftpgw["rules"]["ftp"]
            del rules["sites"]["acme"]
            rules |= {"revoke": "end", "expect": {}}
        ftp = "ftpgw rules ftp"
        foretold = gateway.apply("ftpgw.rules", test=True)[ftp]
        done = gateway.apply("ftpgw.rules")[ftp]
        assert done["changes"]["sessions"] == {"ended": ["9.9.9.9"]}
        assert foretold["changes"] == done["changes"]
        with pytest.raises((EOFError, OSError, ftplib.Error)):
            customer.voidcmd("NOOP")
        gateway.call("daemontools.restart", "open-ftpd")
        assert download(inside, "kept.bin") == b"kept"
        proxied.voidcmd("NOOP")
        assert len(gateway.call("ftpgw.sessions", "192.168.0.10")) == 2
        assert gateway.call("ftpgw.sessions", "9.9.9.9") == []


def test_a_proxy_that_is_drained_serves_who_is_there(gateway):
    with connected() as (_, _, proxied):
        done = gateway.salt_call("--out=yaml", "daemontools.drain", "ftp-proxy", "timeout=1")
        assert yaml.safe_load(done.stdout)["local"] == ["192.168.0.10"]
        proxied.voidcmd("NOOP")
        with pytest.raises(ConnectionRefusedError):
            SURFER.session()
        assert LAN.greeting().startswith(b"220")
    assert gateway.changed(gateway.apply())
