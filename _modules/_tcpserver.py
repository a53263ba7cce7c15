"""What the tcpserver of this machine knows, and what the run scripts of services tell it."""

import contextlib
import functools
import getopt
import glob
import os
import shlex
import shutil
import subprocess

import _check
import _listener
from _listener import psutil
from salt.exceptions import SaltInvocationError

# How many clients it serves at the same time if not told.
PLACES = 40
_OPTIONS = "46dDvqQhHrR1UXx:t:u:g:l:b:B:c:I:pPoO"


def readers(cdb, scripts):
    """
    Return the services whose tcpserver reads a cdb, with its options that have no value.

    cdb
        its path as the run scripts have it
    scripts
        those of the services, by name, as `scripts` returns them
    """
    found = {}
    for name, script in scripts.items():
        options, _ = told(script)
        if ("-x", cdb) in options:
            found[name] = "".join(flag[1:] for flag, value in options if not value)
    return found


def ports(scripts):
    """Return the number of the port of each service, by name, whose run script has a tcpserver."""
    found = {}
    for name, script in scripts.items():
        _, words = told(script)
        with contextlib.suppress(OSError, IndexError):
            found[name] = _listener.number(words[1])
    return found


def scripts(definitions):
    """Return the run scripts of the services in a directory, by name."""
    found = {}
    for run in sorted(glob.glob(os.path.join(glob.escape(definitions), "*", "run"))):
        # Services go while others are looked at.
        with contextlib.suppress(FileNotFoundError), open(run, "rb") as script:
            text = script.read().decode("utf-8", "replace")
            found[os.path.basename(os.path.dirname(run))] = text
    return found


def deaf(cdb, scripts):
    """
    Return what no tcpserver that reads a cdb asks about a client: ``info`` (-R), ``host`` (-H).

    An empty list where no service reads the cdb.
    """
    flags = readers(cdb, scripts).values()
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
