"""
What a daemon tells a client before the client has said a word.

A service that runs is asked for it on its port.  A daemon that does not run yet is tried: run once
as tcpserver would run it, on a connection over the loopback that nobody else can have, and ended.
"""

import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import time

import _multilog
import _runscript

LOOPBACK = "127.0.0.1"
# svscanboot gives its services no other environment.
PATH = "/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin"
# Seconds for a connection of this machine with itself, however many others want one.
PATIENCE = 10
# How much of its last words is listened to, and how much of that is told.
LAST_BYTES, LAST_LINES = 4096, 5
# Seconds in which a daemon may end by itself once its client has gone, and say why it did.
FAREWELL = 0.3
POLL = 0.01
ROUNDS = 20
PROC = os.path.isdir("/proc/self")


def said(address, port, wanted, seconds):
    """
    Return what a service that runs says first, as far as a greeting is long.

    address, port
        where it listens on this machine; it is asked from that very address
    wanted
        the text that it should begin with
    seconds
        how long to wait at most

    Returns a text, which is empty where it hangs up without a word.  Raises OSError where there is
    no connection, and TimeoutError, which is one, where nothing is said in time.
    """
    deadline = time.monotonic() + seconds
    with socket.create_connection((address, port), seconds, (address, 0)) as client:
        return _heard(client, wanted, deadline)


def lacking(text, wanted, settings=None):
    """
    Return what is wrong with what was said, or None if it begins as it should.

    settings
        of the service, for what must not be shown
    """
    if text.startswith(wanted):
        return None
    line = masked(text, settings or {}).strip().partition("\n")[0].strip()
    return f"{f'says {line!r}' if text else 'hangs up'} where a client expects {wanted!r}"


def fault(settings, folder, seconds):
    """
    Try the daemon of a service, and return what is wrong with it, or None if it greets.

    settings
        of the service, as checked, with ``greeting``, ``tcpserver`` and ``command``
    folder
        where it will run; if that is not there yet, it is tried in the root directory
    seconds
        how long it may take to greet

    Returns a phrase, and the end of what it told its log in lines of their own; no value of
    ``envdir`` is shown.  Whatever it does it has ended when this returns, and nobody else could
    have been its client.
    """
    client, connection = _pair()
    environment = _environment(settings, client)
    reader, writer = os.pipe()
    with client, open(reader, "rb", buffering=0) as errors:
        try:
            with connection, open(writer, "wb", buffering=0) as log:
                daemon = _started(settings, folder, environment, connection, log)
        except OSError as error:
            return f"{error.filename or settings['command'][0]}: {error.strerror}"
        try:
            os.set_blocking(reader, False)
            words = bytearray()
            wrong = _judged(settings, client, errors, words, seconds)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            how = _farewell(daemon, errors, words)
        finally:
            _kill(daemon, environment)
    if wrong is None:
        return None
    told = "".join(f"\n    {line}" for line in _last(words, settings))
    return f"{wrong}{how}" + (told and f"; it said:{told}")


def masked(text, settings):
    """Return a text without the values of the variables of a service, which are secret."""
    for value in sorted(settings.get("envdir", {}).values(), key=len, reverse=True):
        text = text.replace(value, "***") if value else text
    return text


