"""The states that only this formula needs: settings that make sense, accounts as in pillar."""

import os
import pwd

import _result
import _sysctld
from salt.exceptions import CommandExecutionError, SaltInvocationError

PILLAR = "ftpgw:accounts"
CHROOT_LIST = "/etc/ftpchroot"


def checked(name):
    """
    Fail, before anything is touched, if a setting in pillar makes no sense.

    name
        a label

    .. code-block:: yaml

        ftpgw settings make sense:
          ftpgw.checked:
            - failhard: True
    """
    problems = __salt__["ftpgw.settings"]("problems")
    if problems:
        return _result.failed(name, "\n".join(problems))
    return _result.unchanged(name, "every setting makes sense")


def accounts(name, shell, group=None):
    """
    Make the FTP accounts of this gateway those of pillar, `ftpgw:accounts`, and no others.

    An account is confined to its home by /etc/ftpchroot before it can log in, and until it is gone.

    name
        a label
    shell
        the shell that nobody can use, in /etc/shells
    group
        a group that the accounts shall belong to

    .. code-block:: yaml

        ftpgw accounts are those of pillar:
          ftpgw.accounts:
            - shell: /usr/sbin/nologin
    """
    try:
        declared = _declared(shell)
    except SaltInvocationError as exc:
        return _result.failed(name, exc)
    coming = {a: settings for a, settings in declared.items() if settings["state"] == "present"}
    confined = {"contents": _chroot_list(coming), "user": "root", "mode": "0644"}
    steps = [
        *_leave(declared.keys() - coming.keys()),
        ("file.managed", CHROOT_LIST, confined),
        *([("group.present", group, {"system": True})] if group else []),
        *_arrive(coming, shell, [group] if group else None),
    ]
    return _together(name, steps)


def no_accounts(name, shell):
    """
    Remove the FTP accounts of pillar, and the list that confines them; their homes stay.

    name
        a label
    shell
        the shell that nobody can use; an account that has another one is no FTP account

    .. code-block:: yaml

        ftpgw accounts are gone:
          ftpgw.no_accounts:
            - shell: /usr/sbin/nologin
    """
    try:
        declared = _declared(shell)
    except SaltInvocationError as exc:
        return _result.failed(name, exc)
    return _together(name, [*_leave(declared), ("file.absent", CHROOT_LIST, {})])


def account_gone(name):
    """
    End the sessions of an account, and remove it; its home stays.

    name
        the account

    Salt's own user.absent cannot remove one on FreeBSD: since 3007 it passes `local` to a
    user.delete that does not know it.

    .. code-block:: yaml

        leaver:
          ftpgw.account_gone: []
    """
    if not __salt__["user.info"](name):
        return _result.unchanged(name, f"{name} is no account")
    changes = {name: "removed"}
    if __opts__["test"]:
        return _result.would_change(name, changes, f"{name} would be removed")
    # An account in use is not removed, and its sessions would outlive it.
    __salt__["cmd.run_all"](["pkill", "-KILL", "-u", name], python_shell=False, ignore_retcode=True)
    __salt__["user.delete"](name)
    if __salt__["user.info"](name):
        return _result.failed(name, f"{name} could not be removed")
    return _result.changed(name, changes, f"{name} has been removed")


def sysctl_lasting(name, value, file):
    """
    Fail if a variable of the kernel will be something else after a boot than a file of ours says.

    name
        the variable
    value
        what it shall be
    file
        the path of our file, in a directory that systemd reads

    .. code-block:: yaml

        net.ipv4.ip_local_port_range:
          ftpgw.sysctl_lasting:
            - value: 49152 65535
            - file: /etc/sysctl.d/zzz-ftpgw.conf
    """
    found = _sysctld.later(file, name)
    for path, last in list(found.items())[-1:]:
        if last != value:
            told = f"{name}: after a boot it is {last}, not {value}: take it out of {path}"
            return _result.failed(name, told)
    return _result.unchanged(name, f"after a boot it is {value}")


def _declared(shell):
    declared = __salt__["ftpgw.accounts"]()
    for account, settings in declared.items():
        # Pillar's own, which nothing but this state may see.
        settings["password"] = __pillar__["ftpgw"]["accounts"][account].get("password")
        _refuse_foreign(account, shell)
        _refuse_useless(account, settings)
    return declared


def _refuse_foreign(account, shell):
    """Raise unless the account is new or for FTP alone: pillar must not take over a person's."""
    there = __salt__["user.info"](account)
    if there and (there["uid"] < 1000 or there["shell"] != shell):
        raise SaltInvocationError(
            f"{PILLAR}:{account}: this account exists and is no FTP account (uid {there['uid']}, "
            f"shell {there['shell']}): choose another name, or give it the shell {shell} yourself"
        )


def _refuse_useless(account, settings):
    """Raise for a password that this system would take and never recognise."""
    password = settings["password"] if settings["state"] == "present" else None
    if password and __grains__["kernel"] == "OpenBSD" and not password.startswith("$2"):
        raise SaltInvocationError(
            f"{PILLAR}:{account}:password: OpenBSD knows bcrypt only (make a hash with: encrypt)"
        )


def _leave(accounts):
    for account in sorted(accounts):
        yield "ftpgw.account_gone", account, {}


def _chroot_list(names):
    # FreeBSD's ftpd does without PAM where PAM does not start: a person could log in.
    everybody = ["@"] if __grains__["kernel"] == "FreeBSD" else []
    # ftpd drops a last line that has no newline, and with it an account's confinement.
    return "".join(
        f"{line}\n"
        for line in ["# The FTP accounts of this gateway, by ftpgw.", *sorted(names), *everybody]
    )


def _arrive(accounts, shell, groups):
    for account, settings in accounts.items():
        uid = settings["uid"] or _uid_of_home(account, settings["home"])
        wanted = {"password": settings["password"], "home": settings["home"], "uid": uid}
        account_settings = {"shell": shell, "createhome": False, "groups": groups, **wanted}
        yield "user.present", account, account_settings
        if not os.path.isdir(settings["home"]) and (
            __salt__["user.info"](account) or not __opts__["test"]
        ):
            yield from _home(account, settings["home"])


def _home(account, path):
    # Salt would give what the home stands in to the account too.
    above = os.path.dirname(path)
    if not os.path.isdir(above):
        plain = {"mode": "0755", "dir_mode": "0755", "makedirs": True}
        yield "file.directory", above, {"user": "root", **plain}
    yield "file.directory", path, {"user": account, "mode": "0750"}


def _uid_of_home(account, home):
    """Return the owner's uid of the home that an account left here, if nobody has it now."""
    if __salt__["user.info"](account) or not os.path.isdir(home):
        return None
    uid = os.stat(home).st_uid
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return uid if uid >= 1000 else None
    return None


def _together(name, steps):
    """Run Salt's own states one after the other; the first that fails ends it."""
    changes, foretold = {}, False
    for function, subject, arguments in steps:
        try:
            step = __states__[function](name=subject, **arguments)
        except (CommandExecutionError, OSError) as exc:
            return _result.failed(name, f"{subject}: {_result.said(exc)}", changes)
        if step["changes"]:
            changes[subject] = step["changes"]
        if step["result"] is False:
            return _result.failed(name, f"{subject}: {step['comment']}", changes)
        foretold = foretold or step["result"] is None
    if foretold:
        return _result.would_change(name, changes, "accounts would change")
    if changes:
        return _result.changed(name, changes, "accounts have changed")
    return _result.unchanged(name, "the accounts are those of pillar")
