"""
What the kernel's variables are, and what they are set to at a boot: sysctl.d(5), sysctl.conf(5).

Of files with one name that of the first folder counts; whatever the folder, they are read in the
order of their names, and the last word holds.
"""

import contextlib
import os
import re
import shutil
import subprocess

FOLDERS = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
PLACES = "/sbin:/usr/sbin"
_ASSIGNMENT = re.compile(r"^\s*-?\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$", re.MULTILINE)


def read(key, file, folders=FOLDERS):
    """
    Return what a variable is `now`, what a `boot` makes of it, and `by` which file.

    key
        the variable
    file
        the one that shall set it: in a directory that systemd reads, or the only one of its system

    Each is None where nobody says.
    """
    words = {file: _value(file, key), **later(file, key, folders)}
    [*_, (by, boot)] = [(None, None), *((f, word) for f, word in words.items() if word is not None)]
    return {"now": _now(key), "boot": boot, "by": by}


def _now(key):
    """Ask the kernel: Linux by a file, the others by a program."""
    with contextlib.suppress(OSError), open(f"/proc/sys/{key.replace('.', '/')}") as file:
        return " ".join(file.read().split())
    program = shutil.which("sysctl", path=PLACES)
    if not program:
        return None
    done = subprocess.run([program, "-n", key], capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()) if done.returncode == 0 else None


def later(path, key, folders=FOLDERS):
    """Return `{path: value}` of the files that set a variable after some file did, in order."""
    files = {}
    for folder in folders:
        directory = os.path.join(folder, "sysctl.d")
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            files.setdefault(name, os.path.join(directory, name))
    ours = os.path.basename(path)
    behind = sorted(name for name in files if name.endswith(".conf") and name > ours)
    found = {files[name]: _value(files[name], key) for name in behind}
    return {file: value for file, value in found.items() if value is not None}


def _value(path, key):
    """Return what a file sets a variable to at last, its white space as the kernel shows it."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            pairs = _ASSIGNMENT.findall(file.read())
    except FileNotFoundError:
        return None
    values = [value for name, value in pairs if name.replace("/", ".") == key]
    return " ".join(values[-1].split()) if values else None
