"""Sessions of a real tcpserver: who is connected, until when, and how they are ended."""

import datetime
import shutil
import socket
import subprocess
import sys
import threading
import time

import _sessions
import _tcpserver
import pytest
from salt.exceptions import CommandExecutionError, SaltInvocationError

ECHO = "trap '' TERM; echo hello; while read line; do echo $line; done"


class Server:
    """A tcpserver on a free port, and its clients."""

    def __init__(self, *command, options=()):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        listen = ["tcpserver", "-RHl0", *options, "127.0.0.1", str(self.port)]
        self.process = subprocess.Popen([*listen, *command], stderr=subprocess.DEVNULL)
        self.clients = []

    def client(self, address="127.0.0.1"):
        deadline = time.monotonic() + 60
        while True:
            try:
                there = socket.create_connection(("127.0.0.1", self.port), 10, (address, 0))
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
                continue
            self.clients.append(there)
            assert there.recv(6) == b"hello\n"
            return there

    def sessions(self):
        return _sessions.read({"echo": self.port})

    def close(self):
        for client in self.clients:
            client.close()
        _sessions.end(self.sessions(), 0.2)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server():
    server = Server("sh", "-c", ECHO.replace("trap '' TERM; ", ""))
    yield server
    server.close()


WAITING = """
import socket, sys
data = socket.create_server(("127.0.0.1", 0))
print("hello", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def waiting():
    """Sessions that listen for data, as after PASV."""
    server = Server(sys.executable, "-c", WAITING, "\x1b[2J\u202e\udcff")
    yield server
    server.close()


@pytest.fixture
def stubborn():
    server = Server("sh", "-c", ECHO)
    yield server
    server.close()


def test_a_session_says_who_is_served_since_when_and_by_what(server):
    assert server.sessions() == []
    before = time.time()
    first = server.client("127.0.0.7")
    second = server.client("127.0.0.8")
    # To the process table, a hundredth of a second is a moment.
    found = sorted(server.sessions(), key=lambda session: session["address"])
    assert [session["address"] for session in found] == ["127.0.0.7", "127.0.0.8"]
    assert [session["port"] for session in found] == [
        client.getsockname()[1] for client in (first, second)
    ]
    for session in found:
        assert session["service"] == "echo"
        assert session["users"] == ["root"]
        assert before - 2 < session["since"] < time.time() + 2
        assert session["does"].startswith("sh -c echo hello;")
        assert session["pid"] != server.process.pid


def test_a_session_that_listens_for_data_is_one(waiting):
    """Else whoever has said PASV could be neither seen nor sent away."""
    client = waiting.client()
    [session] = waiting.sessions()
    assert session["pid"] != waiting.process.pid
    assert session["does"].endswith(r"\x1b[2J\u202e\udcff")
    assert _sessions.end([session]) == [session]
    assert client.recv(1) == b""


def test_a_session_goes_on_when_its_tcpserver_has_ended(server):
    """And is still known: so is who stays connected when a service is taken down."""
    server.client()
    server.process.terminate()
    server.process.wait()
    [session] = server.sessions()
    assert _sessions.wait([session], 0.3) == [session]


def test_whoever_has_left_is_no_session(server, eventually):
    server.client().close()
    eventually(lambda: server.sessions() == [])


def test_one_session_is_ended_and_the_others_are_served(server):
    leaving, staying = server.client("127.0.0.7"), server.client("127.0.0.8")
    ended = _sessions.end([s for s in server.sessions() if s["address"] == "127.0.0.7"])
    assert [session["address"] for session in ended] == ["127.0.0.7"]
    assert leaving.recv(1) == b""
    staying.sendall(b"still here\n")
    assert staying.recv(11) == b"still here\n"
    assert [session["address"] for session in server.sessions()] == ["127.0.0.8"]
    assert server.client("127.0.0.9")


def test_a_process_that_ignores_term_is_killed(stubborn):
    client = stubborn.client()
    assert len(_sessions.end(stubborn.sessions(), 0.2)) == 1
    assert client.recv(1) == b""


def test_a_process_that_has_the_number_of_another_is_left_alone(server):
    client = server.client()
    [session] = server.sessions()
    _sessions.end([{**session, "since": session["since"] - 1000}], 0.2)
    client.sendall(b"still here\n")
    assert client.recv(11) == b"still here\n"


def test_the_end_of_sessions_is_waited_for(server):
    client = server.client()
    sessions = server.sessions()
    client.close()
    assert _sessions.wait(sessions, 10) == []


def test_where_connections_cannot_be_seen_that_is_said(monkeypatch):
    monkeypatch.setattr(_sessions, "psutil", None)
    with pytest.raises(LookupError, match="psutil"):
        _sessions.read({"echo": 2121})


class TestRevoked:
    """New rules, and those whom they deny but who are in."""

    @pytest.fixture
    def declare(self, minion):
        def declare(*allowed, test=False, **more):
            sites = {"here": {"allow": list(allowed)}} if allowed else {}
            settings = {"sites": sites, "admits": "listed" if allowed else "nobody", **more}
            return minion.apply("tcprules.managed", test=test, name="echo", settings=settings)

        yield declare
        minion.apply("tcprules.absent", name="echo")

    @pytest.fixture
    def server(self, minion, declare):
        """A service of the minion that reads the rules."""
        declare("127.0.0.0/24")
        cdb = minion.root / "tcprules/echo.cdb"
        server = Server("sh", "-c", ECHO.replace("trap '' TERM; ", ""), options=["-x", str(cdb)])
        folder = minion.root / "svc.d/echo"
        folder.mkdir(parents=True)
        run = f"#!/bin/sh\nexec tcpserver -v -RHl0 -x {cdb} 127.0.0.1 {server.port} sh\n"
        (folder / "run").write_text(run)
        yield server
        server.close()
        shutil.rmtree(folder)

    def test_of_each_session_the_site_is_told(self, minion, server):
        server.client("127.0.0.7")
        [session] = minion.functions["ftpgw.sessions"]()
        assert session.pop("pid") != server.process.pid
        assert session.pop("since").startswith(datetime.datetime.now().strftime("%Y-"))
        assert session.pop("does").startswith("sh -c echo hello")
        assert 0 <= session.pop("seconds") < 60
        assert session == {
            "service": "echo",
            "address": "127.0.0.7",
            "site": "here",
            "account": None,
        }

    @pytest.mark.parametrize("who", ["127.0.0.7", "127.0.0.4/30", "here"])
    def test_whoever_is_named_is_ended(self, minion, server, who):
        """By address, by network, and by site."""
        leaving = server.client("127.0.0.7")
        staying = None if who == "here" else server.client("127.0.0.8")
        [ended] = minion.functions["ftpgw.end"](who)
        assert ended["address"] == "127.0.0.7"
        assert leaving.recv(1) == b""
        if staying:
            staying.sendall(b"still here\n")
            assert staying.recv(11) == b"still here\n"

    def test_whom_nobody_knows_cannot_be_ended(self, minion, server):
        server.client("127.0.0.7")
        with pytest.raises(CommandExecutionError, match=r"^acme: nobody of that address"):
            minion.functions["ftpgw.end"]("acme")
        assert len(server.sessions()) == 1

    def test_nobody_is_ended_where_nobody_is_named(self, minion, server):
        """What YAML makes of `null`, or of a key that is missing, is not everyone."""
        server.client("127.0.0.7")
        for who in (None, ""):
            with pytest.raises(CommandExecutionError, match="nobody of that address"):
                minion.functions["ftpgw.end"](who)
        for function in ("end", "sessions"):
            with pytest.raises(SaltInvocationError, match=r"did you mean '127.0.0.0/24'\?"):
                minion.functions[f"ftpgw.{function}"]("127.0.0.7/24")
        assert len(server.sessions()) == 1

    def test_they_stay_and_are_told_of_where_nothing_is_said(self, declare, server):
        leaving = server.client("127.0.0.7")
        done = declare("127.0.0.8")
        assert "sessions" not in done["changes"]
        [line] = done["warnings"]
        assert line.startswith("echo: 1 sessions of denied clients go on, from 127.0.0.7 (")
        leaving.sendall(b"still here\n")
        assert leaving.recv(11) == b"still here\n"
        assert "warnings" not in declare("127.0.0.8")

    def test_they_are_ended_where_that_is_set(self, declare, server):
        leaving, staying = server.client("127.0.0.7"), server.client("127.0.0.8")
        foretold = declare("127.0.0.8", revoke="end", test=True)
        staying.sendall(b"still here\n")
        assert staying.recv(11) == b"still here\n"
        assert len(server.sessions()) == 2
        done = declare("127.0.0.8", revoke="end")
        assert foretold["changes"] == done["changes"]
        assert done["changes"]["sessions"] == {"ended": ["127.0.0.7"]}
        assert leaving.recv(1) == b""
        staying.sendall(b"still here\n")
        assert staying.recv(11) == b"still here\n"
        assert declare("127.0.0.8", revoke="end")["changes"] == {}

    def test_who_was_kept_by_a_run_that_was_cut_is_ended_by_the_next(self, declare, server):
        """The rules are as declared already."""
        leaving = server.client("127.0.0.7")
        declare("127.0.0.8")
        assert len(server.sessions()) == 1
        done = declare("127.0.0.8", revoke="end")
        assert done["changes"]["sessions"] == {"ended": ["127.0.0.7"]}
        assert leaving.recv(1) == b""

    def test_nobody_is_ended_by_rules_that_are_refused(self, declare, server):
        staying = server.client("127.0.0.7")
        done = declare("127.0.0.8", revoke="end", expect={"allow": ["127.0.0.7"]})
        assert done["result"] is False
        staying.sendall(b"still here\n")
        assert staying.recv(11) == b"still here\n"

    def test_everybody_is_ended_where_there_are_no_rules_any_more(self, declare, server):
        leaving = server.client("127.0.0.7")
        done = declare(state="absent", revoke="end")
        assert done["changes"]["sessions"] == {"ended": ["127.0.0.7"]}
        assert leaving.recv(1) == b""

    def test_of_a_tcpserver_that_knows_names_nobody_is_judged_by_address(
        self, declare, server, minion
    ):
        run = minion.root / "svc.d/echo/run"
        run.write_text(run.read_text().replace("-RHl0", "-Rhl0"))
        server.client("127.0.0.7")
        done = declare("127.0.0.8", revoke="end")
        assert "sessions" not in done["changes"]
        assert len(server.sessions()) == 1

    def test_that_it_is_not_known_who_is_connected_is_told(self, declare, server, monkeypatch):
        monkeypatch.setattr(_sessions, "psutil", None)
        done = declare("127.0.0.8", revoke="end")
        assert done["result"] is True
        assert "not known: there is no psutil" in done["warnings"][0]
        monkeypatch.undo()

    def test_rules_that_are_in_force_do_not_fail_for_a_script_that_cannot_be_read(
        self, declare, server, monkeypatch
    ):
        def unreadable(definitions):
            raise OSError(5, "Input/output error", "/svc.d/echo/run")

        with monkeypatch.context() as patch:
            patch.setattr(_tcpserver, "scripts", unreadable)
            done = declare("127.0.0.8", revoke="end")
        assert done["result"] is True
        assert done["changes"]["here"]
        assert "not known: /svc.d/echo/run: Input/output error" in done["warnings"][0]


class TestDrained:
    """A service that is taken down without ending anybody."""

    @pytest.fixture
    def port(self, supervise):
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        loop = ECHO.replace("trap '' TERM; ", "")
        run = f"exec 2>/dev/null tcpserver -RHl0 127.0.0.1 {number} sh -c '{loop}'"
        supervise(f"echo{number}", run)
        yield number
        _sessions.end(_sessions.read({"echo": number}))

    def client(self, port):
        there = socket.create_connection(("127.0.0.1", port), 10)
        assert there.recv(6) == b"hello\n"
        return there

    def test_who_is_connected_stays_and_nobody_new_gets_in(self, supervise, port, eventually):
        eventually(lambda: _is_open(port))
        drain = supervise.minion.functions["daemontools.drain"]
        with self.client(port) as staying:
            assert drain(f"echo{port}", timeout=0.2) == ["127.0.0.1"]
            assert not _is_open(port)
            staying.sendall(b"still here\n")
            assert staying.recv(11) == b"still here\n"
            threading.Timer(0.3, staying.shutdown, [socket.SHUT_RDWR]).start()
            assert drain(f"echo{port}", timeout=10) == []
        assert supervise.minion.functions["daemontools.show"](f"echo{port}")["want"] == "down"

    @pytest.mark.parametrize("order", ["drain", "start", "stop", "restart", "full_restart"])
    @pytest.mark.parametrize("timeout", ["5m", None, True, -1, float("nan")])
    def test_a_time_that_is_none_is_refused_before_the_service_goes_down(
        self, supervise, port, order, timeout
    ):
        with pytest.raises(SaltInvocationError, match=r"^timeout: expected a number of seconds"):
            supervise.minion.functions[f"daemontools.{order}"](f"echo{port}", timeout=timeout)
        assert supervise.minion.functions["daemontools.show"](f"echo{port}")["want"] == "up"

    def test_what_has_no_tcpserver_cannot_be_drained(self, supervise):
        supervise("alone")
        with pytest.raises(CommandExecutionError, match=r"^alone: there is no tcpserver"):
            supervise.minion.functions["daemontools.drain"]("alone")
        assert supervise.minion.functions["daemontools.show"]("alone")["want"] == "up"


def _is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except ConnectionRefusedError:
        return False
    return True
