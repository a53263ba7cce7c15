"""
A file of packet filter rules, and the same rules in force.

The filter's own program is named by a mapping of argument vectors, in which ``{file}`` stands for
the path of a file; so these states serve nftables and pf alike:

.. code-block:: yaml

    /etc/nftables.d/ftpgw.nft:
      firewall.loaded:
        - text: |
            table ip ftpgw
            delete table ip ftpgw
            table ip ftpgw { ... }
        - filter:
            check: [nft, --check, --file, '{file}']
            load: [nft, --file, '{file}']
            show: [nft, --stateless, --terse, list, table, ip, ftpgw]
            unload: [nft, delete, table, ip, ftpgw]
"""

import contextlib
import functools
import os

import _filter
import _peers
import _result
import salt.config
from salt.exceptions import CommandExecutionError

# Where `begun` leaves in test mode what would be in force, for the state that comes later.
_FORETOLD = "firewall.begun"


def loaded(name, text, filter):
    """
    Keep rules in a file and in force.

    name
        The path of the file.

    text
        The rules; loading them twice must be the same as loading them once.

    filter
        A mapping of argument vectors: ``check`` refuses rules that are not sound, ``load`` puts
        all of them in force or none, ``show`` (one, or a list of several) prints those in force
        (and nothing, or fails, if there are none), ``unload`` takes them out of force; and the
        name of a ``module`` that the kernel must have, if the rules need one.  Where it has
        ``bans``, whoever ``ftpgw.banned`` names is told of in ``bans``: a load ends them.

    Rules that are gone or were edited since they were loaded are loaded again.  The old rules come
    back if a master, or where somebody's ssh comes from, answered before and does not with the new
    ones, and also if the run is killed before that is known.
    """
    put = __salt__["ftpgw.put"]

    def install(read):
        _filter.install(name, text, filter, read, put, _whom())

    return _told(name, text, filter, install)


def begun(name, text, filter):
    """
    Put rules in force where there are none; rules that are in force already are left alone.

    name, text, filter
        As for ``loaded``, which may come later with rules that need more to be there.
    """
    try:
        there = __salt__["ftpgw.filter"](name, filter["show"])["loaded"]
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    if there:
        return _result.unchanged(name, "there are rules in force")
    done = loaded(name, text, filter)
    if __opts__["test"]:
        __context__.setdefault(_FORETOLD, {})[name] = text
    return done


def unloaded(name, filter):
    """
    Keep rules out of force, and their file away.

    name
        The path of the file.

    filter
        As for ``loaded``; ``check`` is not needed.
    """
    return _told(name, "", filter, lambda read: _filter.remove(name, filter, read, _whom()))


def _whom():
    # A minion with several masters has a process for each, which knows only its own.
    several = __opts__.get("multimaster") and os.path.exists(__opts__.get("conf_file") or "")
    configured = salt.config.minion_config(__opts__["conf_file"])["master"] if several else ()
    visitor = _peers.visitor(os.environ.get("SSH_CONNECTION", ""))
    return [*_peers.masters(__opts__, configured), *visitor]


def _told(name, text, filter, act):
    changes = {}
    try:
        changes = _changes(name, text, filter)
        if not changes:
            comment = "the rules are in force" if text else "there are no such rules"
            return _result.unchanged(name, comment)
        if __opts__["test"]:
            return _result.would_change(name, changes, "the rules would change")
        act(functools.partial(__salt__["ftpgw.filter"], name, filter["show"]))
        if _changes(name, text, filter):
            raise CommandExecutionError("somebody else changed the rules at the same time")
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error, _done(name, text, filter, changes))
    return _result.changed(name, changes, "the rules have changed")


def _done(name, text, filter, changes):
    """Return those changes that were made, in spite of what failed later on."""
    if not changes:
        return {}
    with contextlib.suppress(CommandExecutionError, OSError):
        left = _changes(name, text, filter)
        return {key: change for key, change in changes.items() if key not in left}
    return {}


def _changes(name, text, filter):
    world = __salt__["ftpgw.filter"](name, filter["show"])
    begun = __context__.get(_FORETOLD, {}).get(name) if __opts__["test"] else None
    if begun and not world["loaded"]:
        world = {"text": begun, "loaded": begun, "remembered": begun}
    changes = _filter.plan(world, text)
    bans = __salt__["ftpgw.banned"]() if changes and "bans" in filter else []
    ended = sorted({ban["address"] for ban in bans})
    return {**changes, "bans": {"ended": ended}} if ended else changes
