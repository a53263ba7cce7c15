"""_servicehealth: how one service of a gateway is, beyond what its processes tell."""

import os
import socket
import threading
import time

import _servicehealth
import _supervise
import pytest

SETTINGS = {"state": "up", "command": ["/bin/hello"], "multilog": {"size": 1000, "files": 10}}
RECORD = {
    "state": "up",
    "want": "up",
    "enabled": True,
    "pid": os.getpid(),
    "seconds": 600,
    "problem": None,
    "log": None,
    "clients": 3,
    "limit": 29,
}


@pytest.fixture
def log(tmp_path):
    """A log that says when the service was started: so many seconds ago."""

    def write(*agos):
        lines = []
        for ago in agos:
            seconds = int(time.time()) - ago + _supervise.TAI_OFFSET
            lines.append(f"@{seconds:016x}00000000 *** Starting hello service...\n")
        (tmp_path / "current").write_text("".join(lines))
        return str(tmp_path)

    return write


def told(record=RECORD, settings=SETTINGS, changes=(), **known):
    figures = {"starts": 1, "log_age": 1, "log_size": 0, "log_free": 10**9, **known}
    return list(_servicehealth.problems("hello", settings, record, figures, lambda: changes))


def test_the_figures_of_a_service(log):
    """Of an hour are the starts that its log tells of."""
    figures = _servicehealth.figures(RECORD, log(4000, 3000, 600))
    assert (figures["state"], figures["clients"], figures["limit"]) == ("up", 3, 29)
    assert (figures["starts"], figures["log_age"]) == (2, 0)
    assert figures["log_size"] == os.path.getsize(f"{log(1)}/current") * 3
    assert figures["log_free"] > 0


def test_who_has_been_up_for_an_hour_has_not_been_started(log):
    assert _servicehealth.figures({**RECORD, "seconds": 3700}, log(3600))["starts"] == 0


def test_what_has_no_log_has_no_figures_of_it():
    figures = _servicehealth.figures(RECORD, None)
    assert (figures["seconds"], figures["starts"], figures["log_age"]) == (600, None, None)


def test_of_what_is_well_nothing_is_told():
    assert told() == []


def test_the_worst_is_told_first():
    record = {**RECORD, "state": "paused", "problem": "paused"}
    first, second, *_ = told(record, changes=["run", "link"], starts=9)
    assert first == "hello: paused (daemontools.cont hello)"
    assert second == "hello: is not as declared: run, link (state.apply ftpgw.services)"


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({"starts": 6}, "hello: 6 starts in the last hour (daemontools.log hello since=1h)"),
        ({"log_age": 700}, "hello: log: nothing since the service was started "),
        (
            {"log_free": 9000, "log_size": 500},
            "hello: log: it may have 0.01 MB, but 0.009 MB are free (df)",
        ),
    ],
)
def test_what_the_figures_tell(known, line):
    [problem] = told(**known)
    assert problem.startswith(line)


@pytest.mark.parametrize(
    "known", [{"starts": 5}, {"log_age": 604}, {"log_free": 9501, "log_size": 500}]
)
def test_what_is_still_well(known):
    assert told(**known) == []


def test_a_log_that_drops_its_first_words_need_not_have_them():
    for more in ({"multilog": {"select": ["-*"]}}, {"run": "#!/bin/sh\nexec sleep 9"}):
        assert told(settings=SETTINGS | more, log_age=700) == []


def test_of_what_shall_be_down_nothing_more_is_asked():
    assert told(None, {**SETTINGS, "state": "absent"}, starts=99) == []


def test_a_young_service_has_its_port():
    """That of an old one would be down: tcpserver ends where it cannot have it."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        settings = SETTINGS | {"tcpserver": {"port": port}}
        young = {**RECORD, "seconds": 5}
        assert told(young, settings) == []
        [problem] = told({**young, "pid": os.getppid()}, settings)
        assert problem.startswith(f"hello: does not listen on port {port}; port {port} is held by ")
        assert told({**RECORD, "pid": os.getppid()}, settings) == []


@pytest.fixture
def listener():
    """A port at which each client is told something."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                client.sendall(server_says[0])
                client.close()

        server_says = [b"220 hello\r\n"]
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def port(says):
            server_says[0] = says
            return server.getsockname()[1]

        yield port
        server.shutdown(socket.SHUT_RDWR)


def unwelcome(port, **options):
    options = {"address": "0", "port": port, **options}
    wanted = {"greeting": "220", "tcpserver": options, "addresses": ["127.0.0.1"]}
    return list(_servicehealth.unwelcome("hello", "/no/folder", wanted))


def test_a_service_is_asked_for_its_greeting(listener):
    assert unwelcome(listener(b"220 hello\r\n")) == []
    [hung] = unwelcome(listener(b""))
    assert hung.startswith("hello: its port is open, but it hangs up")
    [other] = unwelcome(listener(b"421 no\r\n"), address="127.0.0.1")
    assert other.endswith(" (daemontools.log hello)")
    [refused] = unwelcome(1)
    assert "takes no connection from 127.0.0.1: Connection refused" in refused


def test_one_that_is_not_to_greet_is_not_asked():
    assert list(_servicehealth.unwelcome("hello", "/no/folder", {"tcpserver": {}})) == []
