"""
What separates a service from its settings, and how to get there.

A service is wanted *up*, *down* (both with the files that its settings make), *kept down* (an
existing one, whose files stay as they are), or *absent*.
"""

import contextlib
import os
import pwd

import _files
import _filetree
import _listener
import _multilog
import _servicedir
import _startable
import _supervise
import _svscan
from salt.exceptions import CommandExecutionError

FOLDERS = ("log", "env")
# What Salt, supervise and svscan make in the directory of a service, the innermost first.
REMOVED = ("log/supervise", "log", "env", "supervise")
# svscan starts again what died when it looks, every 5 seconds.
SCAN = 6
LAST_LINES = 5
# The letters of svc(8) for what is done to a process.
ORDERS = {
    "started": "cu",
    "kept up": "cu",
    "continued": "cu",
    "restarted": "tcu",
    "stopped": "d",
}


def plan(name, wanted, definition, scanned):
    """
    Return what separates a service from its settings.

    wanted
        Its settings as returned by _servicedir.checked.

    definition
        The directory of its files.

    scanned
        The directory that svscan watches, or None.

    Returns ``{"changes": {what: how}, "wanted": word, "now": phrase, "settled": bool}``.  The
    changes are files with their differences, ``link``, the log directory, and for the processes
    ``service`` and ``log`` what is done: started, restarted, continued and so on.  Raises
    CommandExecutionError where somebody else's things are in the way.
    """
    world = read(name, definition, scanned)
    return {
        "changes": _changes(name, wanted, world),
        "wanted": _goal(wanted),
        "now": _now(world),
        "settled": _is_settled(wanted, world),
    }


def apply(name, wanted, definition, scanned):
    """
    Make a service what its settings say, and wait until it is so.

    The arguments are those of `plan`.  Raises CommandExecutionError or OSError for what could not
    be done.
    """
    world = read(name, definition, scanned)
    changes = _changes(name, wanted, world)
    goal = _goal(wanted)
    if goal == "absent":
        _remove(name, wanted, world)
    elif goal == "kept down":
        _keep_down(name, wanted, world, changes)
    else:
        _check(name, wanted, world, changes)
        _make(name, wanted, world, changes)


def read(name, definition, scanned):
    """Return what there is of a service: its files, its link, and the records of its processes."""
    link = os.path.join(scanned, name)
    linked = _svscan.is_link(link, definition)
    record = _supervise.read(definition)
    if _supervised(record) and record["log"] and not _supervised(record["log"]):
        # svscan may be about to start it again.
        _supervise.wait(definition, "supervised", SCAN)
        record = _supervise.read(definition)
    log = record["log"] or {"state": "missing", "pid": None, "want": None}
    return {
        "definition": definition,
        "exists": os.path.lexists(definition),
        "ours": _filetree.marked(definition),
        "files": _filetree.read(definition, FOLDERS),
        "scanned": scanned,
        "link": link,
        "linked": linked,
        "taken": os.path.lexists(link) and not linked,
        "record": record,
        "log": log,
        "supervised": _supervised(record),
        "log_supervised": _supervised(log),
    }


def _goal(wanted):
    if wanted["state"] == "absent":
        return "absent"
    return wanted["state"] if _servicedir.is_run(wanted) else "kept down"


def _now(world):
    if not world["exists"]:
        return "does not exist"
    record = world["record"]
    return f"is {record['state']}" + (f" (pid {record['pid']})" if record["pid"] else "")


def _changes(name, wanted, world):
    goal = _goal(wanted)
    if goal == "absent":
        return _changes_to_absent(name, world)
    if goal == "kept down":
        return _changes_to_kept_down(world)
    files = _servicedir.files(name, wanted)
    changes = _filetree.difference(world["files"], files, ("env",))
    _refuse_foreign(name, world, changes)
    fault = _startable.fault(files["run"]["text"]) if "run" in changes else None
    if fault:
        raise CommandExecutionError(f"{name}: its run script is broken: {fault}")
    if not world["ours"]:
        changes["definition"] = "adopted"
    if not world["linked"]:
        changes["link"] = f"{world['link']} -> {world['definition']}"
    log = _log_change(wanted, world, changes)
    service = _service_change(wanted, world, changes, log)
    return (
        _log_directory_change(name, wanted["multilog"])
        | changes
        | ({"log": log} if log else {})
        | ({"service": service} if service else {})
    )


def _changes_to_absent(name, world):
    _refuse_foreign(name, world, True)
    there = {
        "link": world["linked"] and "removed",
        "service": world["supervised"] and "stopped",
        "definition": world["exists"] and "removed",
    }
    return {key: how for key, how in there.items() if how}


def _changes_to_kept_down(world):
    if "run" not in world["files"]:
        return {}
    service = deed(world["record"], "down", False)
    return ({} if "down" in world["files"] else {"down": "added"}) | (
        {"service": service} if service else {}
    )


