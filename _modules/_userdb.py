"""The accounts that this machine has, and how they become those of a plan."""

import contextlib
import datetime
import grp
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess

import _files
import _puredb
import _quota
from _accounts import GROUP, LEFT, LOCKED
from salt.exceptions import CommandExecutionError

CHROOT_LIST = "/etc/ftpchroot"
_HEAD = "# The FTP accounts of this gateway, by ftpgw."
_EVERYBODY = "@"
_DAY = 86400
# Of a size, each a thousand of the one before.
_UNITS = ("bytes", "kB", "MB", "GB")
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def read(declared):
    """
    Return what there is: ``{accounts, groups, confined, owners, links, sizes, beside}``.

    accounts
        ``{name: {uid, home, shell}}`` of everybody
    groups
        ``{group: members}``
    confined
        the names in our /etc/ftpchroot; one of somebody else has none of ours
    owners
        ``{home: uid}`` of the homes of declared accounts, None where there is no directory
    links
        those of these homes that are none, but lead to another place
    sizes
        ``{home: how much is in it}`` of those that are to be removed, in words; none for one that
        is, or has in it, another file system, or a directory that is mounted from elsewhere
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
        "links": {home for home in homes if os.path.islink(home)},
        "sizes": {
            account["home"]: _size(account["home"])
            for account in declared.values()
            if account["purge"]
        },
        "beside": {uid for each in set(map(os.path.dirname, homes)) for uid in _owners(each)},
    }


def secrets(names, system, info, shadow="/etc/shadow"):
    """
    Return ``{passwords, apart, unlocked, until}`` of accounts that are there.

    system
        its `kernel`, and `passwords`: the file of those that are for ftpd alone, or "" where it
        uses those of the system
    info
        Salt's ``shadow.info``, asked for whoever is not in the file of Linux
    shadow
        that file: to load what Salt has for it takes longer than all else about accounts

    ``passwords`` are what ftpd goes by, ``apart`` tells whether they are not those of the system,
    ``unlocked`` are the accounts that have one there, ``until`` has the last day of each.
    """
    linux = system["kernel"] == "Linux"
    known = _fields(shadow) if linux else {}
    here = {name: known[name] if name in known else _asked(name, info) for name in names}
    hashes = {name: fields[1] for name, fields in here.items()}
    return {
        "passwords": _passwords(system["passwords"]) if system["passwords"] else hashes,
        "apart": bool(system["passwords"]),
        "unlocked": {name for name, made in hashes.items() if not made.startswith(("!", "*"))},
        "until": {name: _last_day("".join(fields[7:8]), linux) for name, fields in here.items()},
    }


def _asked(name, info):
    """Return what Salt knows of an account, as a line of the file of Linux has it."""
    found = info(name)
    return [name, found["passwd"], *[""] * 5, str(found.get("expire", ""))]


def _last_day(expires, linux):
    """Return the last day before an account expires: Linux counts days, a BSD seconds."""
    if not expires.isdigit() or (int(expires) == 0 and not linux):
        return None
    days = int(expires) if linux else -(-int(expires) // _DAY)
    return str(datetime.date.fromordinal(min(_EPOCH + days - 1, datetime.date.max.toordinal())))


def _passwords(file):
    """Return the first field after each name in a file."""
    return {name: fields[1] for name, fields in _fields(file).items()}


def _fields(file):
    """Return the fields of each line of a file, by the first."""
    lines = (line.split(":") for line in _text(file).splitlines())
    return {fields[0]: fields for fields in lines if len(fields) > 1}


def files(declared, system):
    """
    Return ``{path: (text, mode)}``: who is confined, the passwords, and what else is said of each.

    system
        as of `apply`
    """
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
    if system["access"]:
        path, text = system["access"]
        found[path] = (text, 0o600)
    if system["puredb"]:
        found[system["puredb"]] = (_data_base(names, declared), 0o600)
    for name in names:
        lines = system["only"].get(declared[name]["only"])
        if lines:
            path, *lines = (
                text.replace("{account}", name) for text in (system["only"]["file"], *lines)
            )
            found[path] = ("".join(f"{line}\n" for line in lines), 0o644)
    return found


def _data_base(names, declared):
    """Return the data base of pure-ftpd of those accounts that are there."""
    there = {entry.pw_name: entry for entry in pwd.getpwall()}
    records = {}
    for name in names:
        if name in there:
            numbers = there[name].pw_uid, there[name].pw_gid
            hashed, home, most = (declared[name][key] for key in ("password", "home", "sessions"))
            records[name] = _puredb.account(hashed, *numbers, home, most)
    return _puredb.made(records)


def stale(wanted, system):
    """Return the files of accounts that are nobody's, or of one that may do everything now."""
    folder = os.path.dirname(system["only"].get("file", ""))
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [path for name in names if (path := os.path.join(folder, name)) not in wanted]


