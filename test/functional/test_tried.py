"""A daemon is tried against its greeting before it takes the place of one that serves."""

import contextlib
import itertools
import socket
import threading
import time

import _supervise
import pytest

GREETS = ["/bin/sh", "-c", "echo 220 hello"]
FAILS = ["/bin/sh", "-c", "echo no config >&2; exit 7"]

pytestmark = pytest.mark.usefixtures("svscan")


def declare(minion, test=False, name="greeter", **given):
    settings = {"greeting": "220", "multilog": {"user": False}, **given}
    return minion.apply(
        "daemontools.declared", name=name, settings=settings, path="ftpgw:services:x", test=test
    )


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def server(port):
    return {"address": "127.0.0.1", "port": port}


@pytest.fixture
def serving(minion, server):
    """A service that greets."""
    result = declare(minion, tcpserver=server, command=GREETS)
    assert result["result"] is True, result["comment"]
    return minion


@contextlib.contextmanager
def client(port):
    """Let a client connect all the time; yield what it was told, with the time."""
    told, over = [], threading.Event()

    def ask():
        while not over.is_set():
            begun = time.monotonic()
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 9) as s,
            ):
                told.append((begun, time.monotonic(), s.recv(99)))
                continue
            told.append((begun, time.monotonic(), None))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield told
        time.sleep(0.1)
    finally:
        over.set()
        thread.join()


def record(minion, name="greeter"):
    return minion.functions["daemontools.show"](name)


def test_a_service_that_greets_is_up_without_waiting_by_the_clock(serving, server):
    """The greeting is waited for, and nothing else."""
    begun = time.monotonic()
    result = declare(serving, tcpserver=server, command=[*GREETS, "once", "more"])
    assert (result["result"], sorted(result["changes"])) == (True, ["run", "service"])
    assert result["comment"] == f"greeter is up (pid {record(serving)['pid']}), greets."
    assert time.monotonic() - begun < _supervise.UNSEEN


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"command": FAILS},
            "hangs up where a client expects '220' (exits with 7); it said:\n    no config",
        ),
        ({"command": ["/bin/echo", "421 no"]}, "says '421 no' where a client expects '220' ("),
        ({"command": GREETS, "softlimit": {"memory": 90000}}, "hangs up where a client expects "),
        ({"command": ["sleep", "9"], "timeout": 1}, "says nothing within 1 s where a client"),
    ],
)
def test_what_would_not_greet_replaces_nothing(serving, server, port, given, told):
    """Not for a moment: no client is refused, and none is told anything else."""
    before = record(serving)["pid"]
    with client(port) as heard:
        result = declare(serving, tcpserver=server, **given)
    assert (result["result"], result["changes"]) == (False, {})
    start = "greeter: nothing is changed, for its daemon, tried, "
    assert result["comment"].startswith(start + told)
    assert record(serving)["pid"] == before
    assert {answer for _, _, answer in heard} == {b"220 hello\n"}


def test_a_changed_script_is_a_moment_without_service(serving, server, port):
    with client(port) as heard:
        result = declare(serving, tcpserver=server, command=GREETS, umask="027")
    assert result["result"] is True, result["comment"]
    good = [(begun, ended) for begun, ended, answer in heard if answer]
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(good)]
    assert max(gaps) < _supervise.UNSEEN


def test_a_secret_that_the_daemon_tells_is_not_shown(serving, server):
    script = 'echo "500 $WHO"; echo "$WHO" >&2'
    command, given = ["/bin/sh", "-c", script], {"envdir": {"WHO": "hunter2"}}
    result = declare(serving, tcpserver=server, command=command, **given)
    assert result["result"] is False
    assert "it said:\n    ***" in result["comment"]
    assert "hunter2" not in str(result)


def test_nothing_is_written_for_a_new_service_that_would_not_greet(minion, server):
    result = declare(minion, name="stillborn", tcpserver=server, command=FAILS)
    assert result["comment"].startswith("stillborn: nothing is changed, for its daemon, tried, ")
    assert not (minion.root / "svc.d/stillborn").exists()


def test_a_stopped_service_that_would_not_greet_is_not_started(serving, server, tmp_path):
    """Its files are right, but something that it needs has gone."""
    command = ["/bin/sh", "-c", f". {tmp_path}/conf"]
    (tmp_path / "conf").write_text("echo 220 hello\n")
    assert declare(serving, tcpserver=server, command=command)["result"] is True
    serving.functions["daemontools.stop"]("greeter")
    (tmp_path / "conf").unlink()
    result = declare(serving, tcpserver=server, command=command)
    assert result["comment"].startswith("greeter: nothing is changed, ")
    assert record(serving)["state"] == "down"


