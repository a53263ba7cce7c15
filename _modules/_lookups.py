"""
What a server would look for in the home of an account, as soon as that is its root.

glibc loads the libraries that nsswitch.conf(5) names when they are first asked, from what is ``/``
by then.  A server that asks for names there, with root's rights left, runs what an account uploads.
"""

import re

FILE = "/etc/nsswitch.conf"
# Of glibc itself, since 2.34.
_BUILT_IN = {"files", "dns"}


def problems(text, databases, path, others):
    """
    Return a line for each library that would come from a home.

    text
        of nsswitch.conf
    databases
        which the server asks in a home, such as ``[passwd, hosts]``
    path, others
        of the server in pillar, and those which do not ask
    """
    lines = (line.partition("#")[0].partition(":") for line in text.splitlines())
    said = {database.strip(): services for database, _, services in lines}
    # initgroups(3) goes through all of them, before there is another root.
    groups = re.sub(r"\[SUCCESS=merge\]", " ", said.get("group", ""), flags=re.IGNORECASE)
    loaded = set() if "initgroups" in said else _names(groups.partition("[")[0])
    return [
        f"{path}: what an account uploads as libnss_{name}.so.2 would be run by root (take {name} "
        f"out of `{database}` in {FILE}, or say {' or '.join(others)})"
        for database in databases
        for name in sorted(_names(said.get(database, "")) - loaded - _BUILT_IN)
    ]


def _names(services):
    return set(re.sub(r"\[[^\]]*\]?", " ", services).split())
