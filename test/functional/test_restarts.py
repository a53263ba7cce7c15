"""A service that dies again and again is told of at every look, as far as its log tells."""

import os
import re
import socket
import time

import _multilog
import _restarts
import _supervise
import pytest
import salt.output
from printed import plain, shown


@pytest.fixture
def kept(minion, svscan, eventually):
    """Declare a service, and take it away."""
    names = []

    def declare(name, **settings):
        names.append(name)
        settings = {"multilog": {"user": False}, "timeout": 1, **settings}
        return minion.apply("daemontools.supervised", name=name, settings=settings)

    yield declare
    for name in names:
        assert minion.apply("daemontools.absent", name=name)["result"]


def record(pid=1, seconds=3, problem=None, log=None, **more):
    mine = {"state": "up", "pid": pid, "seconds": seconds, "want": "up", "problem": problem, **more}
    return {**mine, "since": "then", "log": log or {**mine, "problem": None}}


@pytest.fixture
def folder(tmp_path):
    """The directory of a service whose log tells what the test lets it tell."""
    (tmp_path / "log").mkdir()
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "log/run").write_text(f"#!/bin/sh\nexec multilog t {tmp_path}\n")

    def tell(*lines):
        """Each is the seconds that have passed since, and a text."""
        stamped = []
        for ago, text in lines:
            moment = time.time() - ago
            seconds, nanoseconds = int(moment), int(moment % 1 * 1e9)
            stamped.append(f"@{seconds + _supervise.TAI_OFFSET:016x}{nanoseconds:08x} {text}\n")
        (tmp_path / "current").write_text("".join(stamped))
        return str(tmp_path)

    return tell


START = "*** Starting hello service..."


def test_starts_are_counted(folder):
    """One that dies every four seconds is young at every look, and never very young."""
    path = folder(*[(ago, START) for ago in (300, 11, 7, 3)], (2, "cannot open /srv/mirror"))
    assert _restarts.problem(path, record()) == (
        "dies again and again: 3 starts in 11 s; its log ends with: cannot open /srv/mirror"
    )
    assert _restarts.problem(path, record(state="down", pid=None)).startswith("dies again")


def test_who_lives_longer_than_all_before_it_may_be_well(folder):
    """One that was restarted three times by somebody, say."""
    starts = [(9, START), (8, START), (7, START)]
    assert _restarts.problem(folder(*starts), record(seconds=7)) is None
    assert _restarts.problem(folder(*starts, (1, START)), record(seconds=1))
    assert _restarts.problem(folder(*starts), record(state="down", pid=None))


def test_a_service_that_has_just_been_started_is_no_problem(folder):
    told = "just started, or flapping (up for less than 2 s)"
    assert _restarts.problem(folder((0.5, START)), record(seconds=0, problem=told)) is None
    assert (
        _restarts.problem(folder((30, START), (0.5, START)), record(seconds=0, problem=told))
        is None
    )


def test_what_dies_before_its_first_word_stays_a_problem(folder):
    told = "just started, or flapping (up for less than 2 s)"
    for lines in ([], [(40, START)], [(4000, START)]):
        assert _restarts.problem(folder(*lines), record(seconds=0, problem=told)) == told


def test_what_is_old_is_not_looked_at(folder):
    path = folder(*[(ago, START) for ago in (14, 13, 12)])
    assert _restarts.problem(path, record(seconds=11)) is None


def test_down_for_a_moment_has_its_last_words(folder):
    path = folder((2, START), (1, "no such file"))
    down = record(state="down", pid=None, problem="wanted up but down")
    told = "wanted up but down; its log ends with: no such file"
    assert _restarts.problem(path, down) == told


