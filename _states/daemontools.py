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

import os
import pwd

from salt.exceptions import CommandExecutionError, SaltInvocationError

FOLDERS = ("log", "env")
LAST_LINES = 5
# svscan starts again what died when it looks, every 5 seconds.
SCAN = 6


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
    if sfun not in ("declared", "supervised") or (settings or {}).get("state", "up") != "up":
        return _unchanged(name, "is not meant to be up, so it is not restarted")
    return _told(name, _restarted)


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
    wanted["files"] = __salt__["servicedir.render"](name, wanted)
    before = _read(name)
    changes = _compare(name, wanted, before)
    if __opts__["test"]:
        return (
            _would_change(name, changes) if changes else _unchanged(name, _state(before["record"]))
        )
    _check_world(name, wanted, before)
    done = {}
    try:
        _act(name, wanted, before, changes, done)
    except (CommandExecutionError, OSError) as error:
        return _failed(name, error, done)
    after = _read(name)
    left = _compare(name, wanted, after)
    if left:
        return _failed(name, f"not as wanted after all: {', '.join(left)}", done)
    return (
        _changed(name, done, _state(after["record"]))
        if done
        else _unchanged(name, _state(after["record"]))
    )


def _read(name):
    """Return what there is of a service: its files, its link, and the record of its processes."""
    folder = __salt__["daemontools.definition"](name)
    scanned = __salt__["daemontools.service_dir"]()
    link = os.path.join(scanned or "/service", name)
    record = __salt__["supervise.read"](folder)
    if _is_supervised(record) and record["log"] and not _is_supervised(record["log"]):
        # svscan may be about to start it again.
        __salt__["supervise.wait"](folder, "supervised", SCAN)
        record = __salt__["supervise.read"](folder)
    return {
        "definition": folder,
        "exists": os.path.lexists(folder),
        "ours": __salt__["filetree.marked"](folder),
        "files": __salt__["filetree.read"](folder, FOLDERS),
        "scanned": scanned,
        "link": link,
        "linked": __salt__["svscan.is_link"](link, folder),
        "record": record,
        "log": record["log"] or {"state": "missing", "pid": None},
    }


def _is_supervised(record):
    return record["state"] not in ("missing", "unsupervised")


def _compare(name, wanted, world):
    """Return the changes from the world as it was read to the wanted one."""
    changes = __salt__["filetree.difference"](world["files"], wanted["files"], ("env",))
    if not world["ours"]:
        if changes:
            raise CommandExecutionError(
                f"{name}: {world['definition']} was not written by Salt (move it away, or allow "
                "Salt to rewrite it: touch .written-by-salt in it)"
            )
        changes["definition"] = "adopted"
    if not world["linked"]:
        if os.path.lexists(world["link"]):
            raise CommandExecutionError(
                f"{name}: {world['link']} is not a link to {world['definition']} (remove it)"
            )
        changes["link"] = f"{world['link']} -> {world['definition']}"
    log = _log_change(wanted, world, changes)
    service = _service_change(wanted, world, changes, log)
    return (
        _log_directory_change(name, wanted["multilog"])
        | changes
        | ({"log": log} if log else {})
        | ({"service": service} if service else {})
    )


def _log_directory_change(name, log):
    if not log:
        return {}
    folder, user = log["directory"], log["user"]
    try:
        owner = os.stat(folder).st_uid
    except FileNotFoundError:
        return {folder: f"made for {user}" if user else "made"}
    if not user:
        return {}
    uid = _uid(user)
    if owner != uid:
        return {folder: f"owner becomes {user}"}
    current = os.path.join(folder, "current")
    if os.path.exists(current) and os.stat(current).st_uid != uid:
        raise CommandExecutionError(
            f"{name}: {current} does not belong to {user} (chown -R {user} {folder})"
        )
    return {}


def _log_change(wanted, world, changes):
    log = world["log"]
    if not _is_supervised(world["record"]):
        return None
    if _is_supervised(log) != bool(wanted["multilog"]):
        return "added" if wanted["multilog"] else "removed"
    if not wanted["multilog"]:
        return None
    if log["state"] != "up":
        return "started"
    return "restarted" if "log/run" in changes or _is_stale(world, "log") else None


def _service_change(wanted, world, changes, log):
    record = world["record"]
    if wanted["state"] == "down":
        return "stopped" if record["pid"] or record["want"] == "up" else None
    if record["state"] != "up":
        return "started"
    replaced = any(path == "run" or path.startswith("env/") for path in changes)
    if replaced or log in ("added", "removed") or _is_stale(world, ""):
        return "restarted"
    return None if record["want"] == "up" else "kept up"


def _is_stale(world, folder):
    """Tell whether a process runs what was replaced, perhaps by a run that was then killed."""
    folder = os.path.join(world["definition"], folder)
    files = [path for path in world["files"] if path == "run" or path.startswith("env/")]
    paths = ["run"] if folder.endswith("log") else [*files, "env"]
    return __salt__["supervise.older"](folder, [os.path.join(folder, path) for path in paths])


def _check_world(name, wanted, world):
    """Refuse what cannot work, before anything is written."""
    if not world["scanned"] or not os.path.isdir(world["scanned"]):
        raise CommandExecutionError(
            f"{name}: there is no {world['scanned'] or '/service'} for svscan "
            "(install daemontools, or set daemontools.service_dir)"
        )
    log = wanted["multilog"]
    for setting, user in (
        ("setuidgid", wanted.get("setuidgid")),
        ("multilog:user", log and log["user"]),
    ):
        if user and _uid(user) is None:
            raise CommandExecutionError(f"{name}: no account {user!r}, which '{setting}' names")


