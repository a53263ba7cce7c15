"""A machine's packages and how it is configured, at one moment, whatever apt does there afterwards.

Programs are linked instead of copied where the file system of the cache is theirs: seconds, and no
room. dpkg writes a new file beside the old one and renames it, so that a link keeps the old one.
There is one snapshot for each state of the packages; whoever comes next finds it. Those of other
states go when nobody stands on them any more.
"""

import fcntl
import functools
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time

# Read, and written in place and as a whole, at any time by whoever configures the machine or uses
# apt there.
COPIED = ("etc", "var/lib/apt", "var/lib/dpkg")


def taken(machine, cache, copies, apart=()):
    """Copy COPIED of a machine to `copies`, and return a directory that has its /usr.

    `machine` is the root of its files; folders of its /usr that are named in `apart` are empty. The
    directory stays for as long as this process, or a child that it forked, lives.
    """
    with (cache / "programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What is started has the lock as well: it may outlive this process, if that is killed.
        run = functools.partial(subprocess.run, pass_fds=[lock.fileno()])
        part = cache / "programs.part"
        whole = None
        while whole is None:
            whole = _tried(run, machine, part, copies, apart)
        if part.exists():
            part.rename(whole)
        # Never closed: this lock ends with the last process that has it, however that ends.
        fcntl.flock(os.open(whole, os.O_RDONLY), fcntl.LOCK_SH)
        for other in set(cache.glob("programs-*")) - {whole}:
            if _unused(other):
                # In two steps: what is half removed must not look whole.
                other.rename(part)
                run(["rm", "-rf", part], check=True)
    return whole / "usr"


def _tried(run, machine, part, copies, apart):
    """Return where the programs belong, and have them in `part` if they are not there yet.

    None if apt was at work meanwhile.
    """
    before = _installed(machine)
    key = hashlib.sha256(b"/".join((before[1], *map(os.fsencode, sorted(apart)))))
    whole = part.with_name(f"programs-{key.hexdigest()[:16]}")
    run(["rm", "-rf", part, *(copies / folder for folder in COPIED)], check=True)
    # One that is gone before it is copied was somebody's, for a moment.
    copy = ["cp", "--archive", "--parents", *COPIED, copies]
    run(copy, cwd=machine, stderr=subprocess.DEVNULL, check=False)
    done = None if whole.exists() else _programs(run, machine / "usr", part, apart)
    if _installed(machine) != before:
        return None
    if done and done.returncode:
        raise OSError(done.stderr.strip())
    return whole


def _programs(run, usr, part, apart):
    """Link or copy /usr; returns the finished process, which has failed if something is missing."""
    print(f"box: keeping the programs of this machine in {part.parent}", file=sys.stderr)
    # Nobody but root: apt may replace a program that runs as root because of a hole in it.
    part.mkdir(mode=0o700)
    (part / "usr").mkdir()
    shutil.copystat(usr, part / "usr")
    for name in apart:
        (part / "usr" / name).mkdir()
    how = "--link" if _linkable(usr, part) else "--reflink=auto"
    entries = [path for path in usr.iterdir() if path.name not in apart]
    command = ["cp", "--archive", "--one-file-system", how, *entries, part / "usr"]
    return run(command, stderr=subprocess.PIPE, text=True, check=False)


def _linkable(usr, part):
    """An overlay would copy each file up before it links it, and wait for the disk each time."""
    kind = ["stat", "--file-system", "--format=%T", part]
    kind = subprocess.run(kind, capture_output=True, text=True, check=True).stdout.strip()
    return kind != "overlayfs" and usr.stat().st_dev == part.stat().st_dev


def _installed(machine):
    """Return what tells one state of the packages from another, as soon as apt is not at work."""
    dpkg = machine / "var/lib/dpkg"
    said = False
    while _at_work(dpkg / "lock-frontend"):
        if not said:
            print("box: waiting for apt, which is at work on this machine", file=sys.stderr)
        said = True
        time.sleep(0.2)
    status = dpkg / "status"
    return status.stat().st_mtime_ns, status.read_bytes()


def _at_work(lock):
    """Return whether apt or dpkg holds its lock; to take it for a moment could make apt fail."""
    with lock.open() as file:
        asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(file, fcntl.F_GETLK, asked)
    return struct.unpack("hhqqi", answer)[0] != fcntl.F_UNLCK


def _unused(whole):
    folder = os.open(whole, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(folder)
