"""
Files that a daemon reads again when it gets HUP.

That it must is written down before they change and forgotten after the HUP: a run that is killed
between the two leaves it to the next one.
"""

import contextlib
import os
import signal

import _block
import psutil


def owes(path):
    """Return whether the daemon of a file was not told yet of a change."""
    return os.path.exists(_owed(path))


def apply(path, texts, put, pidfile, program=None):
    """
    Replace files by means of `put`, and send the daemon that reads them HUP.

    path
        the first of its files, beside which it is written down that it must be told
    texts
        ``{path: text}``; None takes a file away
    pidfile
        where its process id is
    program
        what it is called; else whatever runs under that id gets the signal

    Returns whether it runs.
    """
    put(_owed(path), "")
    for file, text in texts.items():
        if text is not None:
            _block.apply(file, text, put)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file)
    running = signalled(pidfile, program)
    os.unlink(_owed(path))
    return running


def signalled(pidfile, program=None):
    """Send HUP to a process; return whether it runs."""
    try:
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read())
        if program and psutil.Process(pid).name() != program:
            return False
        os.kill(pid, signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError, psutil.NoSuchProcess):
        return False
    return True


def _owed(path):
    return f"{path}.hup"
