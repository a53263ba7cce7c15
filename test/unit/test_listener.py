"""_listener: who has a port."""

import os
import socket
import subprocess

import _listener
import psutil
import pytest


def test_the_holder_of_a_port_is_named_with_its_pid():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = _listener.holder(port)
        assert told.startswith(f"port {port} is held by ")
        assert told.endswith(f"(pid {os.getpid()})")
        assert _listener.holder(str(port)) == told


def test_a_port_that_is_free_or_unknown_has_no_holder():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert _listener.holder(port) == ""
    assert _listener.holder("no-such-service") == ""


def test_a_client_of_a_port_does_not_hold_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
    with client:
        assert _listener.holder(port) == ""


@pytest.mark.parametrize(
    "error", [psutil.AccessDenied(), PermissionError(), psutil.NoSuchProcess(1)]
)
def test_who_may_not_know_is_told_nothing(monkeypatch, error):
    def refuse(kind):
        raise error

    monkeypatch.setattr(psutil, "net_connections", refuse)
    assert _listener.holder(21) == ""


def test_a_holder_that_is_hidden_is_another_process(monkeypatch):
    class Socket:
        pid, status, laddr = None, psutil.CONN_LISTEN, type("Address", (), {"port": 21})

    monkeypatch.setattr(psutil, "net_connections", lambda kind: [Socket])
    assert _listener.holder(21) == "port 21 is held by another process"


def test_without_psutil_nothing_is_told(monkeypatch):
    monkeypatch.setattr(_listener, "psutil", None)
    assert _listener.holder(21) == ""


def test_a_process_holds_the_ports_that_it_listens_on():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert port in _listener.ports(os.getpid())
        with subprocess.Popen(["sleep", "1000"]) as other:
            assert _listener.ports(other.pid) == set()
            other.kill()
    assert port not in _listener.ports(os.getpid())


def test_a_process_that_has_ended_holds_no_port():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert _listener.ports(process.pid) == set()


def test_where_nothing_tells_no_port_is_known(monkeypatch):
    """As on a BSD, and for an account that may not look."""
    monkeypatch.setattr(_listener, "PROC", "/no/such/proc")
    assert _listener.ports(os.getpid()) is None
