"""No moment at which the wrong client is admitted: real clients, kill -9, a full disk."""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import _rulefiles
import _tcpcdb
import pytest

MAKEFILE = Path(__file__).parents[2] / "ftpgw" / "files" / "tcprules.mk"

ADMITTED, REFUSED = "127.0.0.1", "127.0.0.2"
EXPECT = {"allow": [ADMITTED], "deny": [REFUSED]}
# The same verdicts by other rules, and with many others around them.
THERE = [".lock", ".past", "ftp.cdb", "ftp.rules"]
SMALL = {"sites": {"a": {"allow": [ADMITTED], "env": {"SITE": "small"}}}, "expect": EXPECT}
LARGE = {
    "sites": {
        "a": {"allow": ["127.0.0.0/8"], "deny": ["127.0.0.2/31"], "env": {"SITE": "large"}},
        "b": {"allow": [f"10.0.{n}.0/25" for n in range(40)]},
    },
    "expect": EXPECT,
}


@pytest.fixture
def name(tmp_path):
    return str(tmp_path / "rules" / "ftp.cdb")


@pytest.fixture
def managed(minion, name):
    def managed(settings):
        return minion.apply("tcprules.managed", name=name, settings=settings)

    assert managed(SMALL)["result"]
    return managed


@pytest.fixture
def port(name, managed):
    """A real tcpserver that greets those whom the rules admit with the name of their site."""
    server = subprocess.Popen(
        f"tcpserver -1 -RH -l0 -c 200 -b 200 -x {name} {ADMITTED} 0 printenv SITE".split(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    yield int(server.stdout.readline())
    server.kill()
    server.wait()


def greeting(port, source):
    """Connect from an address, and return what the daemon says before it closes."""
    client = socket.create_connection((ADMITTED, port), timeout=10, source_address=(source, 0))
    with client, contextlib.suppress(ConnectionResetError):
        return client.recv(100).decode().strip()
    return ""


def test_the_environment_of_a_site_reaches_the_daemon(managed, port):
    assert greeting(port, ADMITTED) == "small"
    assert greeting(port, REFUSED) == ""
    managed(LARGE)
    assert greeting(port, ADMITTED) == "large"
    assert greeting(port, REFUSED) == ""


def test_a_hundred_clients_a_second_see_no_wrong_moment_while_the_rules_change(managed, port):
    wrong, done = [], threading.Event()
    served = {ADMITTED: 0, REFUSED: 0}

    def come(source):
        due = time.monotonic()
        while not done.is_set():
            got = greeting(port, source)
            if (source == ADMITTED) != (got in ("small", "large")):
                wrong.append((source, got))
            served[source] += 1
            due += 1 / 60
            time.sleep(max(0, due - time.monotonic()))

    clients = [threading.Thread(target=come, args=(source,)) for source in served]
    begin = time.monotonic()
    for client in clients:
        client.start()
    try:
        for number in range(1000):
            changed = managed((LARGE, SMALL)[number % 2])
            assert changed["changes"], changed["comment"]
    finally:
        done.set()
        for client in clients:
            client.join()
    assert wrong == []
    assert sum(served.values()) >= 100 * (time.monotonic() - begin)


def in_force(minion, name):
    """Return the number of records in force, having seen that they still mean the same."""
    check = minion.functions["tcprules.check"]
    assert [check(name, address)["verdict"] for address in (ADMITTED, REFUSED)] == ["allow", "deny"]
    return _tcpcdb.count(name)


def killed_at(call, managed):
    """Change the rules in a child that dies by kill -9 before one of its calls into the system."""
    calls = itertools.count()

    def watch(frame, event, _):
        ours = event == "c_call" and frame.f_code.co_filename.endswith("_rulefiles.py")
        if ours and next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        sys.setprofile(watch)
        managed(LARGE)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_whoever_is_killed_leaves_rules_that_stand_and_the_next_run_repairs(minion, managed, name):
    small = in_force(minion, name)
    managed(LARGE)
    large = in_force(minion, name)
    managed(SMALL)
    seen = []
    while killed_at(len(seen), managed):
        seen.append(in_force(minion, name))
        assert managed(LARGE)["result"] is True
        assert managed(LARGE)["changes"] == {}
        assert in_force(minion, name) == large
        assert sorted(os.listdir(os.path.dirname(name))) == THERE
        managed(SMALL)
    assert len(seen) > 30
    assert seen == sorted(seen)
    assert set(seen) == {small, large}


def test_a_tcprules_that_outlives_its_salt_is_waited_for(
    minion, managed, name, tmp_path, monkeypatch
):
    small = in_force(minion, name)
    (tmp_path / "tcprules").write_text(
        '#!/bin/sh\nkill -9 $PPID\nsleep 0.5\nexec /usr/bin/tcprules "$@"\n'
    )
    (tmp_path / "tcprules").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=":")
        assert killed_at(-1, managed)
    assert in_force(minion, name) == small
    begin = time.monotonic()
    assert managed(LARGE)["result"] is True
    assert time.monotonic() - begin > 0.3
    assert in_force(minion, name) > small
    assert sorted(os.listdir(os.path.dirname(name))) == THERE


@contextlib.contextmanager
def locked(path):
    """Hold the lock of a file, or of a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def test_nobody_else_can_keep_rules_from_changing(managed, name):
    """Whoever may open a file for reading can lock it, and whoever may write can place a link."""
    directory = Path(name).parent
    assert (directory / ".lock").stat().st_mode & 0o777 == 0o600
    readable = [path for path in (directory, *directory.iterdir()) if path.stat().st_mode & 0o044]
    assert len(readable) == 3
    with contextlib.ExitStack() as locks:
        for path in readable:
            locks.enter_context(locked(path))
        assert managed(LARGE)["result"] is True
    (directory / ".lock").unlink()
    (directory / ".lock").symlink_to(directory / "elsewhere")
    assert managed(SMALL)["result"] is False
    assert not (directory / "elsewhere").exists()


def test_a_make_that_waits_does_not_bring_the_old_rules_back(minion, managed, name):
    directory = Path(name).parent
    shutil.copy(MAKEFILE, directory / "Makefile")
    os.utime(name, (0, 0))
    with locked(f"{directory}/.lock"):
        make = subprocess.Popen(["make", "ftp.cdb"], cwd=directory, stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        assert make.poll() is None
        # Salt is about to rename its two files.
        other = directory / "other"
        other.mkdir()
        assert minion.apply("tcprules.managed", name=f"{other}/ftp.cdb", settings=LARGE)["result"]
        new = (other / "ftp.cdb").read_bytes()
        for file in ("ftp.rules", "ftp.cdb"):
            (other / file).rename(directory / file)
    assert make.wait(10) == 0
    assert Path(name).read_bytes() == new


def test_a_writer_that_does_not_end_is_named(minion, managed, name, monkeypatch):
    monkeypatch.setattr(_rulefiles, "_TIME_LIMIT", 0.2)
    directory = os.path.dirname(name)
    with locked(f"{directory}/.lock"):
        failed = managed(LARGE)
    assert failed["result"] is False
    assert failed["comment"] == (
        f"{name}: something else has been writing to {directory} for 0.2 s (the old rules stand)"
    )


@pytest.fixture
def full(tmp_path):
    """A small disk, and what leaves only so many bytes free on it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)

    def leave(free):
        (disk / "filler").unlink(missing_ok=True)
        (disk / "filler").write_bytes(bytes(max(0, shutil.disk_usage(disk).free - free)))
        return disk

    yield leave
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_one_clear_line_and_the_old_rules_stand(minion, full):
    name = str(full(2**20) / "rules" / "ftp.cdb")
    arguments = {"state": "tcprules.managed", "name": name}
    assert minion.apply(**arguments, settings=SMALL)["result"] is True
    small = in_force(minion, name)
    results = []
    for free in range(0, 2**20, 2**14):
        full(free)
        done = minion.apply(**arguments, settings=LARGE)
        results.append(done["result"])
        if done["result"]:
            break
        assert done["comment"].startswith(f"{name}: ")
        assert "No space left on device" in done["comment"] or "out of disk" in done["comment"]
        assert done["comment"].endswith("(the old rules stand)")
        assert "\n" not in done["comment"]
        assert in_force(minion, name) == small
    assert results[0] is False
    assert results[-1] is True
    assert in_force(minion, name) > small
