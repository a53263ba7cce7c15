"""
The two files of a rule set: planned, made, tried and put in place.

NAME.rules is for people. NAME.cdb, made of it, is what tcpserver reads at every connection: it is
in force as soon as it has its name, and stays in force until another takes the name.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import _addresslist
import _check
import _cidr
import _files
import _holds
import _multilog
import _rules
import _sites
import _tcpcdb
import _tcpserver
import _verdicts
from salt.exceptions import CommandExecutionError, SaltInvocationError

# tcprules takes 0.3 s for a million lines; the one of ucspi-tcp-ipv6 loops for ever on some.
_TIME_LIMIT = 60

NAME = _check.word(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}|/[^\x00-\x1f\x7f]+\.(?:rules|cdb)",
    "a name for rules (at most 200 letters, digits, _ . -), or the whole path of one of their two "
    "files",
)

# Ends a .rules file: a digest of the settings, and one of the text above it and of the cdb.
_SEAL = "# sealed by Salt: "

# How _sites begins the text of a .rules file.
_HEAD = re.compile(r"# Written by Salt from the settings of (\S+); change them there\.")

# Raise this when the same settings come to make another text.
_RENDERING = 1


def paths(name, directory):
    """
    Return the two files of a rule set, ``(rules, cdb)``.

    name
        the name of a rule set in the directory, or the absolute path of one of its two files

    Raises SaltInvocationError for anything else.
    """
    _check.refuse_all(_check.problems(NAME, name, "the name of the rules"))
    stem = name.rpartition(".")[0] if name[0] == "/" else os.path.join(directory, name)
    return f"{stem}.rules", f"{stem}.cdb"


def cdbs(directory):
    """Return the name and the cdb of each rule set in a directory."""
    found = glob.glob(os.path.join(glob.escape(directory), "*.cdb"))
    return [(os.path.basename(cdb).removesuffix(".cdb"), cdb) for cdb in sorted(found)]


def plan(name, declared, path, directory, fetch):
    """
    Return what has to be written to make the files of a rule set as they are declared.

    declared, path
        the settings, and the pillar path where they stand
    fetch
        what brings a ``salt://`` file here and returns its path

    The ``changes`` are empty where all is as it should be, else they tell whose verdict changes;
    ``held`` what is held against the settings, and ``warnings`` this and which lists have ended;
    the rest is for `install`.  Raises SaltInvocationError with a line for all that is wrong.
    """
    rules, cdb = paths(name, directory)
    settings = _check.checked(_sites.RULES, declared, path)
    if settings["state"] == "absent":
        there = (rules, cdb, _holds.folder(_stem(cdb)))
        gone = [path for path in there if os.path.lexists(path)]
        old = in_force(name, directory) or ""
        none = {"held": [], "warnings": []}
        return {"changes": dict.fromkeys(gone, "removed"), "old": old, "text": "", **none}
    lists = _addresslist.contents(_sites.in_time(settings), path, fetch)
    return _planned(name, settings, lists, path, directory, held(name, directory))


def replan(name, number, held, directory):
    """
    Return the plan that makes past settings those in force.

    number
        0 for the last that were declared, 1 for those before
    held
        what is held against them, as of `held`
    """
    rules, cdb = paths(name, directory)
    path = declared_at(rules) if os.path.exists(rules) else None
    settings, lists = _recalled(_stem(cdb), number)
    return _planned(name, settings, lists, path or name, directory, held)


def held(name, directory):
    """Return what is held against the settings of a rule set now, as `_holds.held` does."""
    return _holds.held(_stem(paths(name, directory)[1]), time.time())


def hold(name, change, directory):
    """
    Hold something against the settings of a rule set, and have it in force.

    change
        a function of what is held, as of `held`, that returns what shall be; nobody else changes
        that, nor the rules, meanwhile

    Returns what `install` does.  Where that fails, what was held before is held again.
    """
    cdb = paths(name, directory)[1]
    stem = _stem(cdb)
    # Where there are none, not even a lock is made.
    _recalled(stem, 0)
    with _alone(os.path.dirname(cdb)) as lock:
        before = held(name, directory)
        wanted = change(before)
        _holds.hold(stem, wanted)
        try:
            return _put(name, replan(name, 0, wanted, directory), directory, lock)
        except Exception:
            _holds.hold(stem, before)
            raise


def past(name, directory):
    """Return since when the last settings of a rule set were in force, the newest first."""
    return _holds.past(_stem(paths(name, directory)[1]))


def past_settings(name, number, directory):
    """Return settings that were in force, for `hold`: ``{since, settings, lists}``."""
    stem = _stem(paths(name, directory)[1])
    settings, lists = _holds.recall(stem, number)
    return {"since": _holds.past(stem)[number], "settings": settings, "lists": lists}


def _recalled(stem, number):
    try:
        return _holds.recall(stem, number)
    except (IndexError, OSError, ValueError, KeyError):
        count = len(_holds.past(stem))
        folder, name = os.path.split(stem)
        known = _check.hint(name, [each for each, _ in cdbs(folder)])
        none = f"no run of states has made such rules{known}"
        raise CommandExecutionError(
            f"of its rules, only the last {count} are kept" if count else none
        )


def _planned(name, declared, lists, path, directory, held):
    rules, cdb = paths(name, directory)
    settings, files = declared, lists
    if held["again"]:
        settings, files = held["again"]["settings"], held["again"]["lists"]
    checked = _sites.in_time(settings)
    held_lines = list(holding(name, held))
    warnings = _sites.endings(checked, path) + held_lines
    meant = {**checked, "ended": warnings} if warnings else checked
    inputs = _inputs([_RENDERING, name, path, meant], files)
    old, sealed = _sealed(rules, cdb)
    # Whoever sealed these very settings has checked and tried them; what is held would come to its
    # end with others, were not these kept.
    same = sealed == inputs and _is_ours(rules) and _is_ours(cdb)
    if same and _holds.is_last(_stem(cdb), declared, lists):
        return {"changes": {}, "held": held_lines, "warnings": warnings}
    denied = _cidr.blocks(list(held["denied"]))
    groups = _sites.without(_sites.groups(checked, files, path), denied)
    new = _sites.text(name, groups, checked["default"], path)
    old = old.decode() if sealed else _dumped(cdb)
    changes = _sites.outline(groups) if old is None else _verdicts.difference(old, new)
    return {
        "changes": changes or {os.path.basename(rules): "written again; no verdict changes"},
        "old": old or "",
        "text": new,
        "inputs": inputs,
        "records": _sites.records(groups),
        "expect": _sites.unless(_sites.expected(checked), denied),
        "held": held_lines,
        "warnings": warnings,
        "declared": (declared, lists),
        "path": path,
        "against": held,
    }


def holding(name, held):
    """Yield a line for each thing that is held against the settings of a rule set, as of `held`."""
    ends = f"tcprules.release {name} ends it"
    for who, until in sorted(held["denied"].items()):
        yield f"{name}: {who} is denied until {_multilog.said(until)} ({ends})"
    if held["again"]:
        since, until = (_multilog.said(held["again"][end]) for end in ("since", "until"))
        yield f"{name}: the rules of {since} are in force until {until} ({ends})"


def _stem(cdb):
    return cdb.removesuffix(".cdb")


def install(name, plan, directory):
    """
    Write, or remove, the files as a plan wants them; new ones are tried before they are in force.

    Returns the ``changes``, the ``warnings`` of the plan, and a ``problem`` where something failed
    when they had been made.  Raises CommandExecutionError or OSError with the old rules still in
    force.
    """
    if not plan["changes"]:
        return {"changes": {}, "warnings": plan["warnings"]}
    if not plan["text"]:
        return {"warnings": plan["warnings"], **_removed(name, plan["changes"], directory)}
    folder = os.path.dirname(paths(name, directory)[1])
    _files.make_directory(folder)
    with _alone(folder) as lock:
        now = held(name, directory)
        if now != plan["against"]:
            # Somebody was denied in a hurry since it was planned.
            plan = _planned(name, *plan["declared"], plan["path"], directory, now)
        return _put(name, plan, directory, lock)


def _put(name, plan, directory, lock):
    changes, warnings = plan["changes"], plan["warnings"]
    if not changes:
        return {"changes": {}, "warnings": warnings}
    rules, cdb = paths(name, directory)
    wanted = plan["text"].encode()
    with _new(rules) as new_rules, _new(cdb) as new_cdb:
        _write(new_rules, wanted)
        _compile(new_rules, new_cdb, lock)
        _try(new_cdb, plan)
        seal = f"{_SEAL}{plan['inputs']} {_digest(wanted, new_cdb)}\n"
        _write(new_rules, wanted + seal.encode())
        # Before they are in force: what is held later is held against the last that are kept, and
        # whoever these keep out must not come back by that.
        _holds.remember(_stem(cdb), *plan["declared"], time.time())
        # make must find the cdb no older than the text.
        os.utime(new_cdb)
        # The text comes first. Who is killed between the two leaves the old cdb in force and a
        # newer text beside it, which the next run compiles, or make.
        os.rename(new_rules, rules)
        os.rename(new_cdb, cdb)
        done = {"changes": changes, "warnings": warnings}
        return {**done, **_synced(cdb, "the new rules are in force")}


def uncompiled(name, directory):
    """
    Return whose verdict would change if the ``.rules`` file as it stands were compiled.

    Nothing where the cdb has just the records that the file makes.
    """
    rules, cdb = paths(name, directory)
    content = _content(rules)
    try:
        wanted = list(_rules.records(content, _tcpserver.speaks_ipv6()))
    except SaltInvocationError as error:
        raise CommandExecutionError(error)
    found = _records(cdb)
    if found == wanted:
        return {}
    # Without a cdb that it can read, tcpserver drops everyone.
    old = [":deny"] if found is None else _rules.dump(found)
    changes = _verdicts.difference("\n".join(old), content.decode(errors="replace"))
    return changes or {os.path.basename(cdb): "made again; no verdict changes"}


def compile(name, directory):
    """
    Make the cdb of a rule set from its ``.rules`` file as it stands.

    Returns a ``problem`` where something failed when the new cdb was in force.  Raises
    CommandExecutionError or OSError with the old one still in force.
    """
    rules, cdb = paths(name, directory)
    with _alone(os.path.dirname(cdb)) as lock, _new(cdb) as new_cdb:
        _compile(rules, new_cdb, lock)
        os.rename(new_cdb, cdb)
        return _synced(cdb, "the new rules are in force")


def verdicts(plan, name, directory):
    """
    Return a function of an address that returns its verdict when a plan has been carried out.

    It takes the client to have neither a name nor what an ident server says.
    """
    cdb = paths(name, directory)[1]
    made = {}
    for key, data in _rules.records(plan.get("text") or "", _tcpserver.speaks_ipv6()):
        made.setdefault(key, data)

    def first(keys):
        if plan["changes"]:
            return next((made[key.encode()] for key in keys if key.encode() in made), None)
        found = _tcpcdb.first(cdb, keys) if os.path.exists(cdb) else None
        return found and found[1]

    def verdict(address):
        data = first(_rules.keys_for(address))
        # Every text of ours has a rule for all; without a cdb tcpserver drops everyone.
        return _rules.meaning(data)[0] if data is not None else "deny"

    return verdict


def text(name, directory):
    """Return the text of a ``.rules`` file."""
    return _content(paths(name, directory)[0]).decode(errors="replace")


def is_sealed(name, directory):
    """Tell whether both files of a rule set are as they were made of settings."""
    return bool(_sealed(*paths(name, directory))[1])


def in_force(name, directory):
    """
    Return the text of the rules in force, or None where there is no cdb that tcpserver can read.

    The text is the ``.rules`` file where that made the cdb, for it knows the sites; else it is
    what the cdb says.
    """
    rules, cdb = paths(name, directory)
    sealed, inputs = _sealed(rules, cdb)
    return sealed.decode() if inputs else _dumped(cdb)


def origin(rules, key):
    """
    Return the line of a ``.rules`` file that makes a key, and the site that a comment above names.

    None where the file has no such line, or is not there.
    """
    try:
        with open(rules, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    # Of all lines, only those with the very key or with a range can be meant.
    some = re.finditer(rb"^(?!#)(%s|[^:\n]*-[^:\n]*):.*$" % re.escape(key), text, re.M)
    line = next((line for line in some if _makes(line[1], key)), None)
    return line and (line[0].decode(errors="replace").rstrip(), _site(text, line.start()))


def decider(name, directory):
    """Return a function of an address to the rule in force for it and the rule's site, or None."""
    rules, cdb = paths(name, directory)
    known = {}

    def decide(address):
        found = os.path.exists(cdb) and _tcpcdb.first(cdb, _rules.keys_for(address))
        if not found:
            return None, None
        if found[0] not in known:
            known[found[0]] = origin(rules, found[0]) or (None, None)
        return known[found[0]]

    return decide


