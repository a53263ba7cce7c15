"""What apt does on a machine is not seen in a snapshot of it that was there before."""

import contextlib
import fcntl
import os
import pathlib
import subprocess
import sys
import time

import pytest

SANDBOX = pathlib.Path(__file__).parents[1] / "sandbox"
# Prints where the snapshot is, and keeps it until somebody speaks or hangs up.
TAKE = f"""
import pathlib, sys
sys.path.insert(0, {str(SANDBOX)!r})
import snapshot
print(snapshot.taken(*map(pathlib.Path, sys.argv[1:4]), sys.argv[4:]), flush=True)
sys.stdin.readline()
"""


class Machine:
    """A small one, of which snapshots are taken."""

    def __init__(self, folder, cache):
        self.root, self.cache, self.copies = folder / "machine", cache, folder / "copies"
        self.dpkg = self.root / "var/lib/dpkg"
        for path in (self.dpkg, self.root / "var/lib/apt", self.root / "etc"):
            path.mkdir(parents=True)
        for path in (self.root / "usr/bin", self.root / "usr/local/bin", self.copies):
            path.mkdir(parents=True)
        (self.dpkg / "lock-frontend").touch()
        (self.root / "usr/local/bin/own").write_text("")
        self.upgrade("old")

    def upgrade(self, version):
        """Put something new in the place of the old, as dpkg does."""
        for path in (self.root / "usr/bin/program", self.dpkg / "status", self.root / "etc/conf"):
            new = path.with_name(f"{path.name}.dpkg-new")
            new.write_text(version)
            new.rename(path)

    def process(self, *apart, instead=""):
        """Take a snapshot; the process waits for a word. `instead` comes before each cp."""
        paths = (self.root, self.cache, self.copies)
        cp = self.copies.with_name("cp")
        cp.write_text(f'#!/bin/sh\n{instead}\nPATH=${{PATH#*:}} exec cp "$@"\n')
        cp.chmod(0o755)
        env = {**os.environ, "PATH": f"{cp.parent}:{os.environ['PATH']}"}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, "-c", TAKE, *paths, *apart]
        return subprocess.Popen(command, env=env, text=True, **pipes)

    @contextlib.contextmanager
    def snapshot(self, *apart):
        """Have a snapshot that somebody stands on."""
        with self.process(*apart) as taken:
            yield pathlib.Path(taken.stdout.readline().strip())
            taken.communicate("\n")

    def snapshots(self):
        """Return what there is of snapshots, whole or not."""
        return {path.name for path in self.cache.glob("programs*")} - {"programs.lock"}


def eventually(condition):
    """Wait until a condition comes true, a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def memory(path):
    """Have a file system in memory, where a box has but an overlay."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "test", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.fixture(params=["an overlay", "one file system", "two file systems"])
def machine(request, tmp_path):
    """The machine and the cache, on each kind of file systems."""
    with contextlib.ExitStack() as stack:
        folder = cache = tmp_path
        if request.param != "an overlay":
            folder = cache = stack.enter_context(memory(tmp_path / "one"))
        if request.param == "two file systems":
            cache = stack.enter_context(memory(tmp_path / "two"))
        yield Machine(folder, cache)


@pytest.fixture
def linked(tmp_path):
    """A machine whose programs can be linked."""
    with memory(tmp_path / "one") as folder:
        yield Machine(folder, folder)


def test_an_upgrade_is_not_seen(machine):
    """Neither of programs nor of what is configured; who comes then has the new, and both stay."""
    with machine.snapshot() as before:
        assert (before / "bin/program").read_text() == "old"
        machine.upgrade("new")
        assert (before / "bin/program").read_text() == "old"
        assert (machine.copies / "etc/conf").read_text() == "old"
        with machine.snapshot() as after:
            assert (after / "bin/program").read_text() == "new"
            assert (machine.copies / "etc/conf").read_text() == "new"
            assert (before / "bin/program").read_text() == "old"


def test_programs_are_links_where_they_can_be(linked):
    with linked.snapshot() as taken:
        assert (taken / "bin/program").samefile(linked.root / "usr/bin/program")
        assert not (linked.copies / "etc/conf").samefile(linked.root / "etc/conf")


