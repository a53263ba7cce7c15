"""
What the run scripts of services tell tcpserver.
"""

import functools
import getopt
import glob
import os
import shlex
import shutil
import subprocess

_OPTIONS = "46dDvqQhHrR1UXx:t:u:g:l:b:B:c:I:pPoO"


def readers(cdb, definitions):
    """
    Return the services whose tcpserver reads a cdb, and with which options.

    cdb
        The path of the cdb, as the run scripts have it.

    Returns a mapping of names to the options without values, such as ``{"open-ftpd": "vRH"}``.
    """
    found = {}
    for run in sorted(glob.glob(os.path.join(glob.escape(definitions), "*", "run"))):
        with open(run, encoding="utf-8", errors="replace") as script:
            options = _options(script.read())
        if ("-x", cdb) in options:
            flags = [flag[1:] for flag, value in options if not value]
            found[os.path.basename(os.path.dirname(run))] = "".join(flags)
    return found


def deaf(cdb, definitions):
    """
    Return what no tcpserver that reads a cdb asks about a client.

    cdb
        The path of the cdb, as the run scripts have it.

    Returns a list of ``"info"`` (option -R) and ``"host"`` (option -H); where no service reads the
    cdb, an empty one.
    """
    flags = readers(cdb, definitions).values()
    return [
        asked
        for asked, off, on in (("info", "R", "r"), ("host", "H", "h"))
        if flags and all(options.rfind(off) > options.rfind(on) for options in flags)
    ]


def speaks_ipv6():
    """Return whether the tcpserver of this machine knows IPv6."""
    program = shutil.which("tcpserver")
    return bool(program) and _has_option_6(program, os.stat(program).st_mtime_ns)


@functools.lru_cache
def _has_option_6(program, _modified):
    # Only the patched one offers -4 and -6, of all the letters in its first bracket.
    said = subprocess.run([program], capture_output=True, timeout=10).stderr
    return b"6" in said.partition(b"[")[2].partition(b"]")[0]


def _options(script):
    try:
        words = shlex.split(script.replace("\\\n", " "), comments=True)
        return getopt.getopt(words[words.index("tcpserver") + 1 :], _OPTIONS)[0]
    except (ValueError, getopt.GetoptError):
        return []
