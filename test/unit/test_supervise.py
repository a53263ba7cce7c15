"""_supervise: the record of one service directory, from the bytes that supervise keeps there."""

import contextlib
import os
import time

import _supervise
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

NOW = 1795411163.0
# 15597 = 0x3ced; 0x6b03d0db - 10 = 1795412177.
UP = "400000006b03d0db 121d2754 ed3c0000 00 75"
RECORD = {
    "state": "up",
    "pid": 15597,
    "since": "2026-11-23 05:36:17+00:00",
    "seconds": 3,
    "want": "up",
}


@pytest.fixture(autouse=True)
def _zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    _supervise._date.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()


def decoded(layout, now=1795412180.9):
    return _supervise.decode(bytes.fromhex(layout), now)


def test_a_file_that_daemontools_wrote_is_decoded():
    assert decoded(UP) == RECORD


@pytest.mark.parametrize(
    ("layout", "state", "pid", "want"),
    [
        ("400000006b03d0db 121d2754 ed3c0000 00 75", "up", 15597, "up"),
        ("400000006b03d0db 121d2754 ed3c0000 00 64", "up", 15597, "down"),
        ("400000006b03d0db 121d2754 ed3c0000 00 00", "up", 15597, "once"),
        ("400000006b03d0db 121d2754 ed3c0000 01 75", "paused", 15597, "up"),
        ("400000006b03d0db 121d2754 00000000 00 64", "down", None, "down"),
        ("400000006b03d0db 121d2754 00000000 00 75", "down", None, "up"),
        ("400000006b03d0db 121d2754 00000000 00 00", "down", None, None),
        # daemontools-encore: 20 bytes, the nineteenth is a state.
        ("400000006b03d0db 121d2754 ed3c0000 00 75 03 00", "up", 15597, "up"),
        ("400000006b03d0db 121d2754 ed3c0000 00 75 01 00", "starting", 15597, "up"),
        ("400000006b03d0db 121d2754 ed3c0000 01 75 01 00", "paused", 15597, "up"),
        ("400000006b03d0db 121d2754 ed3c0000 00 64 04 00", "up", 15597, "down"),
        # runit: 20 bytes as well, the nineteenth tells whether TERM was sent.
        ("400000006b03d0db 121d2754 ed3c0000 00 75 01 01", "up", 15597, "up"),
        ("400000006b03d0db 121d2754 00000000 00 64 00 00", "down", None, "down"),
        ("400000006b03d0db 121d2754 00000000 00 75 05 00", "failed", None, "up"),
    ],
)
def test_the_states_of_both_layouts_are_told_apart(layout, state, pid, want):
    record = decoded(layout)
    assert (record["state"], record["pid"], record["want"]) == (state, pid, want)


def test_a_clock_that_went_backwards_does_not_make_a_negative_time():
    assert decoded(UP, now=1795412000.0)["seconds"] == 0


@given(st.binary(max_size=64))
def test_any_bytes_are_a_record_or_none(data):
    record = _supervise.decode(data, NOW)
    states = ("up", "down", "paused", "failed", "starting")
    assert record is None or record["state"] in states


@pytest.mark.parametrize("data", [b"", b"\0" * 18, b"\xff" * 18, bytes.fromhex(UP)[:17]])
def test_what_is_no_status_file_is_none(data):
    assert _supervise.decode(data, NOW) is None


@pytest.fixture
def service(tmp_path):
    """A service directory as supervise makes it, with a reader on its FIFOs."""
    readers = []

    def make(name="hello", layout=UP, alive=True):
        folder = tmp_path / "service" / name
        (folder / "supervise").mkdir(parents=True)
        (folder / "run").write_text("#!/bin/sh\n")
        (folder / "supervise" / "status").write_bytes(bytes.fromhex(layout))
        for fifo in ("ok", "control"):
            os.mkfifo(folder / "supervise" / fifo)
            if alive:
                path = folder / "supervise" / fifo
                readers.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return folder

    yield make
    for reader in readers:
        os.close(reader)


def test_a_record_is_read_without_a_process(service):
    record = _supervise.read(str(service()))
    expected = {**RECORD, "enabled": True, "log": None, "problem": None}
    assert {**record, "seconds": 3} == expected
    assert record.keys() == expected.keys()


