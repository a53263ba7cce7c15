"""
Services under daemontools, declared.

.. code-block:: yaml

    hello:
      daemontools.supervised:
        - settings:
            tcpserver: {address: 127.0.0.1, port: 8000}
            setuidgid: nobody
            command: [/usr/local/bin/hello]

Three facts have three words: **supervised**, a supervise answers; **enabled**, there is no ``down``
file, so it starts at boot; **up**, there is a process.
"""

from salt.exceptions import CommandExecutionError, SaltInvocationError


def declared(name, settings, pillar=None):
    """
    Make a service what its settings say in ``state``: up, down or absent.

    name
        The service.

    settings
        As for daemontools.supervised.  With ``state: down`` and nothing to run, an existing
        service is only kept down.

    pillar
        Where the settings stand, to begin error messages with; the name by default.
    """
    return _told(name, _declared, settings, pillar)


def supervised(name, settings, pillar=None):
    """
    Make the directory of a service what its settings say, link it, and keep it up and stable.

    name
        The service, for example ``open-ftpd``.

    settings
        A mapping, of which only ``command`` or ``run`` is needed:

        ``command``: the program and its arguments, a list of words; ``softlimit``, ``tcpserver``,
        ``setuidgid``, ``envdir``, ``umask``: what is run before it, with the options spelled out;
        ``run``: a whole script instead of these; ``multilog``: options of its logger, or false for
        none; ``enabled``: whether it starts at boot (true); ``state``: up or down (up);
        ``stable_for``: for how many seconds it must have been up to count as up (3); ``timeout``:
        for how many seconds it may take to be so (15).

    pillar
        Where the settings stand, to begin error messages with; the name by default.

    Only what changed is restarted: the service when ``run`` or ``env`` did, the logger when
    ``log/run`` did.  A service that does not stay up fails, with its last log lines.
    """
    return _told(name, _supervised, settings, pillar)


def dead(name, settings=None, pillar=None):
    """
    Keep a service down, now and at the next boot.

    name
        The service, or ``NAME/log``; one that does not exist is dead already.

    settings, pillar
        Not used; so that every state of this module can be called alike.
    """
    return _told(name, _dead)


def absent(name, settings=None, pillar=None):
    """
    Unlink a service, end its processes, and remove the files that Salt wrote; its logs stay.

    name
        The service.

    settings, pillar
        Not used; so that every state of this module can be called alike.
    """
    return _told(name, _absent)


def mod_watch(name, sfun=None, settings=None, pillar=None, **kwargs):
    """
    Restart a service that is declared up, because something that it watches has changed.

    name, settings, pillar
        As for the state that watches.

    sfun
        The name of that state.
    """
    return _told(name, _watched, sfun, settings, pillar)


def _told(name, state, *arguments):
    """Return what a state returns; a wrong setting or a wrong world becomes one line."""
    try:
        return state(name, *arguments)
    except (SaltInvocationError, CommandExecutionError, OSError) as error:
        return _failed(name, error)


def _declared(name, settings, pillar):
    wanted = __salt__["servicedir.settings"](name, settings, pillar)
    if wanted["state"] == "absent":
        return _absent(name)
    if wanted["state"] == "down" and not ("run" in wanted or "command" in wanted):
        return _dead(name)
    return _supervised(name, settings, pillar)


def _supervised(name, settings, pillar):
    wanted = __salt__["servicedir.settings"](name, settings, pillar)
    if wanted["state"] == "absent" or not ("run" in wanted or "command" in wanted):
        raise SaltInvocationError(f"{pillar or name}: is not to be run (use daemontools.declared)")
    wanted["files"] = __salt__["servicedir.render"](name, wanted)
    before = __salt__["servicechange.read"](name)
    changes = __salt__["servicechange.compare"](name, wanted, before)
    if not changes and (__opts__["test"] or __salt__["servicechange.is_settled"](wanted, before)):
        return _unchanged(name, _state(before["record"]))
    if __opts__["test"]:
        return _would_change(name, changes)
    __salt__["servicechange.check"](name, wanted, before)
    error = None
    try:
        __salt__["servicechange.make"](name, wanted, before, changes)
    except (CommandExecutionError, OSError) as failure:
        error = failure
    after = __salt__["servicechange.read"](name)
    left = __salt__["servicechange.compare"](name, wanted, after)
    done = {key: changes[key] for key in changes if key not in left}
    if error or left:
        return _failed(name, error or f"still to be done: {', '.join(left)}", done)
    return _changed(name, done, _state(after["record"]))


def _dead(name):
    before = _processes(name)
    if before is None:
        return _unchanged(name, "does not exist")
    changes = {}
    if before["enabled"]:
        changes["down"] = "added"
    if before["pid"] or before["want"] == "up":
        changes["service"] = "stopped"
    if not changes:
        return _unchanged(name, "is down")
    if __opts__["test"]:
        return _would_change(name, changes)
    __salt__["daemontools.disable"](name)
    __salt__["daemontools.stop"](name)
    after = _processes(name)
    if after["enabled"] or after["pid"]:
        return _failed(name, "did not go down (see the minion's log)")
    return _changed(name, changes, "is down")


def _processes(name):
    if not __salt__["daemontools.available"](name):
        return None
    enabled = __salt__["daemontools.enabled"](name)
    return __salt__["daemontools.show"](name) | {"enabled": enabled}


def _absent(name):
    __salt__["servicedir.service_name"](name)
    before = __salt__["servicechange.read"](name)
    __salt__["servicechange.refuse_foreign"](name, before)
    there = {
        "link": before["linked"] and "removed",
        "service": before["supervised"] and "stopped",
        "definition": before["exists"] and "removed",
    }
    changes = {key: how for key, how in there.items() if how}
    if not changes:
        return _unchanged(name, "does not exist")
    if __opts__["test"]:
        return _would_change(name, changes)
    __salt__["daemontools.remove"](name)
    after = __salt__["servicechange.read"](name)
    if after["exists"] or after["linked"]:
        return _failed(name, "is still there")
    return _changed(name, changes, "does not exist any more")


def _watched(name, sfun, settings, pillar):
    up = sfun in ("declared", "supervised")
    if not up or __salt__["servicedir.settings"](name, settings, pillar)["state"] != "up":
        return _unchanged(name, "is not meant to be up, so it is not restarted")
    changes = {"service": "restarted"}
    if __opts__["test"]:
        return _would_change(name, changes)
    __salt__["daemontools.restart"](name)
    return _changed(name, changes, _state(__salt__["daemontools.show"](name)))


def _state(record):
    if record["pid"]:
        return f"is {record['state']} (pid {record['pid']})"
    return f"is {record['state']}"


def _unchanged(name, state):
    return _result(name, True, f"{name} {state}.")


def _would_change(name, changes):
    return _result(name, None, f"{name} would be changed: {', '.join(changes)}.", changes)


def _changed(name, changes, state):
    return _result(name, True, f"{name} {state}.", changes)


def _failed(name, error, changes=None):
    if isinstance(error, OSError):
        error = f"{error.strerror}: {error.filename}" if error.filename else error
    text = str(error)
    begins = isinstance(error, SaltInvocationError) or text.startswith(f"{name}")
    result = _result(name, False, text if begins else f"{name}: {text}", changes)
    # Or else what is watched would turn a failure without changes into a successful restart.
    return result | {"skip_watch": True}


def _result(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
