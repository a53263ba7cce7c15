"""
A file of packet filter rules: checked, loaded, and taken back if it cuts the minion off.

The filter is given as a mapping of argument vectors, in which ``{file}`` stands for a path::

    check:  [nft, --check, --file, '{file}']          exits 0 if the rules are sound
    load:   [nft, --file, '{file}']                   puts all of them in force, or none
    show:   [nft, --stateless, --terse, list, table, ip, ftpgw]
    unload: [nft, delete, table, ip, ftpgw]           takes them out of force

What ``show`` prints must depend on the rules alone, not on counters or clients.  It is kept beside
the file when the rules are loaded, so that rules which are gone or were edited are noticed.
"""

import contextlib
import difflib
import os
import select
import shlex
import signal
import socket
import subprocess

from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program, and for one connection to the master.
PROGRAM, CONNECTION = 10, 5
# Seconds until the old rules come back where nobody says that the new ones are good.
PATIENCE = 2 * PROGRAM + 4 * CONNECTION


def read(name, filter):
    """
    Return what is known of a file of rules: ``text``, ``loaded`` and ``remembered``.

    name
        The path of the file.

    filter
        A mapping with ``show``, see the head of this module.

    ``text`` is what the file holds, ``loaded`` what ``show`` prints now, ``remembered`` what it
    printed when the rules were loaded.  Each is empty where there is none.

    CLI Example:

    .. code-block:: bash

        salt gw1 firewall.read /etc/nftables.d/ftpgw.nft '{show: [nft, list, table, ip, ftpgw]}'
    """
    return {"text": _text(name), "loaded": _shown(filter), "remembered": _text(_memory(name))}


def compare(world, text):
    """
    Return what must change until the rules in a file, and those in force, are a text.

    world
        What ``firewall.read`` returns.

    text
        The rules; an empty text means that there shall be none.

    Returns a mapping with the differences of ``file`` and of what is ``loaded``; an empty one
    means that all is well.

    CLI Example:

    .. code-block:: bash

        salt gw1 firewall.compare '{text: a, loaded: a, remembered: a}' b
    """
    changes = {"file": _difference(world["text"], text)}
    if text and not world["loaded"]:
        changes["loaded"] = "there were none"
    else:
        changes["loaded"] = _difference(world["loaded"], world["remembered"] if text else "")
    return {key: lines for key, lines in changes.items() if lines}


def install(name, text, filter):
    """
    Put rules in force, and then in the place of those in the file.

    name
        The path of the file.

    text
        The rules.

    filter
        A mapping with ``check``, ``load``, ``show`` and ``unload``, see the head of this module.

    The old rules come back, and the old file stands, if the master could be reached before and
    cannot be now, if anything fails, and if this process is killed in between.

    Raises CommandExecutionError, saying which of these it was.

    CLI Example:

    .. code-block:: bash

        salt gw1 firewall.install /etc/nftables.d/my.nft 'table ip my {}' \
            '{check: [nft, -c, -f, "{file}"], load: [nft, -f, "{file}"],
              show: [nft, list, table, ip, my], unload: [nft, delete, table, ip, my]}'
    """
    new = f"{name}.new"
    os.makedirs(os.path.dirname(name), exist_ok=True)
    _write(new, text)
    _run(name, filter["check"], new)
    with _reversible(name, filter):
        _run(name, filter["load"], new)
    os.rename(new, name)
    _write(f"{_memory(name)}.new", _shown(filter))
    os.rename(f"{_memory(name)}.new", _memory(name))


def remove(name, filter):
    """
    Take rules out of force, and remove their file.

    name
        The path of the file.

    filter
        A mapping with ``load``, ``show`` and ``unload``, see the head of this module.

    Raises CommandExecutionError as ``firewall.install`` does.

    CLI Example:

    .. code-block:: bash

        salt gw1 firewall.remove /etc/nftables.d/my.nft '{load: [nft, -f, "{file}"],
            show: [nft, list, table, ip, my], unload: [nft, delete, table, ip, my]}'
    """
    if _shown(filter):
        with _reversible(name, filter):
            _run(name, filter["unload"])
    for path in (f"{name}.new", _memory(name), name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def masters():
    """
    Return the addresses at which the master of this minion answers now, as ``HOST:PORT``.

    A minion without a master has none.

    CLI Example:

    .. code-block:: bash

        salt gw1 firewall.masters
    """
    if __opts__.get("file_client") == "local":
        return []
    host = __opts__.get("master_ip") or __opts__.get("master")
    ports = (__opts__.get("master_port", 4506), __opts__.get("publish_port", 4505))
    return [f"{host}:{port}" for port in ports if isinstance(host, str) and _answers(host, port)]


def _answers(host, port):
    with contextlib.suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), CONNECTION).close()
        return True
    return False


@contextlib.contextmanager
def _reversible(name, filter):
    """Change the rules in the body; go back unless the master answers afterwards as before."""
    back = _words(filter["load"], name) if os.path.exists(name) else filter["unload"]
    before = masters()
    with _dead_man(name, back):
        yield
        lost = sorted(set(before) - set(masters()))
        if lost:
            raise CommandExecutionError(
                f"{name}: with these rules the master at {' and '.join(lost)} does not answer "
                "any more; the old ones are back (let the minion reach its master)"
            )


@contextlib.contextmanager
def _dead_man(name, command):
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
            f"{name}: this took more than {PATIENCE} s, so the old rules are back"
        )
    finally:
        os.close(writing)
        _, failed = os.waitpid(guard, 0)
        if failed and os.path.exists(name):
            raise CommandExecutionError(
                f"{name}: not even the old rules could be loaded (see what is wrong with: "
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


def _run(name, command, file=""):
    try:
        done = subprocess.run(
            _words(command, file), capture_output=True, text=True, timeout=PROGRAM, check=False
        )
    except FileNotFoundError:
        raise CommandExecutionError(f"{name}: no program {command[0]!r} (install it)")
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{name}: {command[0]} did not end within {PROGRAM} s")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise CommandExecutionError(
            f"{name}: {command[0]} refuses these rules, so the old ones stand: {said[0]}"
        )


def _shown(filter):
    try:
        done = subprocess.run(
            filter["show"], capture_output=True, text=True, timeout=PROGRAM, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _words(command, file):
    return [word.replace("{file}", file) for word in command]


def _memory(name):
    return f"{name}.loaded"


def _text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write(path, text):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _difference(old, new):
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))
