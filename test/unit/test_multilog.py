"""_multilog: logs as multilog leaves them, read from their end."""

import datetime
import os
import signal
import subprocess
import sys
import time
import unicodedata

import _multilog
import _supervise
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError, SaltInvocationError

OLDEST = [
    "@400000006b03d0d0000000aa.s",
    "@400000006b03d0d1000000aa.u",
    "@400000006b03d0d2000000aa.s",
]


def stamped(seconds, text):
    return f"@{seconds + _supervise.TAI_OFFSET:016x}{500000000:08x} {text}\n"


@pytest.fixture
def log(tmp_path):
    """A log of four files with two lines each, an hour between one line and the next."""
    start = int(time.time()) - 8 * 3600 + 60
    for number, name in enumerate([*OLDEST, "current"]):
        hours = (2 * number, 2 * number + 1)
        lines = [stamped(start + hour * 3600, f"line {hour}") for hour in hours]
        (tmp_path / name).write_text("".join(lines))
    (tmp_path / "state").touch()
    (tmp_path / "lock").touch()
    return tmp_path


@pytest.fixture(params=["UTC", "Europe/Berlin", "Asia/Kolkata"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def texts(lines):
    return [line.split(" ", 2)[2] for line in lines]


@pytest.mark.parametrize("seconds", [0, 1100000000, 1086000000, 1483228800, 1795450134, 2**32])
def test_a_stamp_means_what_tai64nlocal_says(seconds, zone):
    """In 2004, just after a leap second that daemontools does not count, today, after 2106."""
    line = stamped(seconds, "text").rstrip()
    local = subprocess.run(
        ["tai64nlocal"], input=line, text=True, capture_output=True, env={"TZ": zone}, check=True
    )
    # tai64nlocal: "2004-06-01 10:40:00.500000000 text"
    assert local.stdout == f"{time.strftime('%F %T', time.localtime(seconds))}.500000000 text"
    moment, decoded = _multilog.decode(line)
    assert moment == seconds + 0.5
    assert decoded.replace(" text", "")[:-6] == local.stdout.replace("000000 text", "")
    assert datetime.datetime.fromisoformat(decoded.replace(" text", "")).timestamp() == moment


def test_a_stamp_that_tai64n_makes_is_now():
    line = subprocess.run(["tai64n"], input="text\n", text=True, capture_output=True, check=True)
    assert abs(_multilog.decode(line.stdout.rstrip("\n"))[0] - time.time()) < 60


@given(st.text())
def test_any_line_is_decoded(line):
    _, text = _multilog.decode(line)
    assert "\n" not in text
    assert "\x1b" not in text


def test_a_line_without_a_stamp_is_kept_and_cannot_steer_a_terminal():
    assert _multilog.decode("USER \x1b[2J\there") == (None, "USER \\x1b[2J\there")


def test_nothing_that_cannot_be_seen_is_handed_on():
    """Bidirectional and other controls would let a line read as another one."""
    seen = [chr(code) for code in range(sys.maxunicode + 1)]
    hidden = [char for char in seen if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    text = _multilog.decode("".join(hidden))[1]
    assert not set(text) & set(hidden) - {"\t"}
    assert _multilog.decode("file\u202egpj.exe")[1] == "file\\u202egpj.exe"
    assert _multilog.decode("caf\xe9 \u4f60 \U0001f600")[1] == "caf\xe9 \u4f60 \U0001f600"


def test_the_last_lines_come_from_the_newest_files_in_order(log):
    assert texts(_multilog.read(str(log), lines=3)) == ["line 5", "line 6", "line 7"]
    assert texts(_multilog.read(str(log), lines=None)) == [f"line {hour}" for hour in range(8)]
    assert _multilog.read(str(log), lines=0) == []


@pytest.mark.parametrize(("since", "count"), [("1h", 1), ("150m", 2), ("7200s", 2), ("1d", 8)])
def test_nothing_older_than_since_is_returned(log, since, count):
    assert len(_multilog.read(str(log), since=since)) == count


def test_a_clock_that_was_wrong_for_a_while_hides_nothing(log):
    """As one that a machine has until it is told the time, after each boot."""
    with (log / "current").open("a") as current:
        current.write(stamped(3600, "booted") + stamped(int(time.time()), "line 8"))
    assert texts(_multilog.read(str(log), None, since="150m")) == ["line 6", "line 7", "line 8"]


def test_since_may_be_a_time(log, zone):
    an_hour_ago = time.time() - 3600
    local = time.strftime("%Y-%m-%dT%H:%M", time.localtime(an_hour_ago))
    utc = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(an_hour_ago))
    for since in (local, local.replace("T", " "), f"{utc}Z", f"{utc}+00:00"):
        assert texts(_multilog.read(str(log), since=since)) == ["line 7"]


def test_grep_is_a_regular_expression(log):
    assert texts(_multilog.read(str(log), grep="line [15]$")) == ["line 1", "line 5"]
    assert texts(_multilog.read(str(log), lines=1, grep="line [15]$")) == ["line 5"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"lines": "x"}, "lines: expected a whole number of at least 0 or none, got 'x'"),
        ({"lines": -1}, "lines: expected a whole number of at least 0 or none, got -1"),
        ({"lines": True}, "lines: expected a whole number of at least 0 or none, got true"),
        (
            {"since": "yesterday"},
            "since: expected a time like 45s, 30m, 1h, 2d or 2026-11-23T12:00, got",
        ),
        ({"since": "9" * 400 + "d"}, "since: expected a time like"),
        ({"since": "9999999999d"}, "since: expected a time like"),
        (
            {"grep": "("},
            "grep: expected a regular expression, got '(' (missing ), unterminated subpattern",
        ),
        ({"grep": 7}, "grep: expected a regular expression, got 7"),
    ],
)
def test_a_wrong_argument_is_refused(log, arguments, problem):
    with pytest.raises(SaltInvocationError) as refusal:
        _multilog.read(str(log), **arguments)
    assert str(refusal.value).startswith(problem)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("grep", ["(a+)+$", "(a|a)*$"])
