"""_ready: a service serves when its port is its own and it greets, under a real supervise."""

import os
import socket
import subprocess
import sys
import time

import _listener
import _ready
import _servicedir
import _supervise
import pytest

GREETS = ["/bin/sh", "-c", "echo 220 hello"]
# It listens by itself.
DAEMON = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
while True:
    listener.accept()[0].sendall(b"220 hello")
"""


def free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def port():
    return free()


@pytest.fixture
def start(supervise, tmp_path):
    """Run a service, wait until it is ready, and return what is said of that; it then ends."""
    started = []

    def run(tcpserver=None, addresses=(), old=None, script=None, **given):
        server = {"address": "127.0.0.1", "port": free()} | (tcpserver or {})
        whole = {"run": script} if script else {"tcpserver": server, "command": GREETS}
        settings = {"greeting": "220", "timeout": 9, "multilog": False, **whole, **given}
        settings = {key: value for key, value in settings.items() if value is not None}
        wanted = _servicedir.checked("x", settings, "x", str(tmp_path), str(tmp_path))
        made = _servicedir.files("x", wanted)["run"]["text"].removeprefix("#!/bin/sh\n")
        folder = str(supervise(f"s{len(os.listdir(supervise.directory))}", made, wait=False))
        started.append(folder)
        return _ready.service(folder, wanted | {"addresses": list(addresses)}, old)

    yield run
    for folder in started:
        _supervise.order(folder, "dx")


def says(*words):
    return ["/bin/sh", "-c", " ".join(words)]


def test_a_service_that_greets_is_ready_at_once(start):
    begun = time.monotonic()
    assert start() == (None, "greets")
    assert time.monotonic() - begun < _supervise.UNSEEN


def test_without_a_greeting_its_port_is_enough(start):
    begun = time.monotonic()
    assert start(greeting=None, command=says("exit 7")) == (None, "")
    assert time.monotonic() - begun < _supervise.UNSEEN


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (says("exit 7"), "hangs up where a client expects '220'"),
        (says("echo 421 no"), "says '421 no' where a client expects '220'"),
        (says("exec sleep 9"), "says nothing within 1 s"),
        (["/no/such/ftpd"], "hangs up where a client expects '220'"),
    ],
)
def test_a_service_that_does_not_greet_is_not_ready(start, command, wrong):
    fault, _ = start(command=command, timeout=1 if "sleep" in command[-1] else 9)
    assert fault == f"its port is open, but it {wrong}"


def test_a_banner_comes_before_its_greeting(start):
    assert start({"banner": "hello "}) == (None, "greets")
    wrong, _ = start({"banner": "220 "}, command=says("exit 7"))
    assert wrong.endswith("says '220' where a client expects '220 220'")


def test_a_service_whose_port_somebody_else_has_is_not_ready(start, port):
    with socket.create_server(("127.0.0.1", port)):
        fault, _ = start({"port": port})
    assert fault.startswith("does not stay up (5 starts); ")
    assert f"port {port} is held by " in fault


def test_the_greeting_of_another_process_on_its_port_does_not_count(start, port):
    daemon = ["tcpserver", "-RHl0", "127.0.0.1", str(port), "echo", "220 hello"]
    with subprocess.Popen(daemon) as other:
        while not _listener.ports(other.pid):
            time.sleep(0.01)
        fault, _ = start({"port": port}, timeout=3)
        other.kill()
    assert f"port {port} is held by tcpserver (pid {other.pid})" in fault


def test_a_service_that_dies_at_once_is_not_ready(start):
    fault, _ = start(script="#!/bin/sh\nexit 1\n")
    assert fault == "does not stay up (5 starts)"


def test_a_process_that_never_listens_is_not_ready(start):
    fault, _ = start(script="#!/bin/sh\nexec sleep 1000\n", timeout=1)
    assert fault == "not ready within 1 s"


def test_a_daemon_that_listens_by_itself_is_asked_where_it_does(start):
    script = f"#!/bin/sh\nexec {sys.executable} -c '{DAEMON}'\n"
    assert start(script=script) == (None, "greets")
    fault, _ = start(script=script.replace("220 hello", "421 no"))
    assert fault.startswith("its port is open, but it says '421 no'")


def test_a_whole_script_is_asked_where_its_tcpserver_listens(start, port):
    script = f"#!/bin/sh\nexec tcpserver -RHl0 127.0.0.1 {port} echo 220\n"
    assert start(script=script) == (None, "greets")


def rules(tmp_path, text):
    cdb = tmp_path / "x.cdb"
    subprocess.run(["tcprules", cdb, tmp_path / "tmp"], input=text, text=True, check=True)
    return {"rules": str(cdb)}


def test_it_is_asked_from_an_address_that_its_rules_admit(start, tmp_path):
    admits = rules(tmp_path, "127.0.0.2:allow\n:deny\n")
    anywhere = {"address": "0"} | admits
    assert start(anywhere, ["127.0.0.1", "127.0.0.2"]) == (None, "greets")
    fault, _ = start(anywhere, ["127.0.0.2"], command=says("exit 7"))
    assert fault.startswith("its port is open, but it hangs up")


def test_where_its_rules_admit_nobody_here_its_port_is_enough_and_that_is_said(start, tmp_path):
    admits = rules(tmp_path, "9.9.9.9:allow\n:deny\n")
    why = "not asked for its greeting: its rules admit no address of this machine"
    assert start(admits, ["127.0.0.2"], command=says("exit 7")) == (None, why)
    # A name is no address: what tcpserver finds it to be is not foretold.
    admits = rules(tmp_path, "=.example:allow\n")
    assert start(admits | {"remote_host": True}) == (None, why)


def test_without_a_cdb_its_port_is_enough_and_that_is_said(start, tmp_path):
    _, note = start({"rules": str(tmp_path / "no.cdb")})
    assert note == (
        f"not asked for its greeting: there is no {tmp_path}/no.cdb, so every client is dropped"
    )


def test_where_nothing_tells_who_has_a_port_it_must_stay_up_for_a_while(start, monkeypatch):
    """As on a BSD."""
    monkeypatch.setattr(_listener, "PROC", "/no/such/proc")
    begun = time.monotonic()
    assert start() == (None, "greets")
    assert time.monotonic() - begun >= _supervise.UNSEEN - 1
    fault, _ = start(command=says("exit 7"))
    assert fault.startswith("its port is open, but it hangs up")
    script = f"#!/bin/sh\nexec {sys.executable} -c '{DAEMON}'\n"
    assert start(script=script) == (None, "not asked for its greeting: nothing tells its port")


def test_a_process_that_does_not_end_is_not_the_new_one(supervise):
    folder = str(supervise("stubborn"))
    pid = _supervise.read(folder)["pid"]
    wanted = {"tcpserver": {"address": "0", "port": 1}, "timeout": 1}
    assert _ready.service(folder, wanted, pid)[0] == (
        f"pid {pid} did not end within 1 s of TERM (daemontools.kill stubborn, or set kill_after)"
    )


def test_a_logger_is_ready_when_it_has_its_file(supervise, tmp_path):
    log = tmp_path / "log"
    wanted = {"multilog": {"directory": str(log)}, "timeout": 1}
    run = f"mkfifo words && exec multilog t {log} <>words"
    begun = time.monotonic()
    assert _ready.logger(str(supervise("logger", run)), wanted, None) is None
    assert time.monotonic() - begun < _supervise.UNSEEN
    idle = str(supervise("idle", "exec sleep 1000"))
    assert _ready.logger(idle, wanted, None) == "not ready within 1 s"
