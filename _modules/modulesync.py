"""
The custom modules and states of the file server, on this minion before its states are rendered.

Salt syncs them when a minion starts and before a highstate, not before ``state.apply SLS``. Its
own ``saltutil.sync_modules`` could always be called, but by default it also throws away what
Python has compiled.
"""

import pathlib

from salt.utils.hashutils import get_hash

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
    served = __salt__["cp.list_master"](saltenv, prefix="_")
    return [new for kind in KINDS for new in _sync(kind, served, saltenv)]


def _sync(kind, served, saltenv):
    there, here = f"_{kind}/", pathlib.Path(__opts__["extension_modules"], kind)
    wanted = {p.removeprefix(there) for p in served if p.startswith(there) and p.endswith(".py")}
    found = {str(path.relative_to(here)) for path in here.rglob("*.py")}
    if wanted == found and all(_same(f"salt://{there}{p}", here / p, saltenv) for p in wanted):
        return []
    return __salt__[f"saltutil.sync_{kind}"](saltenv, refresh=False)


def _same(served, file, saltenv):
    known = __salt__["cp.hash_file"](served, saltenv)
    return bool(known) and get_hash(str(file), known["hash_type"]) == known["hsum"]