def test_the_logger_has_a_record_of_its_own(service):
    folder = service()
    service("hello/log")
    log = _supervise.read(str(folder))["log"]
    assert (log["state"], log["pid"], log["problem"]) == ("up", 15597, None)


def test_a_logger_in_encores_forty_bytes_is_read(service):
    stopped = "400000006b03d0db 121d2754 00000000 00 64 00 00"
    folder = service(layout=f"{UP} 03 00 {stopped}")
    (folder / "log").write_text("#!/bin/sh\n")
    record = _supervise.read(str(folder))
    assert (record["state"], record["log"]["state"]) == ("up", "down")


@pytest.fixture
def encore(service):
    """A service of daemontools-encore whose logger is a program: one supervise runs both."""
    stopped = "400000006b03d0db 121d2754 00000000 00 64 00 00"
    folder = service(layout=f"{UP} 03 00 {stopped}")
    (folder / "log").write_text("#!/bin/sh\n")
    (folder / "log").chmod(0o755)
    return folder


def test_the_logger_of_one_supervise_is_asked_by_its_own_name(encore):
    log = _supervise.read(str(encore / "log"))
    assert (log["state"], log["want"], log["log"]) == ("down", "down", None)
    assert _supervise.answers(str(encore / "log"))
    assert _supervise.wait(str(encore / "log"), "down", 0)


def test_the_logger_of_one_supervise_is_enabled_as_its_service_is(encore):
    assert _supervise.read(str(encore))["log"]["enabled"] is True
    (encore / "down").touch()
    assert _supervise.read(str(encore))["log"]["enabled"] is False
    assert _supervise.read(str(encore / "log"))["enabled"] is False


def test_the_logger_of_one_supervise_gets_its_own_orders(encore):
    assert _supervise.order(str(encore / "log"), "du") is True
    reader = os.open(encore / "supervise" / "control", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 9) == b"Ldul"
    os.close(reader)


def test_a_logger_that_its_supervise_has_not_seen_is_not_supervised(service):
    folder = service(layout=f"{UP} 03 00")
    (folder / "log").write_text("#!/bin/sh\n")
    assert _supervise.read(str(folder))["log"]["state"] == "unsupervised"
    assert _supervise.read(str(folder / "log"))["state"] == "unsupervised"


@pytest.mark.parametrize(
    ("layout", "more"), [(UP, ""), (f"{UP} 03 00", "q12w"), (f"{UP} 00 01", "")]
)
def test_only_encore_has_letters_for_all_signals(service, layout, more):
    folder = service(layout=layout)
    assert _supervise.letters(str(folder)) == f"udopchaitkx{more}"
    assert _supervise.letters(str(folder / "nowhere")) == "udopchaitkx"


def test_a_down_file_means_not_enabled(service):
    folder = service()
    (folder / "down").touch()
    assert _supervise.read(str(folder))["enabled"] is False


PROBLEMS = [
    ("400000006b03d0db 121d2754 ed3c0000 01 75", "paused"),
    ("400000006b03d0db 121d2754 ed3c0000 00 64", "wanted down but up"),
    ("400000006b03d0db 121d2754 00000000 00 75", "wanted up but down"),
    ("400000006b03d0db 121d2754 00000000 00 64", "down since somebody stopped it, and starts at"),
    ("400000006b03d0db 121d2754 00000000 00 00", None),
    (
        "4000000fffffffff 121d2754 ed3c0000 00 75",
        "just started, or flapping (up for less than 2 s)",
    ),
    (
        "400000006b03d0db 121d2754 00000000 00 75 05",
        "failed: run exited with 100, or start did not",
    ),
    ("400000006b03d0db 121d2754 ed3c0000 00 75 01 00", "its start script has not ended"),
    ("4000", "supervise/status is missing or not a status file"),
]


@pytest.mark.parametrize(("layout", "problem"), PROBLEMS)
def test_a_problem_is_said_in_one_phrase(service, layout, problem):
    told = _supervise.read(str(service(layout=layout)))["problem"]
    assert told is problem or told.startswith(problem)


def test_what_is_down_at_a_boot_too_is_no_problem(service):
    folder = service(layout="400000006b03d0db 121d2754 00000000 00 64")
    (folder / "down").touch()
    assert _supervise.read(str(folder))["problem"] is None


def test_the_problem_of_a_logger_is_told_where_its_service_has_none(service):
    folder = service()
    service("hello/log", alive=False)
    problem = _supervise.read(str(folder))["problem"]
    assert problem == "log: not supervised (is svscan running?)"


