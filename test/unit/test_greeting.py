"""_greeting: what a daemon says first, on its port and when it is tried before it is a service."""

import pathlib
import socket
import threading
import time

import _greeting
import pytest
from services import checked

TCP = {"address": "127.0.0.1", "port": 2121}


def tried(script, seconds=10, folder="/", **given):
    command = ["/bin/sh", "-c", script]
    settings = checked({"tcpserver": TCP, "command": command, "multilog": False, **given})
    return _greeting.fault({**settings, "greeting": "220"}, folder, seconds)


def test_a_daemon_that_greets_lacks_nothing():
    assert tried("echo 220 hello; cat") is None


def test_it_is_given_what_tcpserver_gives(tmp_path):
    out = tmp_path / "environment"
    script = f"umask >{out}; pwd >>{out}; env >>{out}; echo 220 hello"
    given = {"umask": "027", "envdir": {"SITE": "acme"}}
    assert tried(script, folder=str(tmp_path), **given) is None
    umask, folder, *lines = out.read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert (umask, folder) == ("0027", str(tmp_path))
    assert (variables["PROTO"], variables["SITE"]) == ("TCP", "acme")
    assert variables["TCPREMOTEIP"] == variables["TCPLOCALIP"] == "127.0.0.1"
    assert variables["TCPREMOTEPORT"] != variables["TCPLOCALPORT"]
    assert "TCPREMOTEHOST" not in variables


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 7", "hangs up where a client expects '220' (exits with 7)"),
        ("kill -9 $$", "hangs up where a client expects '220' (is ended by signal 9)"),
        ("echo 421 no; exec cat", "says '421 no' where a client expects '220' (exits with 0)"),
        (
            "echo >&2 no config; echo >&2; printf '\\033[2J' >&2; exit 1",
            "hangs up where a client expects '220' (exits with 1); it said:\n"
            "    no config\n    \\x1b[2J",
        ),
    ],
)
def test_what_a_client_would_get_instead_is_told_with_its_last_words(script, told):
    assert tried(script) == told


def test_a_chain_that_does_not_reach_its_daemon_is_told():
    assert "unknown account nosuchuser" in tried("echo 220", setuidgid="nosuchuser")
    starved = tried("echo 220", softlimit={"memory": 90000})
    assert starved.startswith("hangs up where a client expects '220' (")


def test_a_program_that_is_not_there_is_told():
    settings = checked({"tcpserver": TCP, "command": ["/no/such/ftpd"]})
    wanted = settings | {"greeting": "220"}
    assert _greeting.fault(wanted, "/", 9) == "/no/such/ftpd: No such file or directory"


def test_silence_is_bounded():
    begun = time.monotonic()
    told = "says nothing within 1 s where a client expects '220'"
    assert tried("yes aloud >&2", seconds=1).startswith(f"{told}; it said:\n    aloud")
    assert tried("exec sleep 1000", seconds=1) == told
    assert time.monotonic() - begun < 10


def test_a_secret_is_not_among_its_last_words():
    script = 'echo "500 $SECRET\'s"; echo "no $SECRET" >&2'
    said = tried(script, envdir={"SECRET": "it's hunter2", "EMPTY": ""})
    assert said == (
        "says \"500 ***'s\" where a client expects '220' (exits with 0); it said:\n    no ***"
    )
    long = tried(f'printf "%s\\n" "$SECRET {"x" * 5000} $SECRET" >&2', envdir={"SECRET": "hunter2"})
    assert "hunt" not in long
    assert "ter2" not in long


def test_nothing_is_left_of_a_trial(tmp_path):
    """Not even what went into the background, in a session of its own, and keeps its files."""
    out = tmp_path / "pids"
    script = (
        f"setsid sh -c 'echo $$ >>{out}; exec sleep 1000' & echo $$ >>{out};"
        f" until [ $(wc -l <{out}) = 2 ]; do :; done; echo 220 hello; sleep 1000"
    )
    assert tried(script) is None
    pids = [int(pid) for pid in out.read_text().split()]
    assert len(pids) == 2
    assert not any(map(_lives, pids))


def _lives(pid):
    """Whether it is there, and not only waits for its parent to hear of its end."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(") ")[2][0] not in "XZ"


def test_nobody_else_is_its_client(monkeypatch):
    """Whoever is faster than we are gets nothing."""
    intruders, connect = [], socket.create_connection

    def late(address, patience):
        intruders.append(connect(address, patience))
        return connect(address, patience)

    monkeypatch.setattr(socket, "create_connection", late)
    assert tried("echo 220 hello") is None
    with intruders[0] as intruder:
        assert intruder.recv(9) == b""


@pytest.fixture
def service():
    """A listener that says to each client what it is told to say."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(words):
            def speak():
                with listener.accept()[0] as client:
                    for word in words:
                        client.sendall(word)
                        time.sleep(0.05)

            threading.Thread(target=speak, daemon=True).start()
            return listener.getsockname()

        yield serve


@pytest.mark.parametrize("words", [[b"220 hello\r\n"], [b"2", b"20", b" hello"], [b"220"]])
def test_a_greeting_is_got_from_a_service(service, words):
    said = _greeting.said(*service(words), "220", 10)
    assert said.startswith("220")
    assert _greeting.lacking(said, "220") is None


def test_a_service_that_hangs_up_says_nothing(service):
    assert _greeting.said(*service([]), "220", 10) == ""
    assert _greeting.lacking("", "220") == "hangs up where a client expects '220'"


def test_a_service_that_is_silent_or_not_there_raises(service):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with pytest.raises(TimeoutError):
            _greeting.said(*address, "220", 0.2)
    with pytest.raises(ConnectionRefusedError):
        _greeting.said(*address, "220", 0.2)
