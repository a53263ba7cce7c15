"""
A configuration file of a package with a text of ours in its place.

dpkg then keeps that of the package elsewhere, and asks nobody which of the two to take:
dpkg-divert(1).
"""

import contextlib
import os
import shutil
import subprocess

import _block
from salt.exceptions import CommandExecutionError


def is_replaced(path):
    """Return whether a file is ours: that of the package is kept elsewhere, if there is dpkg."""
    if not shutil.which("dpkg-divert"):
        return os.path.exists(path)
    return bool(_divert("--listpackage", path).strip())


def replace(path, text, put):
    """Put a text in the place of a file, by means of `put`; that of the package is kept."""
    if shutil.which("dpkg-divert") and not is_replaced(path):
        kept = f"{path}.distrib"
        if os.path.exists(path) and not os.path.exists(kept):
            # As the package has it, or dpkg would ask about our lines.
            put(kept, _block.plan(_block.read(path), []))
        _divert("--no-rename", "--divert", kept, "--add", path)
    put(path, text)


def restore(path):
    """Take our file away, and put that of the package in its place, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    if shutil.which("dpkg-divert"):
        _divert("--rename", "--remove", path)


def _divert(*arguments):
    done = subprocess.run(
        ["dpkg-divert", "--local", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandExecutionError(f"dpkg-divert: {done.stderr.strip()}")
    return done.stdout