def test_nobody_but_root_gets_at_programs_that_were_replaced(machine):
    with machine.snapshot() as taken:
        assert taken.parent.stat().st_mode & 0o777 == 0o700
        assert taken.stat().st_mode == (machine.root / "usr").stat().st_mode


def test_what_is_apart_is_empty(machine):
    with machine.snapshot("local") as taken:
        assert list((taken / "local").iterdir()) == []
    with machine.snapshot() as taken:
        assert (taken / "local/bin/own").exists()


def test_of_one_state_there_is_one_snapshot_whoever_takes_it_at_once(machine):
    """It is made once."""
    takes = [machine.process() for _ in range(4)]
    said = [take.communicate("\n") for take in takes]
    assert len({out for out, _ in said}) == len(machine.snapshots()) == 1
    assert len([err for _, err in said if err]) == 1


def test_a_snapshot_goes_when_nobody_stands_on_it(machine):
    """And the packages are different: until then the next one needs it."""
    with machine.snapshot() as first:
        pass
    with machine.snapshot() as again:
        assert again == first
        machine.upgrade("new")
    with machine.snapshot() as other:
        assert machine.snapshots() == {other.parent.name} != {first.parent.name}


def test_who_is_killed_stands_on_it_no_more(machine):
    with machine.process() as taken:
        taken.stdout.readline()
        taken.kill()
    machine.upgrade("new")
    with machine.snapshot() as other:
        assert machine.snapshots() == {other.parent.name}


def test_half_a_snapshot_is_not_taken_for_whole(machine, tmp_path):
    """Nor does anybody go on with it while a cp that outlived its parent still writes."""
    begun, end = tmp_path / "begun", tmp_path / "end"
    os.mkfifo(end)
    stuck = f'case "$*" in *--one-file-system*) touch {begun}; exec cat {end};; esac'
    with machine.process(instead=stuck) as taken:
        eventually(begun.exists)
        taken.kill()
    with machine.process() as after:
        assert machine.snapshots() == {"programs.part"}
        end.write_text("")
        out, _ = after.communicate("\n")
    whole = pathlib.Path(out.strip())
    assert (whole / "bin/program").read_text() == "old"
    assert machine.snapshots() == {whole.parent.name}


def test_apt_at_work_is_waited_for(machine):
    """And told of: what dpkg has half unpacked is no state to stand on."""
    with (machine.dpkg / "lock-frontend").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        taken = machine.process()
        assert "waiting for apt" in taken.stderr.readline()
        machine.upgrade("new")
    out, _ = taken.communicate("\n")
    assert pathlib.Path(out.strip(), "bin/program").read_text() == "new"


def test_when_apt_came_between_it_is_taken_again(machine):
    """Of what was before and what came then no mixture is left."""
    files = [machine.root / "usr/bin/program", machine.dpkg / "status", machine.root / "etc/conf"]
    names = " ".join(map(str, files))
    upgrade = f"for file in {names}; do printf new >$file.new; mv $file.new $file; done"
    once = f"case $(cat {files[0]})$* in old*--one-file-system*) {upgrade};; esac"
    out, _ = machine.process(instead=once).communicate("\n")
    whole = pathlib.Path(out.strip())
    assert (whole / "bin/program").read_text() == "new"
    assert (machine.copies / "etc/conf").read_text() == "new"
    assert machine.snapshots() == {whole.parent.name}


def test_what_cannot_be_kept_whole_is_told(tmp_path):
    """What cp said, such as of a full disk, is the last line; nothing is there that looks whole."""
    machine = Machine(tmp_path, tmp_path / "small")
    (machine.root / "usr/bin/large").write_bytes(os.urandom(2**20))
    with memory(machine.cache):
        subprocess.run(["mount", "-o", "remount,size=512k", machine.cache], check=True)
        _, err = machine.process().communicate("\n")
        assert "No space left on device" in err.splitlines()[-1]
        assert machine.snapshots() == {"programs.part"}
