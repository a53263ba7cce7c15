"""
The custom modules and states of the file server, on this minion before its states are rendered.

Salt syncs them when a minion starts and before a highstate, not before ``state.apply SLS``. Its
own ``saltutil.sync_modules`` could always be called, but by default it also throws away what
Python has compiled.
"""

import os

import salt.utils.hashutils

# The folders of the file server are named like these, with an underscore.
KINDS = ("modules", "states")


def sync(saltenv="base"):
    """
    Sync custom modules and states, but only where one of them differs.

    saltenv
        the environment of the file server that has them

    Returns a list of what is new, such as ``modules.daemontools``.

    CLI Example:

    .. code-block:: bash

        salt gw1 modulesync.sync
    """
    return [new for kind in KINDS for new in _sync(kind, saltenv)]


def _sync(kind, saltenv):
    if all(_is_here(kind, path, saltenv) for path in _served(kind, saltenv)):
        return []
    return __salt__[f"saltutil.sync_{kind}"](saltenv, refresh=False)


def _served(kind, saltenv):
    folder = f"_{kind}/"
    paths = __salt__["cp.list_master"](saltenv, prefix=folder)
    return [path.removeprefix(folder) for path in paths if path.endswith(".py")]


def _is_here(kind, path, saltenv):
    here = os.path.join(__opts__["extension_modules"], kind, path)
    there = __salt__["cp.hash_file"](f"salt://_{kind}/{path}", saltenv)
    if not there or not os.path.isfile(here):
        return False
    return salt.utils.hashutils.get_hash(here, there["hash_type"]) == there["hsum"]
