"""
Passwords, and their ends, on OpenBSD and FreeBSD, where Salt has no ``shadow`` module for them.

Salt's own ``user.present`` asks ``shadow`` for the password of an account and tells it to set one;
without that module it says that all is well and sets nothing.  Here is what it asks for, under the
name ``shadow``; where Salt has its own (3006, 3007), or its extension saltext.freebsd, it stands
back.

Format: master.passwd(5), ``name:password:uid:gid:class:change:expire:gecos:home_dir:shell``.
"""

import importlib.util
import os

from salt.exceptions import CommandExecutionError

__virtualname__ = "shadow"

# Two modules of one virtual name would be merged, function by function.
OTHERS = ("salt.modules.bsd_shadow", "saltext.freebsd.modules.bsd_shadow")
MASTER, LOCK = "/etc/master.passwd", "/etc/ptmp"
NAME, PASSWORD, CHANGE, EXPIRE, FIELDS = 0, 1, 5, 6, 10


def __virtual__():
    if __grains__["kernel"] not in ("FreeBSD", "OpenBSD"):
        return False, "only OpenBSD and FreeBSD have a master.passwd"
    for other in OTHERS:
        if _is_installed(other):
            return False, f"{other} is installed"
    return __virtualname__


def default_hash():
    """
    Return what stands for a password that nobody has.

    CLI Example:

    .. code-block:: bash

        salt gw1 shadow.default_hash
    """
    return "*" if __grains__["kernel"] == "FreeBSD" else "*************"


def info(name):
    """
    Return ``name``, ``passwd``, ``change`` and ``expire`` of an account; empty if there is none.

    name
        The account.

    CLI Example:

    .. code-block:: bash

        salt gw1 shadow.info partner
    """
    with open(MASTER, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            entry = line.rstrip("\n").split(":")
            if entry[NAME] == name and len(entry) == FIELDS:
                change, expire = int(entry[CHANGE] or 0), int(entry[EXPIRE] or 0)
                break
        else:
            return {"name": "", "passwd": "", "change": "", "expire": ""}
    return {"name": name, "passwd": entry[PASSWORD], "change": change, "expire": expire}


def set_password(name, password):
    """
    Set the password of an account; the hash is never an argument of a program, where ps shows it.

    name
        The account.

    password
        The hash, as crypt(3) of this system makes them.

    Returns whether master.passwd has the hash afterwards.  Raises CommandExecutionError if the
    file cannot be changed.

    CLI Example:

    .. code-block:: bash

        salt gw1 shadow.set_password partner '$2b$10$...'
    """
    if __grains__["kernel"] == "FreeBSD":
        # pw(8), -H: "Read an encrypted password from the specified file descriptor."
        _run(name, ["pw", "usermod", "-n", name, "-H", "0"], stdin=f"{password}\n")
    else:
        _rewrite(name, PASSWORD, password)
    return info(name)["passwd"] == password


def set_expire(name, expire):
    """
    Set the moment from which nobody can log in to an account.

    name
        The account.

    expire
        Seconds since 1970, or 0 for none.

    Returns whether master.passwd has it afterwards.  Raises CommandExecutionError if the file
    cannot be changed.

    CLI Example:

    .. code-block:: bash

        salt gw1 shadow.set_expire partner 1806451200
    """
    if __grains__["kernel"] == "FreeBSD":
        _run(name, ["pw", "usermod", "-n", name, "-e", str(expire)])
    else:
        _rewrite(name, EXPIRE, str(expire))
    return info(name)["expire"] == expire


def with_field(text, name, field, value):
    """
    Return the text of a master.passwd in which a field of an account has another value.

    text
        The contents of the file.

    name
        The account.

    field
        Its number: 1 is that of the password, 6 that of the expiry.

    value
        The new text of the field.

    Raises CommandExecutionError if there is no such account.

    CLI Example:

    .. code-block:: bash

        salt gw1 shadow.with_field 'a:*:1001:10::0:0::/home/a:/sbin/nologin' a 1 '$2b$10$...'
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        entry = line.split(":")
        if entry[NAME] == name and len(entry) == FIELDS:
            entry[field] = value
            lines[number] = ":".join(entry)
            return "\n".join(lines)
    raise CommandExecutionError(f"{name}: no such account in {MASTER}")


def _is_installed(module):
    try:
        return bool(importlib.util.find_spec(module))
    except ModuleNotFoundError:
        return False


def _rewrite(name, field, value):
    """Do what vipw(8) does: a new file at the place of the lock, which pwd_mkdb(8) installs."""
    try:
        descriptor = os.open(LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandExecutionError(
            f"{name}: {LOCK} exists: somebody edits the accounts (remove it if nobody does)"
        )
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as new:
            with open(MASTER, encoding="utf-8", errors="surrogateescape") as old:
                new.write(with_field(old.read(), name, field, value))
            new.flush()
            os.fsync(new.fileno())
        _run(name, ["pwd_mkdb", "-p", "-u", name, LOCK])
    finally:
        if os.path.exists(LOCK):
            os.unlink(LOCK)


def _run(name, command, **options):
    done = __salt__["cmd.run_all"](
        command, python_shell=False, output_loglevel="quiet", ignore_retcode=True, **options
    )
    if done["retcode"]:
        raise CommandExecutionError(f"{name}: {command[0]}: {done['stderr'] or done['stdout']}")