def declared_at(rules):
    """Return the pillar path that the head of a ``.rules`` file names, or None."""
    with open(rules, encoding="utf-8", errors="replace") as file:
        head = _HEAD.match(file.readline())
    return head and head[1]


def said(error):
    """Return the words of an error: for one of the system its reason, and of which file."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _content(rules):
    try:
        with open(rules, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise CommandExecutionError(f"there is no {rules}")


def _makes(address, key):
    # Somebody may have written what tcprules has yet to refuse.
    with contextlib.suppress(SaltInvocationError):
        return key in _rules.keys(address)
    return False


def _site(text, start):
    heading = text.rfind(b"\n#", 0, start) + 1
    if text[heading : heading + 1] != b"#":
        return None
    return text[heading + 1 : text.find(b"\n", heading)].decode(errors="replace").strip()


def _inputs(settings, lists):
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for file in sorted(lists):
        digest.update(hashlib.sha256(lists[file]).digest())
    return digest.hexdigest()[:32]


def _sealed(rules, cdb):
    """Return the text of a .rules file and the digest of its settings, if the seal is whole."""
    try:
        with open(rules, "rb") as file:
            text, _, seal = file.read().rpartition(_SEAL.encode())
        inputs, *rest = seal.decode(errors="replace").split() or [None]
        return (text, inputs) if rest == [_digest(text, cdb)] else (None, None)
    except FileNotFoundError:
        return None, None


def _records(cdb):
    try:
        return _tcpcdb.records(cdb)
    except (FileNotFoundError, CommandExecutionError):
        return None


def _dumped(cdb):
    found = _records(cdb)
    return None if found is None else "\n".join(_rules.dump(found))


def _digest(text, cdb):
    digest = hashlib.sha256(text)
    with open(cdb, "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()[:32]


def _is_ours(path):
    status = os.stat(path)
    return status.st_mode & 0o777 == 0o644 and status.st_uid == os.geteuid()


def _removed(name, changes, directory):
    rules, cdb = paths(name, directory)
    with _alone(os.path.dirname(cdb)):
        # The cdb first: it is what tcpserver reads.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(cdb)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(rules)
            _holds.forget(_stem(cdb))
            problem = _synced(cdb, "the rules are gone")
        except OSError as error:
            problem = {"problem": f"the rules are no more in force, but {said(error)}"}
    gone = [path for path in changes if not os.path.lexists(path)]
    return {"changes": dict.fromkeys(gone, "removed"), **problem}


@contextlib.contextmanager
def _alone(directory):
    """
    Keep out every other writer of rules: another Salt, a make, a tcprules that outlived its Salt.

    The lock is a file that nobody but its owner can open, and so nobody else can hold.  `setlock`
    of daemontools takes the same one.
    """
    lock = os.path.join(directory, ".lock")
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + _TIME_LIMIT
    try:
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise CommandExecutionError(
                    f"something else has been writing to {directory} for {_TIME_LIMIT} s"
                )
            time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _new(path):
    """Tell where to write a new file, and leave nothing there, whatever happens."""
    new = _files.beside(path)
    try:
        yield new
    finally:
        for rest in (new, f"{new}.tmp"):
            with contextlib.suppress(OSError):
                os.unlink(rest)


def _synced(cdb, what):
    """Bring names to the disk; the problem if that fails, for what has happened is in force."""
    try:
        _files.sync(os.path.dirname(cdb))
    except OSError as error:
        return {"problem": f"{what}, but may not survive a crash: {said(error)}"}
    return {}


def _compile(rules, cdb, lock):
    """Make a cdb, not yet in force, of a .rules file."""
    if shutil.which("tcprules"):
        _run_tcprules(rules, cdb, lock)
    else:
        with open(rules, "rb") as file:
            _tcpcdb.write(cdb, _rules.records(file.read(), _tcpserver.speaks_ipv6()))
    os.chmod(cdb, 0o644)


def _run_tcprules(rules, cdb, lock):
    command = ["tcprules", cdb, f"{cdb}.tmp"]
    try:
        with open(rules, "rb") as file:
            # It inherits the lock, and so holds it for as long as it lives.
            done = subprocess.run(
                command, stdin=file, capture_output=True, timeout=_TIME_LIMIT, pass_fds=[lock]
            )
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"tcprules took more than {_TIME_LIMIT} s")
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())
        raise CommandExecutionError(words or f"tcprules {_ended(done.returncode)}")


def _ended(code):
    return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"


def _try(cdb, plan):
    count = _tcpcdb.count(cdb)
    if count != plan["records"]:
        raise CommandExecutionError(f"the new cdb has {count} records instead of {plan['records']}")
    for verdict, addresses in plan["expect"].items():
        for address in addresses:
            keys = _rules.keys_for(_cidr.address(address))
            rule = _tcpcdb.first(cdb, keys)
            if not rule or _rules.meaning(rule[1])[0] != verdict:
                raise CommandExecutionError(f"the new cdb does not {verdict} {address}")


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o644)
        file.flush()
        os.fsync(file.fileno())