def _refuse_foreign(name, world, changes):
    """Raise an error if somebody else's things are in the way of changes to files."""
    folder = world["definition"]
    if world["taken"]:
        raise CommandExecutionError(f"{name}: {world['link']} is not a link to {folder}")
    if changes and not world["ours"]:
        raise CommandExecutionError(
            f"{name}: {folder} was not written by Salt (move it away, or let Salt rewrite it: "
            "touch .written-by-salt in it)"
        )


def _is_settled(wanted, world):
    """Tell whether all processes that are wanted up have been so for long enough."""
    goal = _goal(wanted)
    records = [world["record"]] if goal == "up" else []
    records += [world["log"]] if goal in ("up", "down") and wanted["multilog"] else []
    return all(
        record["state"] == "up" and record["seconds"] >= wanted["stable_for"] for record in records
    )


def _check(name, wanted, world, changes):
    """Raise an error for what cannot work, before anything is written."""
    if not os.path.isdir(world["scanned"]):
        raise CommandExecutionError(f"{name}: {_svscan.nowhere(world['scanned'])}")
    log = wanted["multilog"]
    accounts = {"setuidgid": wanted.get("setuidgid"), "multilog:user": log and log["user"]}
    for setting, account in accounts.items():
        if account and _uid(account) is None:
            raise CommandExecutionError(f"{name}: no account {account!r}, which '{setting}' names")
    # Earlier a state before this one may be about to install it.
    program = _startable.missing(wanted) if "run" in changes and wanted["state"] == "up" else None
    if program:
        raise CommandExecutionError(f"{name}: no program {program}, or it cannot be executed")


def _remove(name, wanted, world):
    _svscan.unlink(world["link"], world["definition"], wanted["timeout"], kill=True)
    _filetree.remove(world["definition"], REMOVED)


def _keep_down(name, wanted, world, changes):
    folder = world["definition"]
    if "down" in changes:
        _files.put(os.path.join(folder, "down"), "", 0o644)
    if "service" in changes:
        _supervise.order(folder, "d")
        _wait_until_down(name, folder, wanted["timeout"])


def _make(name, wanted, world, changes):
    """Carry out changes, in an order in which each may be the last, and wait until they hold."""
    folder, relink = world["definition"], changes.get("log") in ("added", "removed")
    if wanted["multilog"] and wanted["multilog"]["directory"] in changes:
        _make_log_directory(wanted["multilog"])
    _filetree.write(folder, _servicedir.files(name, wanted), FOLDERS, wanted["path"])
    if relink:
        _unlink(name, wanted, world)
    if not wanted["multilog"] and (relink or not world["supervised"]):
        for path in ("log/supervise", "log"):
            _filetree.remove_folder(os.path.join(folder, path))
    (_svscan.relink if relink else _svscan.link)(world["link"], folder)
    if wanted["multilog"]:
        _order(os.path.join(folder, "log"), world["log"], changes.get("log"), relink, wanted)
    _order(folder, world["record"], changes.get("service"), relink, wanted)
    _settle(name, wanted, world, changes)


def _supervised(record):
    return record["state"] not in ("missing", "unsupervised")


def _uid(account):
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:
        return None


def _log_directory_change(name, log):
    if not log:
        return {}
    folder, user = log["directory"], log["user"]
    uid = _uid(user) if user else None
    owner, writer = _owner(folder), _owner(os.path.join(folder, "current"))
    if owner is not None and uid is not None and writer not in (None, uid):
        raise CommandExecutionError(
            f"{name}: the files in {folder} do not belong to {user} (chown -R {user} {folder})"
        )
    if owner is not None and (not user or owner == uid):
        return {}
    _refuse_misleading(name, folder)
    if owner is None:
        return {folder: f"made for {user}" if user else "made"}
    return {folder: f"owner becomes {user}"}


def _refuse_misleading(name, folder):
    """Raise an error if somebody could put a link in the place of a directory to be given away."""
    parent = os.path.dirname(folder)
    owner = _owner(parent)
    if owner not in (None, 0, os.geteuid()):
        with contextlib.suppress(KeyError):
            owner = pwd.getpwuid(owner).pw_name
        raise CommandExecutionError(
            f"{name}: {parent} belongs to {owner}, who could point {folder} elsewhere "
            f"(chown root {parent})"
        )


def _owner(path):
    try:
        return os.stat(path).st_uid
    except FileNotFoundError:
        return None


def _log_change(wanted, world, changes):
    if not world["supervised"]:
        return None
    if world["log_supervised"] != bool(wanted["multilog"]):
        return "added" if wanted["multilog"] else "removed"
    if not wanted["multilog"]:
        return None
    replaced = "log/run" in changes or _is_stale(world, "log", ["run"])
    return deed(world["log"], "up", replaced)


