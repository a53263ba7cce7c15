"""
The two files of a rule set: planned, made, tried and put in place.

NAME.rules is for people. NAME.cdb, made of it, is what tcpserver reads at every connection: it is
in force as soon as it has its name, and stays in force until another takes the name.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import _addresslist
import _cidr
import _rules
import _sites
import _tcpcdb
import _tcpserver
import _verdicts
from salt.exceptions import CommandExecutionError, SaltInvocationError

# tcprules takes 0.3 s for a million lines; the one of ucspi-tcp-ipv6 loops for ever on some.
_TIME_LIMIT = 60

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|/[^\n\0]+\.(?:rules|cdb)")

# Ends a .rules file: a digest of the settings, and one of the text above it and of the cdb.
_SEAL = "# sealed by Salt: "

# Raise this when the same settings come to make another text.
_RENDERING = 1


def paths(name, directory):
    """
    Return the files of a rule set.

    name
        The name of a rule set in the directory, or the absolute path of one of its two files.

    directory
        Where the rule sets are.

    Returns ``(rules, cdb)``, two paths.

    Raises SaltInvocationError for anything else.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SaltInvocationError(f"{name!r}: not a name for rules (letters, digits, - and _)")
    stem = name.rpartition(".")[0] if name[0] == "/" else os.path.join(directory, name)
    return f"{stem}.rules", f"{stem}.cdb"


def plan(name, settings, pillar, directory, fetch):
    """
    Return what has to be written to make the files of a rule set equal to its settings.

    name, settings, pillar
        As for ``tcprules.settings``.

    directory, fetch
        Where the rule sets are, and what brings a ``salt://`` file here (``cp.cache_file``).

    Returns a mapping. Its ``changes`` are empty where both files are as they should be, else they
    tell whose verdict changes; the rest is for ``rulefiles.install``.

    Raises SaltInvocationError for the first setting or address that is wrong, and for an address
    under ``expect`` that would get the other verdict.
    """
    rules, cdb = paths(name, directory)
    checked = _sites.settings(settings, pillar)
    lists = _addresslist.contents(checked, pillar, fetch)
    inputs = _inputs([_RENDERING, name, pillar, checked], lists)
    old, sealed = _sealed(rules, cdb)
    # Whoever sealed these very settings has checked and tried them.
    if sealed == inputs and _is_ours(rules) and _is_ours(cdb):
        return {"changes": {}}
    groups = _sites.groups(checked, lists, pillar)
    _sites.check_expected(groups, checked, pillar)
    text = _sites.text(name, groups, checked["default"], pillar)
    old = old.decode() if sealed else _dumped(cdb)
    changes = _sites.outline(groups) if old is None else _verdicts.difference(old, text)
    return {
        "changes": changes or {os.path.basename(rules): "written again; no verdict changes"},
        "text": text,
        "inputs": inputs,
        "records": _sites.records(groups),
        "expect": checked["expect"],
    }


def install(name, plan, directory):
    """
    Write the files that a plan wants.

    name
        The rule set.

    plan
        What ``rulefiles.plan`` returned.

    Raises CommandExecutionError or OSError, with the old rules still in force.
    """
    rules, cdb = paths(name, directory)
    text = plan["text"].encode()
    _make_directory(os.path.dirname(cdb))
    with _alone(name, os.path.dirname(cdb)) as lock, _removed(f"{rules}.new", f"{cdb}.new"):
        _write(f"{rules}.new", text)
        _compile(name, f"{rules}.new", f"{cdb}.new", lock)
        _try(name, f"{cdb}.new", plan)
        seal = f"{_SEAL}{plan['inputs']} {_digest(text, f'{cdb}.new')}\n"
        _write(f"{rules}.new", text + seal.encode())
        # make must find the cdb no older than the text.
        os.utime(f"{cdb}.new")
        # The text comes first. Who is killed between the two leaves the old cdb in force and a
        # newer text beside it, which the next run compiles, or make.
        os.replace(f"{rules}.new", rules)
        os.replace(f"{cdb}.new", cdb)
        os.fsync(lock)


