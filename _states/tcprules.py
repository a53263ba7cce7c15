"""The rules by which tcpserver admits clients, as states."""

import time

import _result
from salt.exceptions import CommandExecutionError, SaltInvocationError

# How often rules that have just come into force are looked at, before they are others.
_LOOKS, _PAUSE = 20, 0.1


def managed(name, settings, path=None):
    """
    Make both files of a rule set what its settings say; with ``state: absent``, remove them.

    name
        The name of the rule set: the files are NAME.rules and NAME.cdb in ``tcprules.dir``.

    settings
        A mapping as in pillar; docs/rules.md describes it.

    path
        The pillar path with which errors begin; default: the name.

    The changes name the addresses whose verdict changes, by site. Files that were edited by hand
    are written again. Where anything fails, the old rules stand, or the comment says that the new
    ones are in force.
    """
    return _as_declared(name, settings, path, "the rules are as declared")


def absent(name):
    """
    Remove both files of a rule set; a tcpserver that is told to use them drops every client.

    name
        The name of the rule set.
    """
    return _as_declared(name, {"state": "absent"}, name, "there are no such rules")


def compiled(name):
    """
    Make the cdb of an existing ``.rules`` file, which this state leaves as it is.

    name
        The name of the rule set, or the absolute path of its ``.rules`` file.

    Rules that tcprules accepts though they can never decide are warnings of the state; a line that
    tcprules refuses fails it, with the old cdb still in force.
    """

    def plan():
        return __salt__["tcprules.compile"](name, test=True)

    def apply():
        planned = plan()
        return __salt__["tcprules.compile"](name) if planned["changes"] else planned

    return _made(name, plan, apply, "the cdb is what the rules make")


def _as_declared(name, settings, path, fine):
    return _made(
        name,
        lambda: __salt__["tcprules.plan"](name, settings, path),
        lambda: __salt__["tcprules.install"](name, settings, path),
        fine,
    )


def _made(name, plan, apply, fine):
    """Return the result of a state by the functions that foretell and make its changes."""
    try:
        done = plan() if __opts__["test"] else apply()
    except (SaltInvocationError, CommandExecutionError) as error:
        return _result.failed(name, error)
    changes, warnings = done["changes"], done.get("warnings", ())
    if done.get("revoked"):
        changes = {**changes, "sessions": {"ended": done["revoked"]}}
    if "problem" in done:
        return _result.failed(name, CommandExecutionError(done["problem"]), changes)
    if not changes:
        return _result.unchanged(name, fine, warnings)
    if __opts__["test"]:
        return _result.would_change(name, changes, "the rules would change", warnings)
    problem = _not_as_made(plan)
    if problem:
        return _result.failed(name, CommandExecutionError(problem), changes)
    return _result.changed(name, changes, "the rules have changed", warnings)


def _not_as_made(plan):
    """Read again, and return what is wrong with rules that have just come into force."""
    try:
        for _ in range(_LOOKS):
            if not plan()["changes"]:
                return None
            # Somebody is being denied in a hurry, which is done in a moment.
            time.sleep(_PAUSE)
        return "somebody else wrote the rules at the same time"
    except (SaltInvocationError, CommandExecutionError) as error:
        return f"the change is in force, but could not be read again: {error}"