def test_a_young_logger_that_has_written_does_its_work(folder):
    flapping = "just started, or flapping (up for less than 2 s)"
    log = record(seconds=1, problem=flapping)
    young = record(seconds=20, problem=f"log: {flapping}", log=log)
    path = folder((20, START))
    assert _restarts.problem(path, young) is None
    os.utime(f"{path}/current", (1, 1))
    assert _restarts.problem(path, young) == f"log: {flapping}"
    assert _restarts.problem(path, record(log=record(problem="paused"), problem="log: paused")) == (
        "log: paused"
    )


def test_a_log_that_is_not_there_tells_nothing(folder, tmp_path):
    path = folder((1, START))
    (tmp_path / "current").unlink()
    assert _restarts.problem(path, record(problem="wanted up but down")) == "wanted up but down"
    (tmp_path / "current").symlink_to("/etc/passwd")
    assert _restarts.problem(path, record(problem="wanted up but down")) == "wanted up but down"
    (tmp_path / "log/run").unlink()
    assert _restarts.problem(path, record(problem="wanted up but down")) == "wanted up but down"


def test_only_the_end_of_a_log_is_searched(folder, tmp_path):
    path = folder((5, START), (4, "x" * _multilog.TAIL), (3, START), (2, "\x1b[2J gone"))
    moments, last = _multilog.starts(path)
    assert len(moments) == 1
    assert last == "\\x1b[2J gone"


def test_who_holds_the_port_is_told(minion, kept, eventually):
    """By a real tcpserver that cannot have it, of which supervise knows only that it is up."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        kept("late", command=["/bin/true"], tcpserver={"address": "127.0.0.1", "port": port})
        found = []

        def told():
            problems = minion.functions["daemontools.problems"]()
            # Other tests may have left services of their own.
            found[:] = [line for line in problems if line.startswith("late: dies again")]
            return found

        eventually(told)
        [line] = found
    assert re.match(
        rf"late: dies again and again: \d+ starts in \d+ s; port {port} is held by ", line
    )
    assert "; its log ends with: tcpserver: fatal: unable to bind: address already used" in line
    assert line.endswith(" (daemontools.log late)")


def test_without_problems_the_list_is_empty(minion, kept, eventually):
    """A service that was stopped and starts at the next boot is one."""
    functions = minion.functions
    kept("ticker", command=["/bin/sleep", "1000"])
    # Other tests may have left services of their own.
    eventually(lambda: "ticker" not in str(functions["daemontools.problems"]()))
    functions["daemontools.stop"]("ticker")
    [line] = [line for line in functions["daemontools.problems"]() if "ticker" in line]
    assert line == (
        "ticker: down since somebody stopped it, and starts at the next boot "
        "(daemontools.up ticker, or daemontools.disable ticker)"
    )
    first, *others = functions["daemontools.status"]().splitlines()
    assert re.fullmatch(r"\d+ services?, \d+ in trouble", first)
    assert [line for line in others if re.match(r"!! ticker +down ", line)]


def test_status_is_as_the_page_has_it(kept, minion, eventually):
    """Of a gateway on a good day, and of another one on a bad one."""
    for name, limit in (("ftp-proxy", 91), ("open-ftpd", 29)):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = {"address": "127.0.0.1", "port": port, "concurrency": limit}
        assert kept(name, tcpserver=server, command=["cat"])["result"]
    status = minion.functions["daemontools.status"]
    good = status()
    assert minion.apply("daemontools.absent", name="ftp-proxy")["result"]
    kept("mirror", command=["sh", "-c", "echo cannot open /srv/mirror >&2; exec sleep 0.5"])
    kept("spool", command=["sleep", "1000"], stable_for=2)
    kept("ticker", command=["sleep", "1000"], stable_for=2, enabled=False)
    for name in ("open-ftpd", "ticker"):
        minion.functions["daemontools.stop"](name)

    def told():
        answers = {"gw1": good, "gw2": status()}
        return plain(salt.output.out_format(answers, "txt", minion.states.opts))

    page = shown("docs/services.md", "$ salt 'gw*' daemontools.status")
    eventually(lambda: told() == page)
