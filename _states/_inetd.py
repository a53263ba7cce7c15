"""
The lines of an inetd.conf whose ports another server takes over.

Format: inetd.conf(5), "service-name socket-type protocol ..."; BSD has `address:service-name` too.
inetutils' inetd reads every file of inetd.d as well.
"""

import glob
import os
import signal

import _block

MARK = "#ftpgw# "
PIDFILE = "/var/run/inetd.pid"


def retire(text, services):
    """Comment out the lines that serve one of some services, as named in the first column."""
    return "".join(
        MARK + line if _service(line) in services else line for line in text.splitlines(True)
    )


def restore(text):
    """Undo `retire`: take our mark away from every line that has it."""
    return "".join(line.removeprefix(MARK) for line in text.splitlines(True))


def files(path):
    """Return the paths of an inetd.conf and of all that is read with it."""
    return [path, *sorted(filter(os.path.isfile, glob.glob(f"{path.removesuffix('.conf')}.d/*")))]


def owes(path):
    """
    Return whether inetd was not told yet of a change of its file.

    That is written down before the file changes and forgotten after the HUP: a run that is killed
    between the two leaves it to the next one.
    """
    return os.path.exists(_owed(path))


def apply(path, texts, put):
    """
    Replace the texts of some of the files of an inetd.conf by means of `put`, and send inetd HUP.

    Returns whether one runs.
    """
    put(_owed(path), "")
    for file, text in texts.items():
        _block.apply(file, text, put)
    running = reload()
    os.unlink(_owed(path))
    return running


def reload():
    """Send the running inetd HUP; return whether one runs."""
    try:
        with open(PIDFILE, encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True


def _owed(path):
    return f"{path}.hup"


def _service(line):
    first = line.split(None, 1)[:1]
    return first[0].rpartition(":")[2] if first else None
