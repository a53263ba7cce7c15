"""What Debian's packages bring along, by the files of dpkg(1) and the words of apt-get(8)."""

import os
import re

# "status" has a paragraph for each package; "updates" what dpkg has done and not yet written there.
FOLDER = "/var/lib/dpkg"
_HALF_WAY = re.compile(
    r"^Status: \S+ \S+ (?!(?:installed|not-installed|config-files)$)", re.MULTILINE
)
_REMOVED = re.compile(r"^(?:Remv|Purg) ([^\s:]+)", re.MULTILINE)


def unprovided(wanted, folder=FOLDER):
    """
    Return the packages that stand in for what no installed one provides.

    wanted
        ``{what must be provided: the package that shall do it}``
    """
    status = _status(folder)
    return [package for what, package in wanted.items() if not _is_provided(what, status)]


def interrupted(folder=FOLDER):
    """Return whether dpkg was cut short, so that it must finish first."""
    updates = os.path.join(folder, "updates")
    pending = os.path.isdir(updates) and os.listdir(updates)
    return bool(pending) or bool(_HALF_WAY.search(_status(folder)))


def _is_provided(what, status):
    # Each package is a paragraph; to take them all apart would be most of the work.
    for line in re.finditer(rf"^Provides: (?:.*[\s,])?{re.escape(what)}(?=[\s,]|$)", status, re.M):
        start = status.rfind("\n\n", 0, line.start()) + 1
        if re.compile(r"^Status: \S+ \S+ installed$", re.M).search(status, start, line.start()):
            return True
    return False


def _status(folder):
    try:
        with open(os.path.join(folder, "status"), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def removed(said):
    """Return the names that a simulated removal tells."""
    return set(_REMOVED.findall(said))
