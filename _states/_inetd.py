"""
The lines of an inetd.conf whose ports another server takes over.

Format: inetd.conf(5), "service-name socket-type protocol ..."; BSD has `address:service-name` too.
inetutils' inetd reads every file of inetd.d as well.
"""

import glob
import os

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


def _service(line):
    first = line.split(None, 1)[:1]
    return first[0].rpartition(":")[2] if first else None