def is_written(path, text, mode):
    """Return whether a file is there as it shall be, with its permissions."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    plain = stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == mode
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return plain and not status.st_uid and pathlib.Path(path).read_bytes() == content


def apply(planned, declared, system, call):
    """
    Make the accounts of this machine those of a plan.

    planned
        what `_accounts.plan` returns
    declared
        the accounts of pillar, with their passwords
    system
        its `kernel`, the `shell` that nobody can use, `passwords`: a file that is for ftpd alone,
        or ""; `access`: the file that says from where each may log in, and its text, or None; and
        `only`: the `file` of an account that may do only some things, and its lines; `puredb`: the
        data base of pure-ftpd, or ""
    call
        a function that calls one of Salt by name

    An account can log in only when it is confined, and is confined until it is gone.
    """
    own_file = system["passwords"]
    wanted = files(declared, system)
    _make_groups(planned, call)
    # What an account may not, before it can log in.
    for path in sorted(wanted.keys() - {CHROOT_LIST, own_file}):
        _write(path, *wanted[path])
    if own_file:
        _write(own_file, *wanted[own_file])
    for path in stale(wanted, system):
        os.unlink(path)
    changing = {name: entry for name, entry in planned.items() if entry["changes"]}
    locked = "!" if system["kernel"] == "Linux" else "*"
    locks = {name: locked for name, entry in changing.items() if LOCKED in entry["changes"]}
    _set_passwords(locks, system["kernel"], call)
    _quota.apply(changing, declared)
    for name, entry in changing.items():
        if entry["changes"].get("account") == "removed":
            _remove(name, call)
        elif entry["state"] in ("left over", "stranger"):
            _leave(name, entry["state"], call)
        if entry["state"] == "absent" and "directory" in entry["changes"] and not _is_there(name):
            shutil.rmtree(entry["home"])
    _write(CHROOT_LIST, *wanted[CHROOT_LIST])
    here = {name: entry for name, entry in changing.items() if entry["state"] == "present"}
    for name, entry in here.items():
        _arrive(name, entry, system["shell"], call)
        if "until" in entry["changes"]:
            _set_until(name, declared[name]["until"], system["kernel"], call)
    hashes = {
        name: declared[name]["password"]
        for name, entry in here.items()
        if "password" in entry["changes"] and not own_file
    }
    _set_passwords(hashes, system["kernel"], call)
    _write_data_base(declared, system)


def _write_data_base(declared, system):
    """Write that of pure-ftpd again: it has the numbers of accounts that were not there before."""
    path = system["puredb"]
    if path:
        _write(path, *files(declared, system)[path])


def clean(planned, written, call):
    """
    Remove the accounts of a plan, and what we know of them by; their homes stay.

    written
        the paths of `files`
    """
    _quota.apply(planned, {})
    for name, entry in planned.items():
        if entry["changes"].get("account") == "removed":
            _remove(name, call)
    for path in written:
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


def _size(home):
    """Return how much is in a directory, in words; nothing if other file systems are a part."""
    if os.path.islink(home) or not os.path.isdir(home):
        return ""
    device, size, count = os.stat(os.path.dirname(home)).st_dev, 0, 0
    real = os.path.realpath(home)
    if any(point == real or point.startswith(f"{real}/") for point in _mounted()):
        return ""
    for folder, _, names in os.walk(home):
        if os.lstat(folder).st_dev != device:
            return ""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += os.lstat(os.path.join(folder, name)).st_size
                count += 1
    power = min((len(str(size)) - 1) // 3, len(_UNITS) - 1)
    return f"{size // 1000**power} {_UNITS[power]} in {count} file{'' if count == 1 else 's'}"


def _mounted():
    """Yield where directories are mounted, also those of the same file system (Linux)."""
    for line in _text("/proc/self/mountinfo").splitlines():
        # proc(5): blanks, tabs, newlines and backslashes are octal.
        yield re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split(" ")[4])


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
    _end(name)
    call("user.delete", name)


def _is_there(name):
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _leave(name, state, call):
    if state == "left over":
        call("group.adduser", LEFT, name)
    call("group.deluser", GROUP, name)
    if state == "left over":
        _end(name)


def _end(name):
    """End the sessions of an account, which can begin no other one."""
    subprocess.run(["pkill", "-KILL", "-u", name], capture_output=True, check=False)


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


def _set_until(name, until, kernel, call):
    """Have the system know the last day of an account, which has none where that is None."""
    days = datetime.date.fromisoformat(until).toordinal() + 1 - _EPOCH if until else None
    if kernel != "Linux":
        call("shadow.set_expire", name, _DAY * days if days else 0)
    else:
        _run(["chage", "-E", "-1" if days is None else str(days), name], name)


def _run(command, name, told=None):
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0]
        raise CommandExecutionError(f"{name}: {command[0]}: {said}")


def _set_passwords(hashes, kernel, call):
    """Have the system know some hashes; what Salt has for Linux empties the file on a full disk."""
    if kernel != "Linux":
        for name, hashed in hashes.items():
            call("shadow.set_password", name, hashed)
    elif hashes:
        lines = "".join(f"{name}:{hashed}\n" for name, hashed in hashes.items())
        _run(["chpasswd", "-e"], ", ".join(hashes), lines)
