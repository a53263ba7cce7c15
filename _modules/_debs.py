"""What Debian's packages bring along, by the files of dpkg(1) and the words of apt-get(8)."""

import os
import re

# "status" has a paragraph for each package; "updates" what dpkg has done and not yet written there;
# "arch" is there, with a line for each, once packages of another architecture may be.
FOLDER = "/var/lib/dpkg"
_FINISHED = ("installed", "not-installed", "config-files")
_KEPT = ("install", "hold")
_REMOVED = re.compile(r"^(?:Remv|Purg) ([^\s:]+)", re.MULTILINE)


def state(wanted, provided, folder=FOLDER):
    """
    Return ``{missing, unprovided, interrupted}``, by one look at what dpkg knows.

    wanted
        names of packages; ``missing`` are those of which it is not plain that they are installed
    provided
        ``{what must be provided: the package that shall do it}``; ``unprovided`` are the packages
        that stand in for what no installed one provides

    ``interrupted`` is whether dpkg was cut short, so that it must finish first.
    """
    status = _status(folder)
    interrupted = _is_interrupted(folder, status)
    unsure = interrupted or os.path.exists(os.path.join(folder, "arch"))
    return {
        "missing": [name for name in wanted if unsure or not _is_installed(name, status)],
        "unprovided": [
            package for what, package in provided.items() if not _is_provided(what, status)
        ],
        "interrupted": interrupted,
    }


def _is_interrupted(folder, status):
    updates = os.path.join(folder, "updates")
    pending = os.path.isdir(updates) and os.listdir(updates)
    # All packages have one of a few states: to cut the text is quicker than to match each of them.
    states = {after.partition("\n")[0] for after in status.split("\nStatus: ")[1:]}
    return bool(pending) or any(state.split()[-1] not in _FINISHED for state in states)


def _is_installed(name, status):
    return any(
        f"\nPackage: {name}\nStatus: {selection} ok installed\n" in status for selection in _KEPT
    )


def _is_provided(what, status):
    # Each package is a paragraph; to take them all apart would be most of the work.
    for line in re.finditer(rf"\nProvides: (?:.*[ ,])?{re.escape(what)}(?=[\s,])", status):
        start = status.rfind("\n\n", 0, line.start()) + 1
        if re.compile(r"^Status: \S+ \S+ installed$", re.M).search(status, start, line.start()):
            return True
    return False


def _status(folder):
    """Return the paragraphs, all after an empty line; what matters in them is ASCII."""
    try:
        with open(os.path.join(folder, "status"), "rb") as file:
            return "\n" + file.read().decode("latin-1")
    except FileNotFoundError:
        return ""


def removed(said):
    """Return the names that a simulated removal tells."""
    return set(_REMOVED.findall(said))
