"""
Files with lists of addresses, which sites name.
"""

import os
import re

from salt.exceptions import SaltInvocationError


def contents(checked, pillar, fetch):
    """
    Return the content of every file that a site names.

    checked
        Settings as ``sites.settings`` returns them.

    pillar
        The pillar path with which errors begin.

    fetch
        What brings a ``salt://`` file to this machine and returns its path.

    Returns a mapping of names to bytes.

    Raises SaltInvocationError for a file that is not there.
    """
    return {
        file: _content(file, fetch, f"{pillar}:sites:{site}:{verdict}_from")
        for site, settings in checked["sites"].items()
        for verdict in ("allow", "deny")
        for file in settings[f"{verdict}_from"]
    }


def lines(content):
    """
    Return the lines of a list without comments and blanks; a line without an address is empty.

    content
        What a file holds, in bytes.
    """
    content = content if isinstance(content, bytes) else content.encode()
    text = content.decode("utf-8-sig", errors="replace")
    return [line.strip() for line in re.sub("#.*", "", text).splitlines()]


def _content(file, fetch, pillar):
    local = fetch(file) if file.startswith("salt://") else file
    if not local or not os.path.isfile(local):
        raise SaltInvocationError(f"{pillar}: there is no file {file}")
    with open(local, "rb") as content:
        return content.read()
