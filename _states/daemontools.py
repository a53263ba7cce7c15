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

import _result
import salt.utils.data
from salt.exceptions import CommandExecutionError, SaltInvocationError

# Where `linked` leaves in test mode what it has said, for the state that comes later.
_FORETOLD = "daemontools.linked"


def declared(name, settings, path=None):
    """
    Make a service what its settings say in ``state``: up, down or absent.

    name
        The service.

    settings
        As for daemontools.supervised.  With ``state: down`` and nothing to run, an existing
        service is only kept down.

    path
        Where the settings stand, to begin error messages with; the name by default.
    """
    return _told(name, _reached, _with_secrets(settings, path), path)


def supervised(name, settings, path=None):
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
        ``greeting``: what it says first to a client begins with this; ``stable_for``: for how many
        seconds it must have been up to count as up (3, or a moment where ``tcpserver`` or
        ``greeting`` tells when it is ready); ``timeout``: for how many seconds it may take to be so
        (15).

    path
        Where the settings stand, to begin error messages with; the name by default.  If pillar has
        an ``envdir`` there, it is read from it: secrets need not be rendered.

    Only what changed is restarted: the service when ``run`` or ``env`` did, the logger when
    ``log/run`` did.  Before anything is replaced, the new daemon is tried against its greeting.  A
    service that is not ready in time, or does not stay up, fails with its last log lines.
    """
    return _told(name, _supervised, _with_secrets(settings, path), path)


def linked(name, settings, path=None):
    """
    Link a new service that is to be up, but keep it down: daemontools.declared starts it later.

    name, settings, path
        As for daemontools.declared.

    svscan looks every five seconds: what it finds at once need not be waited for.  A service that
    is linked already, whatever it does, is left alone.
    """
    return _told(name, _linked, _with_secrets(settings, path), path)


def dead(name, settings=None, path=None):
    """
    Keep a service down, now and at the next boot.

    name
        The service, or ``NAME/log``; one that does not exist is dead already.

    settings, path
        Not used; so that every state of this module can be called alike.
    """
    return _told(name, _reached, {"state": "down"}, path)


def absent(name, settings=None, path=None):
    """
    Unlink a service, end its processes, and remove the files that Salt wrote; its logs stay.

    name
        The service.

    settings, path
        Not used; so that every state of this module can be called alike.
    """
    return _told(name, _reached, {"state": "absent"}, path)


def mod_watch(name, sfun=None, settings=None, path=None, **kwargs):
    """
    Restart a service that is declared up, because something that it watches has changed.

    name, settings, path
        As for the state that watches.

    sfun
        The name of that state.
    """
    return _told(name, _watched, sfun, settings, path)


def _told(name, state, *arguments):
    """Return what a state returns; a wrong setting or a wrong world becomes its comment."""
    try:
        return state(name, *arguments)
    except (SaltInvocationError, CommandExecutionError) as error:
        return _result.failed(name, error)


def _linked(name, settings, path):
    test = __opts__["test"]
    changes = __salt__["daemontools.link"](name, settings, path, test=test)
    if not changes:
        return _result.unchanged(name, f"{name} is not new.")
    if test:
        __context__.setdefault(_FORETOLD, {})[name] = changes
        return _result.would_change(name, changes, f"{name} would be linked, and kept down.")
    return _result.changed(name, changes, f"{name} is linked, and kept down.")


def _reached(name, settings, path):
    plan = __salt__["daemontools.plan"](name, settings, path, trial=__opts__["test"])
    changes = plan["changes"]
    if not changes and (plan["settled"] or __opts__["test"]):
        return _result.unchanged(name, f"{name} {plan['now']}.")
    if __opts__["test"]:
        changes = _beyond_link(name, changes)
        tried = {True: " Its daemon was tried, and greets.", False: " Its daemon was not tried."}
        comment = f"{name} would be changed: {', '.join(changes)}.{tried.get(plan['tried'], '')}"
        return _result.would_change(name, changes, comment)
    error = None
    try:
        left = __salt__["daemontools.apply"](name, settings, path)
    except CommandExecutionError as failure:
        error, left = failure, __salt__["daemontools.plan"](name, settings, path)
    done = {what: how for what, how in changes.items() if what not in left["changes"]}
    if error or left["changes"]:
        still = f"{name}: still to be done: {', '.join(left['changes'])}"
        return _result.failed(name, error or still, done)
    return _result.changed(name, done, f"{name} {left['now']}.")


def _beyond_link(name, changes):
    """Return what is left to do for a service after what `linked` has foretold of it."""
    linked = __context__.get(_FORETOLD, {}).get(name)
    if not linked or "link" not in changes:
        return changes
    return {"down": "removed"} | {what: how for what, how in changes.items() if what not in linked}


def _with_secrets(settings, path):
    """Return settings with what pillar has of them that no state is rendered from."""
    # Of Salt 3008, `pillar.get` tells templates alone what is there, and states asterisks.
    find = salt.utils.data.traverse_dict_and_list
    secrets = find(__pillar__, f"{path}:envdir", None, ":") if path else None
    return {**settings, "envdir": secrets} if secrets and isinstance(settings, dict) else settings


def _supervised(name, settings, path):
    if __salt__["daemontools.plan"](name, settings, path)["wanted"] not in ("up", "down"):
        raise SaltInvocationError(f"{path or name}: is not to be run (use daemontools.declared)")
    return _reached(name, settings, path)


def _watched(name, sfun, settings, path):
    declared = sfun in ("declared", "supervised")
    if not declared or __salt__["daemontools.plan"](name, settings, path)["wanted"] != "up":
        return _result.unchanged(name, f"{name} is not meant to be up, so it is not restarted.")
    changes = {"service": "restarted"}
    if __opts__["test"]:
        return _result.would_change(name, changes, f"{name} would be restarted.")
    __salt__["daemontools.restart"](name)
    now = __salt__["daemontools.plan"](name, settings, path)["now"]
    return _result.changed(name, changes, f"{name} {now}.")
