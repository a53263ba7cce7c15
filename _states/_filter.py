"""
Rules of a packet filter: read, put in force, and taken back if they cut the minion off.

The filter is given as a mapping of argument vectors, in which ``{file}`` stands for a path::

    check:  [nft, --check, --file, '{file}']          exits 0 if the rules are sound
    load:   [nft, --file, '{file}']                   puts all of them in force, or none
    show:   [nft, --stateless, --terse, list, table, ip, ftpgw]
    unload: [nft, delete, table, ip, ftpgw]           takes them out of force

What ``show`` prints must depend on the rules alone, not on counters or clients.  It is kept beside
the file when the rules are loaded, so that rules which are gone or were edited are noticed.
"""

import contextlib
import os
import select
import shlex
import signal
import socket
import subprocess

import _block
from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program, and for one connection to the master.
PROGRAM, CONNECTION = 10, 5
# Seconds until the old rules come back where nobody says that the new ones are good.
PATIENCE = 2 * PROGRAM + 4 * CONNECTION


def read(path, programs):
    """
    Return what is known of a file of rules, each part empty where there is none.

    ``text`` is what the file holds, ``loaded`` what ``show`` prints now, ``remembered`` what it
    printed when the rules were loaded.
    """
    return {
        "text": _block.read(path),
        "loaded": _shown(programs),
        "remembered": _block.read(_memory(path)),
    }


def plan(world, text):
    """
    Return what must change until the rules of `read` are a text; an empty text means none.

    The differences are those of ``file`` and of what is ``loaded``; without any all is well.
    """
    changes = {"file": _block.difference(world["text"], text)}
    if text and not world["loaded"]:
        changes["loaded"] = "there were none"
    else:
        changes["loaded"] = _block.difference(world["loaded"], world["remembered"] if text else "")
    return {key: lines for key, lines in changes.items() if lines}


def install(path, text, programs, put, masters):
    """
    Put rules in force, and then in the place of those in the file.

    put
        writes a file: its path, its text and its permissions
    masters
        the addresses of `masters`

    The old rules come back, and the old file stands, if a master could be reached before and
    cannot be now, if anything fails, and if this process is killed in between.  Raises
    CommandExecutionError, saying which of these it was.
    """
    file = os.path.realpath(path)
    new, mode = f"{file}.new", None if os.path.exists(file) else 0o600
    os.makedirs(os.path.dirname(file), exist_ok=True)
    try:
        put(new, text, 0o600)
        _run(path, programs["check"], new)
        with _reversible(path, programs, masters) as settle:
            _run(path, programs["load"], new)
            settle()
            put(file, text, mode)
    finally:
        _unlink(new)
    put(_memory(path), _shown(programs), 0o600)


def remove(path, programs, masters):
    """Take rules out of force, as carefully as `install`, and remove their file."""
    if _shown(programs):
        with _reversible(path, programs, masters) as settle:
            _run(path, programs["unload"])
            settle()
    for file in (f"{path}.new", _memory(path), path):
        _unlink(file)


def masters(opts):
    """Return where the configuration of a minion says that its master is: hosts and ports."""
    if opts.get("file_client") == "local":
        return []
    host = opts.get("master_ip") or opts.get("master")
    ports = (opts.get("master_port", 4506), opts.get("publish_port", 4505))
    return (
        [(host.strip("[]"), int(port)) for port in ports] if host and isinstance(host, str) else []
    )


def answering(addresses):
    """Return those addresses that accept a connection, in the order they were asked."""
    return [address for address in addresses if _answers(address)]


def _answers(address):
    with contextlib.suppress(OSError):
        socket.create_connection(address, CONNECTION).close()
        return True
    return False


@contextlib.contextmanager
def _reversible(path, programs, masters):
    """Change the rules in the body; yields what raises unless the masters answer as before."""
    back = _words(programs["load"], path) if os.path.exists(path) else programs["unload"]
    before = answering(masters)

    def settle():
        lost = sorted(set(before) - set(answering(before)))
        if lost:
            where = " and ".join(f"{host}:{port}" for host, port in lost)
            raise CommandExecutionError(
                f"{path}: with these rules the master at {where} does not answer "
                "any more; the old ones are back (let the minion reach its master)"
            )

    with _dead_man(path, back):
        yield settle


@contextlib.contextmanager
def _dead_man(path, command):
    """Run a command unless the body ends well: if it raises, takes too long, or we are killed."""
    reading, writing = os.pipe()
    guard = os.fork()
    if guard == 0:
        os.close(writing)
        _watch(reading, command)
    os.close(reading)
    try:
        yield
        os.write(writing, b"well")
    except BrokenPipeError:
        raise CommandExecutionError(
            f"{path}: this took more than {PATIENCE} s, so the old rules are back"
        )
    finally:
        os.close(writing)
        _, failed = os.waitpid(guard, 0)
        if failed and os.path.exists(path):
            raise CommandExecutionError(
                f"{path}: not even the old rules could be loaded (see what is wrong with: "
                f"{shlex.join(command)})"
            )


def _watch(pipe, command):
    """Wait for good news in a process of its own; the end of the pipe, and silence, are bad."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        spoke, _, _ = select.select([pipe], [], [], PATIENCE)
        if spoke and os.read(pipe, 4):
            status = 0
        else:
            status = subprocess.run(command, timeout=PROGRAM, check=False).returncode
    finally:
        os._exit(status)


def _run(path, command, file=""):
    try:
        done = subprocess.run(
            _words(command, file), capture_output=True, text=True, timeout=PROGRAM, check=False
        )
    except FileNotFoundError:
        raise CommandExecutionError(f"{path}: no program {command[0]!r} (install it)")
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{path}: {command[0]} did not end within {PROGRAM} s")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise CommandExecutionError(
            f"{path}: {command[0]} refuses these rules, so the old ones stand: {said[0]}"
        )


def _shown(programs):
    try:
        done = subprocess.run(
            programs["show"], capture_output=True, text=True, timeout=PROGRAM, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _words(command, file):
    return [word.replace("{file}", file) for word in command]


def _memory(path):
    return f"{path}.loaded"


def _unlink(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
