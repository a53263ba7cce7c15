"""
Why a service could not start, as far as that can be known before its files are replaced.
"""

import os
import re
import shutil
import subprocess

# Where svscan looks that the minion may not.
PLACES = (*os.defpath.split(":"), "/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/command")
SHELL = re.compile(r"(/\S*/(?:ba|da|k|mk|z)?sh)(\s|$)")
CHAIN = ("envdir", "softlimit", "tcpserver", "setuidgid")


def fault(script):
    """Return what a shell finds wrong with its script, or None; other scripts are not judged."""
    shell = SHELL.match(_interpreter(script))
    if not shell or not os.access(shell[1], os.X_OK):
        return None
    done = subprocess.run(
        [shell[1], "-n"],
        input=script.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return (said[0] if said else f"{shell[1]} -n fails") if done.returncode else None


def missing(settings):
    """Return the first program that checked settings name and that is not there, or None."""
    chain = [program for program in CHAIN if settings.get(program)]
    first = [_interpreter(settings["run"]).split()[0]] if "run" in settings else []
    programs = first or [*chain, settings["command"][0]]
    programs += ["multilog"] if settings["multilog"] else []
    return next((program for program in programs if not _is_there(program)), None)


def _interpreter(script):
    """Return what stands in the first line of a script after the mark."""
    return script.partition("\n")[0].removeprefix("#!").strip() or "/bin/sh"


def _is_there(program):
    path = os.pathsep.join((os.environ.get("PATH", ""), *PLACES))
    return shutil.which(program, path=path) is not None