def test_in_advance_it_is_tried_where_clients_get_this_program_already(serving, server):
    result = declare(serving, test=True, tcpserver=server, command=[*GREETS, "more"])
    assert result["comment"] == (
        "greeter would be changed: run, service. Its daemon was tried, and greets."
    )
    result = declare(serving, test=True, tcpserver=server, command=FAILS)
    assert result["result"] is False
    assert "it said:\n    no config" in result["comment"]


def test_in_advance_a_new_program_is_not_tried_and_that_is_said(serving, server, tmp_path):
    """It might change something."""
    command = ["touch", str(tmp_path / "touched")]
    result = declare(serving, test=True, tcpserver=server, command=command)
    assert result["comment"] == "greeter would be changed: run, service. Its daemon was not tried."
    assert not (tmp_path / "touched").exists()


def test_a_whole_script_is_judged_after_its_start(serving, port):
    script = f"#!/bin/sh\nexec 2>&1\nexec tcpserver -RHl0 127.0.0.1 {port} %s\n"
    told = declare(serving, test=True, run=script % "echo 220")["comment"]
    assert told == "greeter would be changed: run, service."
    assert declare(serving, run=script % "echo 220")["result"] is True
    wrong = "greeter: its port is open, but it says '421' where a client expects '220'"
    for _ in range(2):
        # The second run finds the files as they should be, and the service as it is.
        result = declare(serving, run=script % "echo 421")
        assert result["result"] is False
        assert result["comment"].startswith(wrong)


class TestLinked:
    """A new service is linked early, and kept down."""

    @pytest.fixture
    def link(self, minion, server):
        def apply(test=False, **given):
            settings = {"tcpserver": server, "command": GREETS, "multilog": {"user": False}}
            state = "daemontools.linked"
            return minion.apply(state, name="early", settings=settings | given, test=test)

        yield apply
        minion.apply("daemontools.absent", name="early")

    def test_it_is_found_down_and_started_later(self, minion, link, server, eventually):
        declare(minion, name="greeter", state="down", tcpserver=server, command=GREETS)
        predicted = link(test=True)
        assert predicted["result"] is None
        begun = time.monotonic()
        done = link()
        assert time.monotonic() - begun < 1
        assert (done["result"], done["changes"]) == (True, predicted["changes"])
        assert {"down", "link", "log/run", "run"} <= done["changes"].keys()
        folder = str(minion.root / "service/early")
        assert _supervise.wait(folder, "supervised", 30)
        eventually(lambda: record(minion, "early")["log"]["state"] == "up")
        assert (record(minion, "early")["state"], record(minion, "early")["pid"]) == ("down", None)
        result = declare(minion, name="early", tcpserver=server, command=GREETS)
        assert (result["result"], sorted(result["changes"])) == (True, ["down", "service"])
        assert record(minion, "early")["enabled"] is True
        assert link()["changes"] == {}
        assert record(minion, "early")["state"] == "up"

    def test_what_then_changes_is_foretold_beside_it(self, minion, link, server):
        """Not once more what linking does: with test=True nothing is linked yet."""
        settings = {"tcpserver": server, "command": GREETS, "multilog": {"user": False}}
        later = {"name": "early", "settings": settings}
        link(test=True)
        foretold = minion.apply("daemontools.declared", test=True, **later)["changes"]
        link()
        done = minion.apply("daemontools.declared", **later)
        assert done["result"] is True, done["comment"]
        assert foretold == done["changes"] == {"down": "removed", "service": "started"}
        assert minion.apply("daemontools.declared", test=True, **later)["changes"] == {}

    @pytest.mark.parametrize(
        "given", [{"state": "absent"}, {"state": "down"}, {"multilog": {"user": "nosuchuser"}}]
    )
    def test_what_is_not_to_be_up_or_could_not_run_is_not_linked(self, minion, link, given):
        assert link(**given)["changes"] == {}
        assert not (minion.root / "service/early").is_symlink()
        # An earlier state may be about to make the account.
        assert bool(link(test=True, **given)["changes"]) == ("multilog" in given)

    def test_what_is_somebody_elses_is_left_alone(self, minion, link):
        folder = minion.root / "svc.d/early"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run").write_text("#!/bin/sh\n")
        assert link()["changes"] == {}
        assert [path.name for path in folder.iterdir()] == ["run"]
        (folder / "run").unlink()
