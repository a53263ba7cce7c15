"""Files with lists of addresses, which sites name."""

import os
import re

import _check


def contents(checked, path, fetch):
    """
    Return the content in bytes of every file that a site names, by its name.

    fetch
        what brings a ``salt://`` file to this machine and returns its path

    Raises OSError that names a file which cannot be read, and SaltInvocationError with a line for
    each file that is not there.
    """
    where = {
        file: f"{path}:sites:{site}:{verdict}_from"
        for site, settings in checked["sites"].items()
        for verdict in ("allow", "deny")
        for file in settings[f"{verdict}_from"]
    }
    local = {file: fetch(file) if file.startswith("salt://") else file for file in where}
    missing = [file for file in where if not local[file] or not os.path.isfile(local[file])]
    _check.refuse_all(f"{where[file]}: there is no file {file}" for file in missing)
    return {file: _content(local[file]) for file in where}


def lines(content):
    """Return the lines of a list without comments and blanks; without an address they are empty."""
    text = content.decode("utf-8-sig", errors="replace")
    # A comment ends where its line does, also with the line ends of an old Macintosh.
    return [line.strip() for line in re.sub("#[^\r\n]*", "", text).splitlines()]


def _content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        # One that is read badly does not say what it is.
        error.filename = path
        raise