def test_an_expression_without_an_end_is_given_up(tmp_path, monkeypatch, grep):
    monkeypatch.setattr(_multilog, "PATIENCE", 0.5)
    (tmp_path / "current").write_text(f"{'a' * 60}b\n")
    with pytest.raises(SaltInvocationError) as refusal:
        _multilog.read(str(tmp_path), grep=grep)
    assert str(refusal.value) == f"grep: {grep!r} takes more than 0.5 s"


def test_a_log_that_does_not_exist_is_said_so(tmp_path):
    with pytest.raises(CommandExecutionError, match="nowhere: No such file or directory"):
        _multilog.read(str(tmp_path / "nowhere"))


def test_lines_that_are_not_text_or_not_finished_are_returned(tmp_path):
    (tmp_path / "current").write_bytes(b"caf\xe9\nno newline")
    assert _multilog.read(str(tmp_path)) == ["caf\\xe9", "no newline"]


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)))
def test_lines_are_the_same_whatever_the_block(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("log")
    (folder / "current").write_text("".join(f"{line}\n" for line in lines))
    before, _multilog.BLOCK = _multilog.BLOCK, 7
    try:
        assert _multilog.read(str(folder), lines=None) == lines
    finally:
        _multilog.BLOCK = before


def test_the_end_of_a_hundred_megabytes_is_read_and_no_more(tmp_path):
    block = "".join(stamped(1700000000, f"line {number}") for number in range(15000)).encode()
    for name in (*OLDEST, "current"):
        with open(tmp_path / name, "wb") as file:
            for _ in range(26_000_000 // len(block)):
                file.write(block)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 100_000_000
    before = characters_read()
    assert len(_multilog.read(str(tmp_path), lines=20)) == 20
    assert characters_read() - before < 200_000


def characters_read():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


@pytest.fixture
def in_time():
    """Let a test fail that would hang."""

    def give_up(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def link(secret, path):
    os.symlink(secret, path)


def other(secret, path):
    with open(path, "w") as file:
        file.write("@somebody else's\n")
    os.chown(path, 1, 1)


@pytest.mark.parametrize("name", ["current", "previous", OLDEST[0]])
@pytest.mark.parametrize("trap", [link, os.link, other, lambda _, path: os.mkfifo(path), os.mkdir])
@pytest.mark.usefixtures("in_time")
def test_what_the_owner_of_a_log_points_at_is_not_read(tmp_path, name, trap):
    folder, secret = tmp_path / "log", tmp_path / "shadow"
    secret.write_text("root:$6$hash\n")
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    trap(secret, folder / name) if trap is not os.mkdir else os.mkdir(folder / name)
    with pytest.raises(CommandExecutionError) as refusal:
        _multilog.read(str(folder))
    assert str(refusal.value) == f"{folder}/{name} is not a file of the owner of that directory"


@pytest.mark.usefixtures("in_time")
def test_a_line_without_an_end_is_cut(tmp_path):
    with open(tmp_path / "current", "wb") as file:
        file.write(stamped(1700000000, "endless").encode().rstrip())
        file.truncate(200_000_000)
    [line] = _multilog.read(str(tmp_path))
    assert "endless\\x00\\x00" in line
    assert len(line) < 8_000_000


@pytest.mark.parametrize(
    ("script", "folder"),
    [
        ("exec setuidgid multilog multilog t /var/multilog/hello", "/var/multilog/hello"),
        ("exec multilog t s99999 n10 '-*' '+* x *' ./main", "HERE/log/main"),
        (
            "exec \\\n  setuidgid x /usr/bin/env multilog t \\\n  ./main # comment\n",
            "HERE/log/main",
        ),
    ],
)
def test_the_directory_of_a_log_is_what_its_script_says(tmp_path, script, folder):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "run").write_text(f"#!/bin/sh\n{script}\n")
    assert _multilog.directory(str(tmp_path)) == folder.replace("HERE", str(tmp_path))


@pytest.mark.parametrize("script", ["exec logger -t hello", "exec multilog t", "exec 'multilog"])
def test_a_script_that_does_not_say_is_an_error(tmp_path, script):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "run").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(CommandExecutionError, match="its run script"):
        _multilog.directory(str(tmp_path))


def test_what_multilog_writes_is_read(tmp_path):
    """A real multilog with small files keeps some old ones, and all its lines are in order."""
    text = "".join(f"{number} {'x' * 80}\n" for number in range(100))
    folder = str(tmp_path / "main")
    subprocess.run(["multilog", "t", "s4096", "n10", folder], input=text, text=True, check=True)
    assert len(_multilog.finished(folder)) > 1
    numbers = [int(line.split()[2]) for line in _multilog.read(folder, lines=None)]
    assert numbers == list(range(100))


def test_a_file_that_is_rotated_while_it_is_read_is_read_once(log, monkeypatch):
    def rotate_first(directory):
        os.rename(log / "current", log / "@400000006b03d0d3000000aa.s")
        return sorted(name for name in os.listdir(directory) if _multilog.OLD.fullmatch(name))

    monkeypatch.setattr(_multilog, "finished", rotate_first)
    assert texts(_multilog.read(str(log), lines=None)) == [f"line {hour}" for hour in range(8)]
