"""The lines of /etc/inetd.conf whose ports another server takes over.

Format: inetd.conf(5), "service-name socket-type protocol ..."; BSD has `address:service-name` too.
"""

import os
import signal

MARK = "#ftpgw# "
PIDFILE = "/var/run/inetd.pid"


def retire(text, services):
    """
    Comment out the lines of an inetd.conf that serve one of `services`.

    text
        the contents of the file
    services
        a list of service names, as in the first column

    Returns the new text, the same text where there is nothing to retire.

    CLI Example:

    .. code-block:: bash

        salt gw1 inetd.retire 'ftp stream tcp nowait root /usr/libexec/ftpd ftpd' '[ftp]'
    """
    return "".join(
        MARK + line if _service(line) in services else line for line in text.splitlines(True)
    )


def restore(text):
    """
    Undo `retire`: take our mark away from every line that has it.

    text
        the contents of an inetd.conf

    Returns the new text.

    CLI Example:

    .. code-block:: bash

        salt gw1 inetd.restore '#ftpgw# ftp stream tcp nowait root /usr/libexec/ftpd ftpd'
    """
    return "".join(line.removeprefix(MARK) for line in text.splitlines(True))


def reload(pidfile=PIDFILE):
    """
    Send HUP to the running inetd, so that it reads its configuration again.

    pidfile
        where inetd keeps its process id

    Returns True if inetd got the signal, False if none runs.

    CLI Example:

    .. code-block:: bash

        salt gw1 inetd.reload
    """
    try:
        with open(pidfile, encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True


def _service(line):
    first = line.split(None, 1)[:1]
    return first[0].rpartition(":")[2] if first else None
