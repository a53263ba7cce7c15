"""The accounts that this machine has, and how they become those of a plan."""

import contextlib
import grp
import os
import pathlib
import pwd
import stat
import subprocess

import _files
from _accounts import GROUP, LEFT, LOCKED
from salt.exceptions import CommandExecutionError

CHROOT_LIST = "/etc/ftpchroot"
_HEAD = "# The FTP accounts of this gateway, by ftpgw."
_EVERYBODY = "@"


def read(declared):
    """
    Return what there is: ``{accounts, groups, confined, owners, beside}``.

    accounts
        ``{name: {uid, home, shell}}`` of everybody
    groups
        ``{group: members}``
    confined
        the names in our /etc/ftpchroot; one of somebody else has none of ours
    owners
        ``{home: uid}`` of the homes of declared accounts, None where there is no directory
    beside
        the numbers that own something in the directories where these homes are
    """
    accounts = {
        entry.pw_name: {"uid": entry.pw_uid, "home": entry.pw_dir, "shell": entry.pw_shell}
        for entry in pwd.getpwall()
    }
    homes = {account["home"] for account in declared.values()}
    return {
        "accounts": accounts,
        "groups": {entry.gr_name: set(entry.gr_mem) for entry in grp.getgrall()},
        "confined": _confined(),
        "owners": {home: _owner(home) for home in homes},
        "beside": {uid for folder in map(os.path.dirname, homes) for uid in _owners(folder)},
    }


def passwords(names, own_file, info, shadow="/etc/shadow"):
    """
    Return ``{passwords, unlocked}``: what ftpd goes by, and who has one in the system as well.

    names
        accounts that are there
    own_file
        the file of passwords that is for ftpd alone, or "" where it uses those of the system
    info
        Salt's ``shadow.info``, asked for whoever is not in the file of Linux
    shadow
        that file: to load what Salt has for it takes longer than all else about accounts
    """
    known = _passwords(shadow)
    system = {name: known[name] if name in known else info(name)["passwd"] for name in names}
    if not own_file:
        return {"passwords": system, "unlocked": set()}
    return {
        "passwords": _passwords(own_file),
        "unlocked": {name for name, hashed in system.items() if not hashed.startswith(("!", "*"))},
    }


def _passwords(file):
    """Return the first field after each name in a file."""
    lines = (line.split(":") for line in _text(file).splitlines())
    return {fields[0]: fields[1] for fields in lines if len(fields) > 1}


def files(declared, system):
    """Return ``{path: (text, mode)}``: who is confined, and the passwords; both by account."""
    names = sorted(name for name, account in declared.items() if account["state"] == "present")
    # FreeBSD's ftpd does without PAM where PAM does not start: a person could log in.
    everybody = [_EVERYBODY] if system["kernel"] == "FreeBSD" else []
    # ftpd drops a last line that has no newline, and with it an account's confinement.
    lines = [_HEAD, *names, *everybody]
    found = {CHROOT_LIST: ("".join(f"{line}\n" for line in lines), 0o644)}
    own_file = system["passwords"]
    if own_file:
        hashes = "".join(f"{name}:{declared[name]['password']}\n" for name in names)
        found[own_file] = (hashes, 0o600)
    return found


def is_written(path, text, mode):
    """Return whether a file is there as it shall be, with its permissions."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    plain = stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == mode
    return plain and not status.st_uid and _text(path) == text


def apply(planned, declared, system, call):
    """
    Make the accounts of this machine those of a plan.

    planned
        what `_accounts.plan` returns
    declared
        the accounts of pillar, with their passwords
    system
        its `kernel`, the `shell` that nobody can use, and `passwords`: a file that is for ftpd
        alone, or ""
    call
        a function that calls one of Salt by name

    An account can log in only when it is confined, and is confined until it is gone.
    """
    own_file = system["passwords"]
    wanted = files(declared, system)
    _make_groups(planned, call)
    if own_file:
        _write(own_file, *wanted[own_file])
    changing = {name: entry for name, entry in planned.items() if entry["changes"]}
    for name, entry in changing.items():
        if entry["changes"].get("account") == "removed":
            _remove(name, call)
        elif entry["state"] in ("left over", "stranger"):
            _leave(name, entry["state"], call)
    _write(CHROOT_LIST, *wanted[CHROOT_LIST])
    here = {name: entry for name, entry in changing.items() if entry["state"] == "present"}
    for name, entry in here.items():
        _arrive(name, entry, system["shell"], call)
    if own_file:
        hashes = {name: "!" for name, entry in changing.items() if LOCKED in entry["changes"]}
    else:
        hashes = {
            name: declared[name]["password"]
            for name, entry in here.items()
            if "password" in entry["changes"]
        }
    _set_passwords(hashes, system["kernel"], call)


def clean(planned, own_file, call):
    """Remove the accounts of a plan, and what we know of them by; their homes stay."""
    for name, entry in planned.items():
        if entry["changes"].get("account") == "removed":
            _remove(name, call)
    for path in filter(None, (CHROOT_LIST, own_file)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    for group in (GROUP, LEFT):
        if call("group.info", group):
            call("group.delete", group)


def _confined():
    head, *names = _text(CHROOT_LIST).splitlines() or [""]
    return {*names} - {_EVERYBODY} if head == _HEAD else set()


def _text(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _owner(home):
    with contextlib.suppress(OSError):
        status = os.stat(home)
        if stat.S_ISDIR(status.st_mode):
            return status.st_uid
    return None


def _owners(folder):
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry.stat(follow_symlinks=False).st_uid


def _write(path, text, mode):
    if not is_written(path, text, mode):
        _files.put(path, text, mode)


def _make_groups(planned, call):
    states = {entry["state"] for entry in planned.values()}
    for group in (GROUP, *([LEFT] if "left over" in states else [])):
        if not call("group.info", group):
            call("group.add", group, system=True)


def _remove(name, call):
    # An account in use is not removed, and its sessions would outlive it.
    subprocess.run(["pkill", "-KILL", "-u", name], capture_output=True, check=False)
    call("user.delete", name)


def _leave(name, state, call):
    if state == "left over":
        call("group.adduser", LEFT, name)
    call("group.deluser", GROUP, name)


def _arrive(name, entry, shell, call):
    if "account" in entry["changes"]:
        settings = {"home": entry["home"], "shell": shell, "groups": [GROUP], "uid": entry["uid"]}
        call("user.add", name, createhome=False, **settings)
    for key, function, value in (
        ("uid", "user.chuid", entry["uid"]),
        ("home", "user.chhome", entry["home"]),
        ("shell", "user.chshell", shell),
        ("groups", "user.chgroups", [GROUP]),
    ):
        if key in entry["changes"]:
            call(function, name, value)
    if "directory" in entry["changes"]:
        _make_home(name, entry["home"])


def _make_home(name, home):
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    _files.make_directory(os.path.dirname(home))
    os.mkdir(home, 0o700)
    os.chown(home, uid, -1)
    os.chmod(home, 0o750)


def _set_passwords(hashes, kernel, call):
    """Have the system know some hashes; what Salt has for Linux empties the file on a full disk."""
    if kernel != "Linux":
        for name, hashed in hashes.items():
            call("shadow.set_password", name, hashed)
    elif hashes:
        lines = "".join(f"{name}:{hashed}\n" for name, hashed in hashes.items())
        done = subprocess.run(
            ["chpasswd", "-e"], input=lines, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.strip().partition("\n")[0]
            raise CommandExecutionError(f"{', '.join(hashes)}: chpasswd: {said}")
