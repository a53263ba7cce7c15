"""_listener: who has a port."""

import os
import socket

import _listener


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