def compile(name, directory):
    """
    Make the cdb of a rule set from its ``.rules`` file as it stands.

    name
        The rule set, or the absolute path of its ``.rules`` file.

    Raises CommandExecutionError, or OSError, with the old cdb still in force.
    """
    rules, cdb = paths(name, directory)
    with _alone(name, os.path.dirname(cdb)) as lock, _removed(f"{cdb}.new"):
        _compile(name, rules, f"{cdb}.new", lock)
        os.replace(f"{cdb}.new", cdb)
        os.fsync(lock)


def remove(name, directory):
    """
    Remove both files of a rule set; tcpserver then drops every client that it would have asked.

    name
        The rule set.
    """
    for path in reversed(paths(name, directory)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def present(name, directory):
    """
    Return which of the two files of a rule set exist.

    name
        The rule set.
    """
    return [path for path in paths(name, directory) if os.path.lexists(path)]


def seal(name, directory):
    """
    Return the digest of the settings that made both files, or None where one is not as it was made.

    name
        The rule set.
    """
    rules, cdb = paths(name, directory)
    inputs = _sealed(rules, cdb)[1]
    return inputs if inputs and _is_ours(rules) and _is_ours(cdb) else None


def in_force(name, directory):
    """
    Return the text of the rules in force, or None where there is no cdb that tcpserver can read.

    name
        The rule set.

    The text is the ``.rules`` file where that made the cdb, for it knows the sites; else it is
    what the cdb says.
    """
    rules, cdb = paths(name, directory)
    text, inputs = _sealed(rules, cdb)
    return text.decode() if inputs else _dumped(cdb)


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


def _dumped(cdb):
    try:
        return "\n".join(_rules.dump(_tcpcdb.records(cdb)))
    except (FileNotFoundError, CommandExecutionError):
        return None


def _digest(text, cdb):
    digest = hashlib.sha256(text)
    with open(cdb, "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()[:32]


def _is_ours(path):
    status = os.stat(path)
    return status.st_mode & 0o777 == 0o644 and status.st_uid == os.geteuid()


def _make_directory(path):
    if not os.path.isdir(path):
        os.makedirs(path)
        os.chmod(path, 0o755)


@contextlib.contextmanager
def _alone(name, directory):
    """Keep out every other writer of rules, among them a tcprules that has outlived its Salt."""
    descriptor = os.open(directory, os.O_RDONLY)
    deadline = time.monotonic() + _TIME_LIMIT
    try:
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise CommandExecutionError(
                    f"{name}: something else has been writing to {directory} for {_TIME_LIMIT} s"
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
def _removed(*files):
    """Leave no such files behind, whatever happens."""
    try:
        yield
    finally:
        for file in files:
            for path in (file, f"{file}.tmp"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)


def _compile(name, rules, cdb, lock):
    """Make a cdb, not yet in force, of a .rules file."""
    if shutil.which("tcprules"):
        _run_tcprules(name, rules, cdb, lock)
    else:
        with open(rules, "rb") as text:
            _tcpcdb.write(cdb, _rules.records(text.read(), _tcpserver.speaks_ipv6()))
    os.chmod(cdb, 0o644)


def _run_tcprules(name, rules, cdb, lock):
    command = ["tcprules", cdb, f"{cdb}.tmp"]
    try:
        with open(rules, "rb") as text:
            # It inherits the lock, and so holds it for as long as it lives.
            done = subprocess.run(
                command, stdin=text, capture_output=True, timeout=_TIME_LIMIT, pass_fds=[lock]
            )
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(
            f"{name}: tcprules took more than {_TIME_LIMIT} s (the old rules stand)"
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise CommandExecutionError(f"{name}: {said} (the old rules stand)")


def _try(name, cdb, plan):
    count = _tcpcdb.count(cdb)
    if count != plan["records"]:
        raise CommandExecutionError(
            f"{name}: the new cdb has {count} records instead of {plan['records']}"
            " (the old rules stand)"
        )
    for verdict, addresses in plan["expect"].items():
        for address in addresses:
            keys = _rules.keys_for(_cidr.address(address))
            rule = _tcpcdb.first(cdb, keys)
            if not rule or _rules.meaning(rule[1])[0] != verdict:
                raise CommandExecutionError(
                    f"{name}: the new cdb does not {verdict} {address} (the old rules stand)"
                )


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o644)
        file.flush()
        os.fsync(file.fileno())
