"""What Debian's packages bring along, by the words of dpkg-query(1) and apt-get(8)."""

import re

# A line for each package: whether it is installed, and what it provides.
SHOW = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Provides}\n"]
_REMOVED = re.compile(r"^(?:Remv|Purg) ([^\s:]+)", re.MULTILINE)


def unprovided(wanted, shown):
    """
    Return the packages that stand in for what no installed one provides.

    wanted
        ``{what must be provided: the package that shall do it}``
    shown
        what `SHOW` prints
    """
    installed = [line for line in shown.splitlines() if line.startswith("installed ")]
    provided = {name for line in installed for name in re.split(r"[\s,]+", line)[1:]}
    return [package for what, package in wanted.items() if what not in provided]


def removed(said):
    """Return the names that a simulated removal tells."""
    return set(_REMOVED.findall(said))
