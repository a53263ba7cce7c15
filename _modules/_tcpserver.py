"""What the tcpserver of this machine knows, and what the run scripts of services tell it."""

import functools
import getopt
import glob
import os
import shlex
import shutil
import socket
import subprocess

import _check
from salt.exceptions import SaltInvocationError

try:
    import psutil
except ImportError:  # Salt needs it, but salt-ssh does not bring it along.
    psutil = None

# How many clients it serves at the same time if not told.
PLACES = 40
_OPTIONS = "46dDvqQhHrR1UXx:t:u:g:l:b:B:c:I:pPoO"


def readers(cdb, definitions):
    """
    Return the services whose tcpserver reads a cdb, with its options that have no value.

    cdb
        its path as the run scripts have it
    definitions
        where the service directories are
    """
    found = {}
    for name, script in scripts(definitions).items():
        options, _ = told(script)
        if ("-x", cdb) in options:
            found[name] = "".join(flag[1:] for flag, value in options if not value)
    return found


def ports(definitions):
    """Return the number of the port of each service with a tcpserver, by its name."""
    listening = {name: told(script)[1] for name, script in scripts(definitions).items()}
    numbers = {name: _number(words[1]) for name, words in listening.items() if words[1:]}
    return {name: number for name, number in numbers.items() if number}


def scripts(definitions):
    """Return the run scripts of the services in a directory, by name."""
    found = {}
    for run in sorted(glob.glob(os.path.join(glob.escape(definitions), "*", "run"))):
        with open(run, encoding="utf-8", errors="replace") as script:
            found[os.path.basename(os.path.dirname(run))] = script.read()
    return found


def _number(port):
    try:
        return int(port) if port.isdigit() else socket.getservbyname(port, "tcp")
    except OSError:
        return None


def deaf(cdb, definitions):
    """
    Return what no tcpserver that reads a cdb asks about a client: ``info`` (-R), ``host`` (-H).

    An empty list where no service reads the cdb.
    """
    flags = readers(cdb, definitions).values()
    return [
        asked
        for asked, off, on in (("info", "R", "r"), ("host", "H", "h"))
        if flags and all(options.rfind(off) > options.rfind(on) for options in flags)
    ]


def known(address):
    """Return an address or a network; refuse it if it is IPv6 and tcpserver does not speak that."""
    if ":" in address and not speaks_ipv6():
        raise SaltInvocationError(
            f"{_check.got(address)} is IPv6, which the tcpserver of this machine does not speak"
            " (that of ucspi-tcp-ipv6 does)"
        )
    return address


def speaks_ipv6():
    """Return whether the tcpserver of this machine knows IPv6."""
    program = shutil.which("tcpserver")
    return bool(program) and _has_option_6(program, os.stat(program).st_mtime_ns)


@functools.lru_cache
def _has_option_6(program, _modified):
    # Only the patched one offers -4 and -6, of all the letters in its first bracket.
    said = subprocess.run([program], capture_output=True, timeout=10).stderr
    return b"6" in said.partition(b"[")[2].partition(b"]")[0]


def clients(pid):
    """Return how many clients a tcpserver serves now, each by a child; None if nobody can tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return len(children.read().split())
    except OSError:
        return _counted(pid)


def _counted(pid):
    """Count the children of a process where there is no list of them."""
    try:
        return len(psutil.Process(pid).children()) if psutil else None
    except psutil.Error:
        return None


def told(script):
    """Return the options of the tcpserver in a script, and the words after them; none, if none."""
    if "tcpserver" not in script:
        return [], []
    try:
        words = shlex.split(script.replace("\\\n", " "), comments=True)
        return getopt.getopt(words[words.index("tcpserver") + 1 :], _OPTIONS)
    except (ValueError, getopt.GetoptError):
        return [], []