def _service_change(wanted, world, changes, log):
    run = [path for path in world["files"] | changes if path == "run" or path.startswith("env/")]
    replaced = any(path in changes for path in run) or _is_stale(world, "", ["env", *run])
    return deed(world["record"], wanted["state"], replaced or log in ("added", "removed"))


def deed(record, wanted, replaced):
    """
    Return what a process needs, if anything, to be as it is wanted.

    wanted
        ``up`` or ``down``.

    replaced
        Whether what it runs is not what it was started with.
    """
    if wanted == "down":
        return "stopped" if record["pid"] or record["want"] == "up" else None
    if not record["pid"]:
        return "started"
    if replaced:
        return "restarted"
    if record["state"] == "paused":
        return "continued"
    return None if record["want"] == "up" else "kept up"


def _is_stale(world, folder, files):
    """Tell whether a process runs what was replaced, perhaps by a run that was then killed."""
    folder = os.path.join(world["definition"], folder)
    return _supervise.older(folder, [os.path.join(folder, file) for file in files])


def _make_log_directory(log):
    _files.make_directory(os.path.dirname(log["directory"]))
    _files.make_directory(log["directory"], 0o750)
    folder = os.open(log["directory"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if log["user"]:
            account = pwd.getpwnam(log["user"])
            os.fchown(folder, account.pw_uid, account.pw_gid)
        os.fchmod(folder, 0o750)
    finally:
        os.close(folder)


def _unlink(name, wanted, world):
    """Stop a service that svscan must see anew, but only if there is an svscan to do so."""
    if _svscan.watches(world["scanned"]) is False:
        raise CommandExecutionError(
            f"{name}: its log can neither come nor go, for no svscan runs on {world['scanned']}"
        )
    seconds = wanted.get("kill_after")
    _svscan.unlink(world["link"], world["definition"], seconds or wanted["timeout"], bool(seconds))


def _order(folder, record, change, relinked, wanted):
    if change == "restarted" and relinked:
        change = "started"
    # Somebody else's order to a young process may still be on its way, and ours comes after it.
    young = record["pid"] and record["seconds"] < wanted["stable_for"]
    letters = ORDERS.get(change, "cu" if young and wanted["state"] == "up" else "")
    if letters:
        _supervise.order(folder, letters)
    patience = wanted.get("kill_after") if change in ("restarted", "stopped") else None
    if patience and not _supervise.ends(folder, record["pid"], patience):
        _supervise.order(folder, "k")
    if letters.endswith("u"):
        _supervise.wait(folder, "wanted up", wanted["timeout"])


def _settle(name, wanted, world, changes):
    """Wait until the service, and then its logger, stays as it is wanted."""
    folder, seconds = world["definition"], wanted["timeout"]
    if wanted["state"] == "up":
        old = world["record"]["pid"] if changes.get("service") == "restarted" else None
        failure = _unstable(name, folder, wanted, old)
        if failure:
            raise CommandExecutionError(f"{name}: {failure}{_last_words(wanted)}")
    else:
        _wait_until_down(name, folder, seconds)
    if wanted["multilog"]:
        old = world["log"]["pid"] if changes.get("log") == "restarted" else None
        failure = _unstable(f"{name}/log", os.path.join(folder, "log"), wanted, old)
        if failure:
            raise CommandExecutionError(
                f"{name}/log: {failure}; multilog told svscan why (see its standard error)"
            )


def _wait_until_down(name, folder, seconds):
    if not _supervise.wait(folder, "down", seconds):
        raise CommandExecutionError(f"{name}: did not end within {_of_term(name, seconds)}")


def _of_term(name, seconds):
    return f"{seconds} s of TERM (daemontools.kill {name}, or set kill_after)"


def _unstable(name, folder, wanted, old):
    record = _supervise.settle(folder, wanted["stable_for"], wanted["timeout"], old)
    if record["stable"]:
        return None
    if record["starts"] > 1:
        return f"does not stay up ({record['starts']} starts)"
    if old and record["pid"] == old:
        return f"pid {old} did not end within {_of_term(name, wanted['timeout'])}"
    return f"not up for {wanted['stable_for']} s within {wanted['timeout']} s"


def _last_words(wanted):
    """Return the end of the log, and who holds the port if the service could not have it."""
    if not wanted["multilog"]:
        return ""
    try:
        lines = _multilog.read(wanted["multilog"]["directory"], LAST_LINES)
    except CommandExecutionError as error:
        return f"; no log: {error}"
    holder = ""
    if "tcpserver" in wanted and any("unable to bind" in line for line in lines):
        holder = _listener.holder(wanted["tcpserver"]["port"])
    return f"{holder and f'; {holder}'}; its log ends with:" + "".join(
        f"\n    {line}" for line in lines
    )