@contextlib.contextmanager
def no_privileges(folder):
    """Be somebody who may not read a folder."""
    root = os.geteuid() == 0
    os.chmod(folder, 0o700 if root else 0)
    if root:
        for path in [folder, *folder.parents][1:]:
            os.chmod(path, os.stat(path).st_mode | 0o055)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0) if root else os.chmod(folder, 0o700)


def test_missing_unsupervised_and_denied_are_different_answers(service, tmp_path):
    dead, secret = service("dead", alive=False), service("secret")
    (tmp_path / "service" / "never").mkdir()
    assert _supervise.read(str(tmp_path / "nowhere"))["state"] == "missing"
    assert _supervise.read(str(dead))["state"] == "unsupervised"
    assert _supervise.read(str(tmp_path / "service" / "never"))["state"] == "unsupervised"
    with no_privileges(secret / "supervise"):
        assert _supervise.read(str(secret))["state"] == "denied"


def test_all_services_are_those_that_svscan_sees(service, tmp_path):
    service("one"), service("two", alive=False), service(".hidden")
    (tmp_path / "service" / "README").write_text("a file")
    os.symlink(tmp_path / "nowhere", tmp_path / "service" / "broken")
    records = _supervise.read_all(str(tmp_path / "service"))
    assert {name: record["state"] for name, record in records.items()} == {
        "broken": "missing",
        "one": "up",
        "two": "unsupervised",
    }


def test_an_order_is_what_supervise_reads(service):
    folder = service()
    assert _supervise.order(str(folder), "tcu") is True
    reader = os.open(folder / "supervise" / "control", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 9) == b"tcu"
    os.close(reader)


def test_an_order_that_nobody_reads_is_refused(service, tmp_path):
    with pytest.raises(CommandExecutionError, match="not supervised"):
        _supervise.order(str(service(alive=False)), "u")
    with pytest.raises(CommandExecutionError, match="no such service"):
        _supervise.order(str(tmp_path / "nowhere"), "u")


def test_an_order_that_may_not_be_given_says_so(service):
    folder = service(layout="4000000fffffffff 121d2754 ed3c0000 00 75")
    os.chmod(folder / "supervise" / "ok", 0o666)
    os.chmod(folder / "supervise" / "control", 0o600)
    with no_privileges(folder / "run"), pytest.raises(CommandExecutionError) as refusal:
        _supervise.order(str(folder), "u")
    assert str(refusal.value) == "permission denied"


@pytest.mark.parametrize("content", [None, "garbage"])
def test_a_status_that_is_no_more_is_not_taken_for_a_supervise_that_is_not_there(service, content):
    folder = service()
    status = folder / "supervise" / "status"
    status.write_text(content) if content else status.unlink()
    record = _supervise.read(str(folder))
    assert record["state"] == "unreadable"
    assert record["problem"] == "supervise/status is missing or not a status file"


def test_an_order_is_never_written_into_a_file(service):
    folder = service()
    control = folder / "supervise" / "control"
    control.unlink()
    control.write_text("precious")
    with pytest.raises(CommandExecutionError, match="not a FIFO"):
        _supervise.order(str(folder), "u")
    assert control.read_text() == "precious"


def test_a_full_fifo_hangs_nothing(service):
    folder = str(service())
    filled = 0
    with contextlib.suppress(CommandExecutionError):
        while _supervise.order(folder, "c" * 4096):
            filled += 1
    with pytest.raises(CommandExecutionError):
        _supervise.order(folder, "c")
    assert filled > 0


def test_waiting_ends_in_time(service):
    folder = str(service())
    assert _supervise.wait(folder, "supervised", 0) is True
    assert _supervise.wait(folder, "down", 0.1) is False
    assert _supervise.wait(folder, "unsupervised", 0.1) is False


def test_a_process_is_older_than_a_file_written_after_its_start(service):
    folder = service()
    run, since = folder / "run", 1795412177.303900
    os.utime(run, (since, since - 1))
    assert _supervise.older(str(folder), [str(run)]) is False
    os.utime(run, (since, since + 1))
    assert _supervise.older(str(folder), [str(run), str(folder / "nothing")]) is True
    (folder / "supervise" / "status").write_bytes(b"garbage")
    assert _supervise.older(str(folder), [str(run)]) is False
