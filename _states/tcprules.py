"""
The rules by which tcpserver admits clients, as states.
"""

from salt.exceptions import CommandExecutionError, SaltInvocationError


def declared(name, settings, pillar=None):
    """
    Make a rule set what its settings say: ``managed``, or ``absent`` for ``state: absent``.

    name
        The name of the rule set.

    settings
        A mapping as in pillar; docs/rules.md describes it.

    pillar
        The pillar path with which errors begin; default: the name.
    """
    try:
        state = __salt__["tcprules.settings"](name, settings, pillar)["state"]
    except SaltInvocationError as error:
        return _failed(name, error)
    return absent(name) if state == "absent" else managed(name, settings, pillar)


def managed(name, settings, pillar=None):
    """
    Make both files of a rule set equal to its settings.

    name
        The name of the rule set: the files are NAME.rules and NAME.cdb in ``tcprules.dir``.

    settings
        A mapping as in pillar; docs/rules.md describes it.

    pillar
        The pillar path with which errors begin; default: the name.

    The changes name the addresses whose verdict changes, by site. Files that were edited by hand
    are written again. Where anything fails, the old rules stand.
    """
    try:
        plan = __salt__["tcprules.plan"](name, settings, pillar)
        if not plan["changes"]:
            return _unchanged(name, "the rules are as declared")
        if __opts__["test"]:
            return _would_change(name, plan["changes"])
        __salt__["tcprules.install"](name, plan)
        if __salt__["tcprules.plan"](name, settings, pillar)["changes"]:
            return _failed(name, f"{name}: somebody else wrote the rules at the same time")
    except (SaltInvocationError, CommandExecutionError, OSError) as error:
        return _failed(name, error)
    return _changed(name, plan["changes"])


def compiled(name):
    """
    Make the cdb of an existing ``.rules`` file, which this state leaves as it is.

    name
        The name of the rule set, or the absolute path of its ``.rules`` file.

    Rules that tcprules accepts though they can never decide are warnings of the state; a line that
    tcprules refuses fails it, with the old cdb still in force.
    """
    try:
        changes = __salt__["tcprules.uncompiled"](name)
        warnings = __salt__["tcprules.lint"](name)
        if changes and not __opts__["test"]:
            __salt__["tcprules.compile"](name)
            if __salt__["tcprules.uncompiled"](name):
                return _failed(name, f"{name}: somebody else wrote the rules at the same time")
    except (SaltInvocationError, CommandExecutionError, OSError) as error:
        return _failed(name, error)
    if not changes:
        return _unchanged(name, "the cdb is what the rules make", warnings)
    finish = _would_change if __opts__["test"] else _changed
    return finish(name, changes, warnings)


def absent(name):
    """
    Remove both files of a rule set; a tcpserver that is told to use them drops every client.

    name
        The name of the rule set.
    """
    try:
        changes = dict.fromkeys(__salt__["tcprules.present"](name), "removed")
        if not changes:
            return _unchanged(name, "there are no such rules")
        if __opts__["test"]:
            return _would_change(name, changes)
        __salt__["tcprules.remove"](name)
        if __salt__["tcprules.present"](name):
            return _failed(name, f"{name}: somebody else wrote the rules at the same time")
    except (SaltInvocationError, OSError) as error:
        return _failed(name, error)
    return _changed(name, changes)


def _unchanged(name, comment, warnings=()):
    return _finished(name, True, {}, comment, warnings)


def _would_change(name, changes, warnings=()):
    return _finished(name, None, changes, "the rules would change", warnings)


def _changed(name, changes, warnings=()):
    return _finished(name, True, changes, "the rules have changed", warnings)


def _failed(name, error):
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        error = f"{name}: {error.strerror}{where} (the old rules stand)"
    return _finished(name, False, {}, str(error))


def _finished(name, result, changes, comment, warnings=()):
    finished = {"name": name, "result": result, "changes": changes, "comment": comment}
    return {**finished, "warnings": list(warnings)} if warnings else finished
