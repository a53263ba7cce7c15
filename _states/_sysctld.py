"""
What the kernel's variables are set to at a boot, by systemd and as it reads them: sysctl.d(5).

Of files with one name that of the first folder counts; whatever the folder, they are read in the
order of their names, and the last word holds.
"""

import os
import re
import stat

FOLDERS = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
_ASSIGNMENT = re.compile(r"^\s*-?\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$", re.MULTILINE)


def holds(path, key, value, proc="/proc/sys"):
    """Return whether the kernel has a value now, and a file of root's gives it that at a boot."""
    try:
        with open(os.path.join(proc, key.replace(".", "/")), encoding="utf-8") as file:
            now = " ".join(file.read().split())
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    plain = (status.st_mode, status.st_uid) == (stat.S_IFREG | 0o644, 0)
    return plain and (now, _value(path, key)) == (value, value)


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
