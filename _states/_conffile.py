"""
A configuration file of a package or of the system with a text of ours in its place.

What was there is kept beside it.  dpkg is told, so that it upgrades the one that is kept and asks
nobody which of the two to take: dpkg-divert(1).
"""

import contextlib
import os
import shutil
import subprocess

import _block
from salt.exceptions import CommandExecutionError


def kept(path):
    """Return where the other file is, if there is one."""
    return f"{path}.distrib"


def is_told(path):
    """Return whether dpkg, if there is any, knows that a file is ours."""
    return not _has_dpkg() or bool(_divert("--listpackage", path).strip())


def replace(path, text, put):
    """Put a text in the place of a file, by means of `put`."""
    if os.path.exists(path) and not os.path.exists(kept(path)):
        # Without lines of ours, or dpkg would ask about them.
        put(kept(path), _block.plan(_block.read(path), []))
    if not is_told(path):
        _divert("--no-rename", "--divert", kept(path), "--add", path)
    put(path, text)


def restore(path):
    """Take our file away, and put what is kept in its place."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    if _has_dpkg():
        _divert("--rename", "--remove", path)
    elif os.path.exists(kept(path)):
        os.rename(kept(path), path)


def _has_dpkg():
    return bool(shutil.which("dpkg-divert"))


def _divert(*arguments):
    done = subprocess.run(
        ["dpkg-divert", "--local", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandExecutionError(f"dpkg-divert: {done.stderr.strip()}")
    return done.stdout