def _pair():
    """Return the two ends of a connection over the loopback: ours, and that of the daemon."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(PATIENCE)
        client = socket.create_connection(listener.getsockname(), PATIENCE)
        while True:
            connection, address = listener.accept()
            if address == client.getsockname():
                return client, connection
            # Somebody else on this machine was there first, and gets nothing.
            connection.close()


def _environment(settings, client):
    """Return what tcpserver tells its daemon, after what envdir does."""
    options = settings["tcpserver"]
    told = {
        "PROTO": "TCP",
        "TCPLOCALIP": LOOPBACK,
        "TCPLOCALPORT": str(client.getpeername()[1]),
        "TCPLOCALHOST": options["local_name"],
        "TCPREMOTEIP": LOOPBACK,
        "TCPREMOTEPORT": str(client.getsockname()[1]),
    }
    host = {"TCPREMOTEHOST": "localhost"} if options["remote_host"] else {}
    return {"PATH": PATH} | settings.get("envdir", {}) | told | host


def _started(settings, folder, environment, connection, log):
    options, ids = settings["tcpserver"], {}
    if "gid" in options:
        ids |= {"group": options["gid"], "extra_groups": [options["gid"]]}
    if "uid" in options:
        ids |= {"user": options["uid"]}
    return subprocess.Popen(
        _runscript.daemon(settings),
        stdin=connection,
        stdout=connection,
        stderr=log,
        cwd=folder if os.path.isdir(folder) else "/",
        env=environment,
        umask=int(settings.get("umask", "022"), 8),
        start_new_session=True,
        **ids,
    )


def _judged(settings, client, errors, words, seconds):
    """Return what is wrong with how a daemon greets; what it tells its log becomes `words`."""
    wanted = settings["greeting"]
    try:
        text = _heard(client, wanted, time.monotonic() + seconds, errors, words)
    except TimeoutError:
        return f"says nothing within {seconds} s where a client expects {wanted!r}"
    return lacking(text, wanted, settings)


def _heard(client, wanted, deadline, errors=None, words=None):
    """Return what a client is told, until that is enough to be judged."""
    heard, enough = b"", len(wanted.encode())
    with selectors.DefaultSelector() as ready, contextlib.suppress(ConnectionResetError):
        for file in filter(None, (client, errors)):
            ready.register(file, selectors.EVENT_READ)
        while len(heard) < enough:
            files = [key.fileobj for key, _ in ready.select(deadline - time.monotonic())]
            if not files and not heard:
                raise TimeoutError(errno.ETIMEDOUT, "it says nothing")
            if errors in files and not _drained(errors, words):
                ready.unregister(errors)
            data = client.recv(512) if client in files else None
            if not files or data == b"":
                break
            heard += data or b""
    return heard.decode(errors="replace")


def _drained(errors, words):
    """Take what a daemon has told its log, and return whether there may be more."""
    while data := errors.read(LAST_BYTES):
        words += data
        # A word that is cut is not recognised as secret: the line goes as a whole.
        if len(words) > LAST_BYTES:
            del words[: words.find(b"\n", len(words) - LAST_BYTES) + 1 or None]
    return data is None


def _farewell(daemon, errors, words):
    """Give a daemon without a client a moment to end, and return how it did, as a phrase."""
    deadline = time.monotonic() + FAREWELL
    ended, more = None, True
    while (more or not ended) and time.monotonic() < deadline:
        more = _drained(errors, words)
        ended = os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        time.sleep(POLL if more or not ended else 0)
    if not ended:
        return ""
    verb = "exits with" if ended.si_code == os.CLD_EXITED else "is ended by signal"
    return f" ({verb} {ended.si_status})"


def _kill(daemon, environment):
    """End a daemon and all that it has started, wherever these have gone."""
    mark = {f"{name}={environment[name]}".encode() for name in ("TCPLOCALPORT", "TCPREMOTEPORT")}
    # It is not reaped before, so that its number is still its own.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(daemon.pid, signal.SIGKILL)
    for _ in range(ROUNDS):
        strays = [pid for pid in _processes() if mark <= _variables(pid)]
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not strays:
            break
        time.sleep(POLL)
    daemon.wait()


def _processes():
    """Return the pids that there are (Linux)."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if PROC else []


def _variables(pid):
    """Return the environment that a process was started with."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return set(file.read().split(b"\0"))
    return set()


def _last(words, settings):
    lines = masked(words.decode(errors="replace"), settings).splitlines()
    shown = [_multilog.decode(line)[1] for line in lines if line.strip()]
    return shown[-LAST_LINES:]
