"""What Debian's packages bring along, by the files of dpkg(1) and the words of apt-get(8)."""

import os
import re

# "status" has a paragraph for each package; "updates" what dpkg has done and not yet written there.
FOLDER = "/var/lib/dpkg"
_WHOLE = {"installed", "not-installed", "config-files"}
_STATUS = re.compile(r"^Status: \S+ \S+ (\S+)$", re.MULTILINE)
_PROVIDES = re.compile(r"^Provides: (.*)$", re.MULTILINE)
_REMOVED = re.compile(r"^(?:Remv|Purg) ([^\s:]+)", re.MULTILINE)


def unprovided(wanted, folder=FOLDER):
    """
    Return the packages that stand in for what no installed one provides.

    wanted
        ``{what must be provided: the package that shall do it}``
    """
    provided = set()
    for package in _status(folder).split("\n\n"):
        state, names = _STATUS.search(package), _PROVIDES.search(package)
        if names and state and state[1] == "installed":
            provided.update(re.split(r"[\s,]+", names[1]))
    return [package for what, package in wanted.items() if what not in provided]


def interrupted(folder=FOLDER):
    """Return whether dpkg was cut short, so that it must finish first."""
    updates = os.path.join(folder, "updates")
    pending = os.path.isdir(updates) and os.listdir(updates)
    return bool(pending) or not set(_STATUS.findall(_status(folder))) <= _WHOLE


def _status(folder):
    try:
        with open(os.path.join(folder, "status"), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def removed(said):
    """Return the names that a simulated removal tells."""
    return set(_REMOVED.findall(said))
