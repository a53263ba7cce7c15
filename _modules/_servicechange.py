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
import _greeting
import _multilog
import _ready
import _servicedir
import _startable
import _supervise
import _svscan
import _tcpserver
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


def plan(name, wanted, definition, scanned, trial=False):
    """
    Return what separates a service from its settings.

    wanted
        Its settings as returned by _servicedir.checked, and the ``addresses`` of this machine.

    definition
        The directory of its files.

    scanned
        The directory that svscan watches, or None.

    trial
        Whether the new daemon is tried as well, where that changes nothing.

    Returns ``{"changes": {what: how}, "wanted": word, "now": phrase, "settled": bool, "tried":
    bool}``.  The changes are files with their differences, ``link``, the log directory, and for
    the processes ``service`` and ``log`` what is done: started, restarted, continued and so on.
    ``tried`` is None where there is no greeting that a trial could be for.  Raises
    CommandExecutionError where somebody else's things are in the way, and for a failed trial.
    """
    world = read(name, definition, scanned)
    changes = _changes(name, wanted, world)
    tried = _is_to_be_tried(wanted, changes) or None
    if tried:
        tried = trial and _serves_with(wanted, world)
        if tried:
            _try(name, wanted, world)
    return {
        "changes": changes,
        "wanted": _goal(wanted),
        "now": _now(world),
        "settled": _is_settled(wanted, world),
        "tried": tried,
    }


def apply(name, wanted, definition, scanned):
    """
    Make a service what its settings say, and wait until it is so.

    The arguments are those of `plan`.  Returns what there is to say of how the service serves.
    Raises CommandExecutionError or OSError for what could not be done.
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
        return _make(name, wanted, world, changes)
    return ""


def link(name, wanted, definition, scanned, test=False):
    """
    Link a new service with a ``down`` file, for svscan to find it while other things are done.

    Returns the changes, empty where nothing is new, or where `apply` has more to say: the account
    of the logger is missing, or somebody else's things are in the way.
    """
    world = read(name, definition, scanned)
    # With `test`, an earlier state may be about to make what a new service needs.
    if _goal(wanted) != "up" or not _is_new(world) or not (test or _has_place(wanted, world)):
        return {}
    wanted = wanted | {"enabled": False, "state": "down"}
    changes = _changes(name, wanted, world)
    if not test:
        _write(name, wanted, world, changes)
        os.symlink(definition, world["link"])
    return changes


def _is_new(world):
    """Tell whether svscan has never seen a service, and nothing is in its way."""
    return world["ours"] and not (world["linked"] or world["supervised"] or world["taken"])


def _has_place(wanted, world):
    """Tell whether there is what svscan needs to run the logger of a service that is down."""
    log = wanted["multilog"]
    has_account = not (log and log["user"]) or _uid(log["user"]) is not None
    return has_account and os.path.isdir(world["scanned"])


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
    goal, seconds = _goal(wanted), _old_enough(wanted)
    records = [world["record"]] if goal == "up" else []
    records += [world["log"]] if goal in ("up", "down") and wanted["multilog"] else []
    return all(record["state"] == "up" and record["seconds"] >= seconds for record in records)


def _old_enough(wanted):
    """Return the age in seconds at which a process needs no second look."""
    return max(wanted.get("stable_for", 0), _supervise.UNSEEN)


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
    starts = wanted["state"] == "up" and ("run" in changes or _starts(changes))
    program = _startable.missing(wanted) if starts else None
    if program:
        raise CommandExecutionError(f"{name}: no program {program}, or it cannot be executed")
    if _is_to_be_tried(wanted, changes):
        _try(name, wanted, world)


def _starts(changes):
    return changes.get("service") in ("started", "restarted")


def _is_to_be_tried(wanted, changes):
    """Tell whether a process will start that can be tried before: one that serves one client."""
    return _starts(changes) and {"greeting", "tcpserver", "command"} <= wanted.keys()


def _serves_with(wanted, world):
    """Tell whether a service runs the same program already, so that one more changes nothing."""
    _, words = _tcpserver.told(world["files"].get("run", {}).get("text") or "")
    return world["record"]["state"] == "up" and wanted["command"][0] in words[2:]


def _try(name, wanted, world):
    fault = _greeting.fault(wanted, world["definition"], wanted["timeout"])
    if fault:
        raise CommandExecutionError(f"{name}: nothing is changed, for its daemon, tried, {fault}")


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
    _write(name, wanted, world, changes)
    if relink:
        _unlink(name, wanted, world)
    if not wanted["multilog"] and (relink or not world["supervised"]):
        for path in ("log/supervise", "log"):
            _filetree.remove_folder(os.path.join(folder, path))
    (_svscan.relink if relink else _svscan.link)(world["link"], folder)
    if wanted["multilog"]:
        _order(os.path.join(folder, "log"), world["log"], changes.get("log"), relink, wanted)
    _order(folder, world["record"], changes.get("service"), relink, wanted)
    return _settle(name, wanted, world, changes)


def _write(name, wanted, world, changes):
    if wanted["multilog"] and wanted["multilog"]["directory"] in changes:
        _make_log_directory(wanted["multilog"])
    files = _servicedir.files(name, wanted)
    _filetree.write(world["definition"], files, FOLDERS, wanted["path"])


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
    young = record["pid"] and record["seconds"] < _old_enough(wanted)
    letters = ORDERS.get(change, "cu" if young and wanted["state"] == "up" else "")
    if letters:
        _supervise.order(folder, letters)
    patience = wanted.get("kill_after") if change in ("restarted", "stopped") else None
    if patience and not _supervise.ends(folder, record["pid"], patience):
        _supervise.order(folder, "k")
    if letters.endswith("u"):
        _supervise.wait(folder, "wanted up", wanted["timeout"])


def _settle(name, wanted, world, changes):
    """Wait until the service, and then its logger, does its work; return what there is to say."""
    folder, note = world["definition"], ""
    if wanted["state"] == "up":
        old = world["record"]["pid"] if changes.get("service") == "restarted" else None
        failure, note = _ready.service(folder, wanted, old)
        if failure:
            # Until it serves it is older than its script: the next run judges it again.
            os.utime(os.path.join(folder, "run"))
            raise CommandExecutionError(f"{name}: {failure}{_last_words(wanted)}")
    else:
        _wait_until_down(name, folder, wanted["timeout"])
    if wanted["multilog"]:
        old = world["log"]["pid"] if changes.get("log") == "restarted" else None
        failure = _ready.logger(os.path.join(folder, "log"), wanted, old)
        if failure:
            raise CommandExecutionError(
                f"{name}/log: {failure}; multilog told svscan why (see its standard error)"
            )
    return note


def _wait_until_down(name, folder, seconds):
    if not _supervise.wait(folder, "down", seconds):
        raise CommandExecutionError(f"{name}: did not end within {_ready.of_term(folder, seconds)}")


def _last_words(wanted):
    """Return the end of the log, without secrets."""
    if not wanted["multilog"]:
        return ""
    try:
        lines = _multilog.read(wanted["multilog"]["directory"], LAST_LINES)
    except CommandExecutionError as error:
        return f"; no log: {error}"
    told = "".join(f"\n    {line}" for line in lines)
    return f"; its log ends with:{_greeting.masked(told, wanted)}"
