"""
A program that brings the old rules back unless it is told that the new ones are good.

It is started before the rules change, and runs commands until one of them works: if its standard
input ends without a word, and if nothing comes for too long.  Whoever changes the rules inherits
the other end, so that the end is seen only when nobody is left who could still load the new ones.

It needs nothing but Python, and is nobody's fork: what kills Salt, be it a signal to its process
group, a restart of its service or a lack of memory, leaves it alone.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys

# How it ends: not needed, or which of the commands worked.
KEPT, BACK, UNLOADED, FAILED = 0, 10, 11, 12
WELL = b"well"
# There where systemd runs.
SYSTEMD = "/run/systemd/system"


def start(commands, patience, limit):
    """
    Return a running guard, a process with two pipes, or None where none can be started.

    commands
        what brings the old rules back, or else takes ours out of force: one or two vectors
    patience
        seconds until silence is as bad as the end
    limit
        seconds for each command
    """
    words = [sys.executable, "-I", __file__, json.dumps([commands, patience, limit])]
    for apart in _ways_apart():
        guard = subprocess.Popen(
            [*apart, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        if _hears(guard.stdout, limit) and guard.stdout.read(1):
            return guard
        guard.kill()
        end(guard)
    return None


def end(guard):
    """Close the pipes of a guard, and return how it ended."""
    guard.stdin.close()
    status = guard.wait()
    guard.stdout.close()
    return status


def _ways_apart():
    # systemd ends all of a unit's processes together; a scope is a unit that keeps our pipes.
    if os.path.isdir(SYSTEMD) and shutil.which("systemd-run"):
        yield ["systemd-run", "--scope", "--quiet", "--collect", "--"]
    yield []


def watch(commands, patience, limit):
    """Wait for good news; return how to end."""
    if _hears(sys.stdin, patience):
        return KEPT if os.read(0, len(WELL)) == WELL else _back(commands, limit)
    _back(commands, limit)
    # Whoever hangs may still load the new rules.
    _hears(sys.stdin, patience)
    return _back(commands, limit)


def _hears(stream, seconds):
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _back(commands, limit):
    for status, command in zip((BACK, UNLOADED), commands, strict=False):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            null = subprocess.DEVNULL
            streams = {"stdin": null, "stdout": null, "stderr": null}
            if subprocess.run(command, timeout=limit, check=False, **streams).returncode == 0:
                return status
    return FAILED


if __name__ == "__main__":
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, b".")
    sys.exit(watch(*json.loads(sys.argv[1])))
