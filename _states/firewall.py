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

from salt.exceptions import CommandExecutionError


def loaded(name, text, filter):
    """
    Keep rules in a file and in force.

    name
        The path of the file.

    text
        The rules; loading them twice must be the same as loading them once.

    filter
        A mapping of argument vectors: ``check`` refuses rules that are not sound, ``load`` puts
        all of them in force or none, ``show`` prints those in force (and nothing, or fails, if
        there are none), ``unload`` takes them out of force.

    Rules that are gone or were edited since they were loaded are loaded again.  The old rules come
    back if the master, reachable before, cannot be reached with the new ones, and also if the run
    is killed before that is known.
    """
    return _told(name, text, filter, __salt__["firewall.install"], (name, text, filter))


def unloaded(name, filter):
    """
    Keep rules out of force, and their file away.

    name
        The path of the file.

    filter
        As for ``loaded``; ``check`` is not needed.
    """
    return _told(name, "", filter, __salt__["firewall.remove"], (name, filter))


def _told(name, text, filter, act, arguments):
    try:
        changes = _changes(name, text, filter)
        if not changes:
            return _unchanged(name, text)
        if __opts__["test"]:
            return _would_change(name, changes)
        act(*arguments)
        if _changes(name, text, filter):
            return _failed(name, f"{name}: somebody else changed the rules at the same time")
    except CommandExecutionError as error:
        return _failed(name, str(error))
    except OSError as error:
        return _failed(name, f"{name}: {error.strerror}")
    return _changed(name, changes)


def _changes(name, text, filter):
    return __salt__["firewall.compare"](__salt__["firewall.read"](name, filter), text)


def _unchanged(name, text):
    comment = "the rules are in force" if text else "there are no such rules"
    return {"name": name, "result": True, "changes": {}, "comment": comment}


def _would_change(name, changes):
    return {"name": name, "result": None, "changes": changes, "comment": "the rules would change"}


def _changed(name, changes):
    return {"name": name, "result": True, "changes": changes, "comment": "the rules have changed"}


def _failed(name, comment):
    return {"name": name, "result": False, "changes": {}, "comment": comment}
