"""
Rules of a packet filter: put in force, and taken back if they cut the minion off.

The filter is given as a mapping of argument vectors, in which ``{file}`` stands for a path::

    check:  [nft, --check, --file, '{file}']          exits 0 if the rules are sound
    load:   [nft, --file, '{file}']                   puts all of them in force, or none
    show:   [nft, --stateless, --terse, list, table, ip, ftpgw]
    unload: [nft, delete, table, ip, ftpgw]           takes them out of force
    module: nf_nat_ftp                                what the kernel must have, if anything

``show`` may be a list of several, which together print what is in force.  That must depend on the
rules alone, not on counters or clients.  ``ftpgw.filter`` reads it, and says what to remember of it
when the rules have been loaded, so that rules which are gone or were edited are noticed.
"""

import contextlib
import os
import shlex
import subprocess

import _block
import _guard
import _peers
from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program.
PROGRAM = 10
# Seconds until the old rules come back where nobody says that the new ones are good.
PATIENCE = 2 * PROGRAM + 4 * _peers.CONNECTION


def plan(world, text):
    """
    Return what must change until rules are a text; an empty text means none.

    world
        what is known of them, as `ftpgw.filter` returns it

    The differences are those of ``file`` and of what is ``loaded``; without any all is well.
    """
    changes = {
        "file": _block.difference(world["text"], text),
        "loaded": _drift(text, world["loaded"], world["remembered"]),
    }
    return {key: lines for key, lines in changes.items() if lines}


def _drift(text, loaded, remembered):
    if not text:
        return _block.difference(loaded, "")
    if not loaded:
        return "there were none"
    if remembered is None:
        return "what is remembered of them is older than the file"
    if not remembered:
        return "nothing is remembered of them"
    return _block.difference(loaded, remembered)


def install(path, text, programs, read, put, peers):
    """
    Put rules in force, and then in the place of those in the file.

    read
        returns what is known of them
    put
        writes a file: its path, its text and its permissions
    peers
        whom this minion must not lose, see `_peers`

    The old rules come back, and the old file stands, if somebody could be reached before and
    cannot be now, if anything fails, and if this process is killed in between.  Raises
    CommandExecutionError, saying which of these it was.
    """
    file = os.path.realpath(path)
    new, mode = f"{file}.new", None if os.path.exists(file) else "0600"
    try:
        put(new, text, "0600")
        _have(path, programs.get("module"))
        _run(path, programs["check"], new)
        with _reversible(path, programs, peers) as change:
            change("load", new)
            put(file, text, mode)
    finally:
        _unlink(new)
    for memory, known in read()["memory"].items():
        put(memory, known, "0600")


def remove(path, programs, read, peers):
    """Take rules out of force, as carefully as `install`, and remove their file."""
    world = read()
    if world["loaded"]:
        with _reversible(path, programs, peers) as change:
            change("unload")
    for file in (f"{path}.new", *world["memory"], path):
        _unlink(file)


def _have(path, module):
    """Load a module of the kernel, unless it is there, or is a part of the kernel."""
    if not module or os.path.isdir(f"/sys/module/{module}"):
        return
    try:
        _run(path, ["modprobe", module])
    except CommandExecutionError as error:
        with open("/proc/kallsyms") as symbols:
            if not any(module in symbol for symbol in symbols):
                raise CommandExecutionError(f"{path}: the kernel has no {module}: {error.message}")


@contextlib.contextmanager
def _reversible(path, programs, peers):
    """Let the body change the rules by what is yielded; go back unless it ends well."""
    commands = [_words(programs["load"], path)] if os.path.exists(path) else []
    before = _peers.reachable(peers)

    def change(program, file=""):
        _run(path, programs[program], file, pipe)
        lost = _peers.lost(before)
        if lost:
            raise CommandExecutionError(
                f"{path}: with these rules {' and '.join(lost)} does not answer "
                "any more; the old ones are back (let the minion reach it)"
            )

    with _dead_man(path, [*commands, programs["unload"]]) as pipe:
        yield change


@contextlib.contextmanager
def _dead_man(path, commands):
    """Run commands, until one works, unless the body ends well; yield the pipe to the guard."""
    guard = _guard.start(commands, PATIENCE, PROGRAM)
    if not guard:
        raise CommandExecutionError(f"{path}: no guard could be started, so nothing has changed")
    well = False
    try:
        yield guard.stdin.fileno()
        well = True
        with contextlib.suppress(BrokenPipeError):
            guard.stdin.write(_guard.WELL)
    finally:
        status = _guard.end(guard)
        # One that was killed is not missed if all is well; and without old rules none come back.
        if commands[1:] and status not in (_guard.KEPT, _guard.BACK) and not (well and status < 0):
            what = ", so ours are out of force" if status == _guard.UNLOADED else ""
            raise CommandExecutionError(
                f"{path}: not even the old rules could be loaded{what} (see what is wrong with: "
                f"{shlex.join(commands[0])})"
            )
    if status > _guard.KEPT:
        raise CommandExecutionError(
            f"{path}: this took more than {PATIENCE} s, so the old rules are back"
        )


def _run(path, command, file="", pipe=None):
    try:
        done = _ended(path, _words(command, file), pipe)
    except FileNotFoundError:
        raise CommandExecutionError(f"{path}: no program {command[0]!r} (install it)")
    if done.returncode:
        said = _block.shown((done.stderr or done.stdout).strip()) or [f"exit {done.returncode}"]
        raise CommandExecutionError(
            f"{path}: {command[0]} refuses these rules, so the old ones stand: {said[0]}"
        )


def _ended(path, command, pipe=None):
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=PROGRAM,
            check=False,
            pass_fds=[] if pipe is None else [pipe],
        )
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{path}: {command[0]} did not end within {PROGRAM} s")


def _words(command, file):
    return [word.replace("{file}", file) for word in command]


def _unlink(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