def _uid(user):
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _act(name, wanted, world, changes, done):
    """Carry out the changes, in an order in which each may be the last, and note them as done."""
    folder, log = world["definition"], os.path.join(world["definition"], "log")
    relink = changes.get("log") in ("added", "removed")

    def note(*keys):
        done.update({key: changes[key] for key in keys if key in changes})

    if wanted["multilog"] and wanted["multilog"]["directory"] in changes:
        _make_log_directory(wanted["multilog"])
        note(wanted["multilog"]["directory"])
    __salt__["filetree.write"](folder, wanted["files"], FOLDERS)
    note("definition", *(path for path in changes if path in world["files"] | wanted["files"]))
    if relink:
        _unlink(name, world)
    if not wanted["multilog"] and (relink or not _is_supervised(world["record"])):
        for path in (os.path.join(log, "supervise"), log):
            __salt__["filetree.remove_folder"](path)
    __salt__["svscan.relink" if relink else "svscan.link"](world["link"], folder)
    note("link")
    _control(wanted, world, changes)
    _settle(name, wanted, world, changes)
    note("log", "service")


def _make_log_directory(log):
    os.makedirs(log["directory"], exist_ok=True)
    if log["user"]:
        account = pwd.getpwnam(log["user"])
        os.chown(log["directory"], account.pw_uid, account.pw_gid)
    os.chmod(log["directory"], 0o750)


def _unlink(name, world):
    """Stop a service that svscan must see anew, but only if there is an svscan to do so."""
    if __salt__["svscan.watches"](world["scanned"]) is False:
        raise CommandExecutionError(
            f"{name}: no svscan runs on {world['scanned']}, so its log can neither come nor go"
        )
    __salt__["svscan.unlink"](world["link"], world["definition"])


ORDERS = {"started": "uc", "kept up": "uc", "restarted": "tcu", "stopped": "d"}


def _control(wanted, world, changes):
    folder = world["definition"]
    if changes.get("log") in ORDERS:
        __salt__["supervise.order"](os.path.join(folder, "log"), ORDERS[changes["log"]])
    if changes.get("log") in ("added", "removed") and wanted["state"] == "up":
        __salt__["supervise.order"](folder, "uc")
    elif "service" in changes:
        __salt__["supervise.order"](folder, ORDERS[changes["service"]])


def _settle(name, wanted, world, changes):
    """Wait until the service, and then its logger, stays as it is wanted."""
    folder, seconds = world["definition"], wanted["timeout"]
    if wanted["state"] == "down":
        if not __salt__["supervise.wait"](folder, "down", seconds):
            raise CommandExecutionError(f"{name}: did not end within {seconds} s of TERM")
    else:
        old = world["record"]["pid"] if changes.get("service") == "restarted" else None
        _expect_stable(name, folder, wanted, old)
    if wanted["multilog"]:
        old = world["log"]["pid"] if changes.get("log") == "restarted" else None
        _expect_stable(f"{name}/log", os.path.join(folder, "log"), wanted, old)


def _expect_stable(name, folder, wanted, old):
    record = __salt__["supervise.settle"](folder, wanted["stable_for"], wanted["timeout"], old)
    if record["stable"]:
        return
    if record["starts"] > 1:
        what = f"does not stay up ({record['starts']} starts)"
    elif old:
        what = f"pid {old} did not end within {wanted['timeout']} s of TERM"
    else:
        what = f"not up for {wanted['stable_for']} s within {wanted['timeout']} s"
    raise CommandExecutionError(f"{name}: {what}{_last_words(wanted)}")


def _last_words(wanted):
    """Return the end of the log, and who holds the port if the service could not have it."""
    if not wanted["multilog"]:
        return ""
    try:
        lines = __salt__["multilog.read"](wanted["multilog"]["directory"], LAST_LINES)
    except CommandExecutionError as error:
        return f"; no log: {error}"
    holder = ""
    if "tcpserver" in wanted and any("unable to bind" in line for line in lines):
        holder = __salt__["listener.holder"](wanted["tcpserver"]["port"])
    return f"{holder and f'; {holder}'}; its log ends with:" + "".join(
        f"\n    {line}" for line in lines
    )


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
    world = _read(name)
    changes = {}
    if world["linked"]:
        changes["link"] = "removed"
    if _is_supervised(world["record"]):
        changes["service"] = "stopped"
    if world["exists"]:
        changes["definition"] = "removed"
    if not world["ours"]:
        raise CommandExecutionError(
            f"{name}: {world['definition']} was not written by Salt (remove it by hand)"
        )
    if not changes:
        return _unchanged(name, "does not exist")
    if __opts__["test"]:
        return _would_change(name, changes)
    __salt__["daemontools.remove"](name)
    after = _read(name)
    if after["exists"] or after["linked"]:
        return _failed(name, "is still there")
    return _changed(name, changes, "does not exist any more")


def _restarted(name):
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
        error = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = str(error)
    begins = isinstance(error, SaltInvocationError) or text.startswith(f"{name}")
    return _result(name, False, text if begins else f"{name}: {text}", changes)


def _result(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
