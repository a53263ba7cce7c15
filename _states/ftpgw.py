"""The states that only this formula needs: settings that make sense, accounts as in pillar."""

import contextlib
import os
import pathlib
import pwd
import stat

import _result
from salt.exceptions import CommandExecutionError, SaltInvocationError

_ABSENT = {"services": "daemontools.absent", "rules": "tcprules.absent"}


def checked(name, files=()):
    """
    Fail, before anything is touched, if a setting in pillar makes no sense.

    name
        a label
    files
        what it reads on the file server; named so that salt-ssh sends it along

    .. code-block:: yaml

        ftpgw settings make sense:
          ftpgw.checked:
            - failhard: True
    """
    problems = __salt__["ftpgw.settings"]("problems")
    if problems:
        return _result.failed(name, "\n".join(problems))
    warnings = __salt__["ftpgw.settings"]("warnings")
    if not __opts__["test"]:
        with contextlib.suppress(OSError):
            _remember(__salt__["ftpgw.settings"]("digest"))
    return _result.unchanged(name, "every setting makes sense", warnings)


def _remember(digest):
    """Keep when states were applied, and of which pillar; have the minion know that one, too."""
    run = pathlib.Path(__opts__["cachedir"], "ftpgw-run")
    run.touch(0o600)
    before = run.read_text()
    run.write_text(digest)
    waits = __opts__.get("__cli") == "salt-minion"
    # States are applied of a pillar that is asked for; what else is typed has one of a minion's
    # memory. Without a master there is one only within a minion that runs.
    if before != digest and (waits or __opts__.get("file_client") != "local"):
        __salt__["saltutil.refresh_pillar"](wait=waits)


def installed(name, pkgs, **options):
    """
    Install packages; where all of them plainly are, Salt itself is not asked, which takes longer.

    name
        a label
    pkgs
        the names of packages, without versions
    options
        more for Salt's ``pkg.installed``

    .. code-block:: yaml

        ftpgw packages are installed:
          ftpgw.installed:
            - pkgs: [ucspi-tcp]
            - install_recommends: False
    """
    if not __salt__["ftpgw.packages"](pkgs)["missing"]:
        return _result.unchanged(name, "all packages are installed")
    if __grains__["kernel"] == "OpenBSD" and "pkg.install" not in __salt__:
        return __states__["pkgadd.installed"](name=name, pkgs=pkgs)
    # As Salt does it for the first of its own states of packages in a run.
    return __states__["pkg.installed"](name=name, pkgs=pkgs, **{"refresh": True, **options})


def account(name, home, shell):
    """
    Make the account of a daemon, which nobody logs in to; Salt is asked only where it differs.

    name
        of the account
    home
        the path of its home, which is not made
    shell
        one that opens nothing

    .. code-block:: yaml

        ftpgw loggers have an account:
          ftpgw.account:
            - name: multilog
            - home: /var/multilog
            - shell: /usr/sbin/nologin
    """
    with contextlib.suppress(KeyError):
        entry = pwd.getpwnam(name)
        if (entry.pw_dir, entry.pw_shell) == (home, shell):
            return _result.unchanged(name, "the account is as it should be")
    return __states__["user.present"](
        name=name, system=True, home=home, createhome=False, shell=shell
    )


def leftovers(name, remove=False):
    """
    Tell of the services and rule sets that pillar names no more, or remove them.

    name
        a label
    remove
        whether to remove them: a service, then its rules; logs stay

    .. code-block:: yaml

        ftpgw leaves nothing over:
          ftpgw.leftovers:
            - remove: True
    """
    try:
        found = __salt__["ftpgw.leftovers"]()
    except (CommandExecutionError, SaltInvocationError) as error:
        return _result.failed(name, error)
    left = [(kind, each) for kind in ("services", "rules") for each in found[kind]]
    if not remove:
        warnings = [
            f"ftpgw:{kind}: does not name {each} any more, which lives on "
            "(`leftovers: remove` takes it; its logs stay)"
            for kind, each in left
        ]
        return _result.unchanged(name, "nothing is removed", warnings)
    changes = {}
    for kind, each in left:
        done = __states__[_ABSENT[kind]](name=each)
        if done["result"] is False:
            return _result.failed(name, f"{each}: {done['comment']}", changes)
        changes[f"{kind}:{each}"] = done["changes"]
    if not changes:
        return _result.unchanged(name, "nothing is left over")
    if __opts__["test"]:
        return _result.would_change(name, changes, "what is left over would be removed")
    return _result.changed(name, changes, "what was left over has been removed")


def accounts(name):
    """
    Make the FTP accounts of this gateway those of pillar, `ftpgw:accounts`, and no others.

    An account is confined to its home by /etc/ftpchroot before it can log in, and until it is gone.
    One that pillar names no more opens nothing; `ftpgw:leftovers` says whether it stays.

    name
        a label

    .. code-block:: yaml

        ftpgw accounts are those of pillar:
          ftpgw.accounts: []
    """
    return _applied(name, clean=False)


def no_accounts(name):
    """
    Remove the FTP accounts, also those that pillar names no more; their homes stay.

    name
        a label

    .. code-block:: yaml

        ftpgw accounts are gone:
          ftpgw.no_accounts: []
    """
    return _applied(name, clean=True)


def _applied(name, clean):
    try:
        plan = __salt__["ftpgw.plan_accounts"](clean)
        changes, warnings = _changes(plan), plan["warnings"] + plan["endings"]
        if not changes:
            return _result.unchanged(name, "the accounts are as they should be", warnings)
        if __opts__["test"]:
            return _result.would_change(name, changes, "accounts would change", warnings)
        __salt__["ftpgw.apply_accounts"](clean)
        plan = __salt__["ftpgw.plan_accounts"](clean)
    except (CommandExecutionError, SaltInvocationError) as error:
        return _result.failed(name, error)
    undone = _changes(plan)
    if undone:
        done = {what: how for what, how in changes.items() if what not in undone}
        return _result.failed(name, f"could not be done: {undone}", done)
    warnings = plan["warnings"] + plan["endings"]
    return _result.changed(name, changes, "accounts have changed", warnings)


def sysctl(name, value, file):
    """
    Set a variable of the kernel, now and at a boot; fail if after a boot it will be another one.

    name
        the variable
    value
        what it shall be
    file
        the path of a file of ours, in a directory that systemd reads

    .. code-block:: yaml

        net.ipv4.ip_local_port_range:
          ftpgw.sysctl:
            - value: 49152 65535
            - file: /etc/sysctl.d/zzz-ftpgw.conf
    """
    last = __salt__["ftpgw.sysctl"](name, file)
    # Whatever ours says: a file with a later name has the last word.
    if last["by"] not in (None, file) and last["boot"] != value:
        told = f"after a boot it is {last['boot']}, not {value}: take it out of {last['by']}"
        return _result.failed(name, f"{name}: {told}")
    if (last["now"], last["boot"]) == (value, value) and (last["by"] != file or _is_plain(file)):
        return _result.unchanged(name, f"it is {value}, after a boot as well")
    changes = {name: value}
    if __opts__["test"]:
        return _result.would_change(name, changes, f"it would be {value}")
    for state, settings in (
        ("file.managed", {"name": file, "replace": False, "user": "root", "mode": "0644"}),
        ("sysctl.present", {"name": name, "value": value, "config": file}),
    ):
        done = __states__[state](**settings)
        if done["result"] is False:
            return _result.failed(name, f"{name}: {done['comment']}")
    if __salt__["ftpgw.sysctl"](name, file)["now"] != value:
        return _result.failed(name, f"{name}: it is not {value} after all")
    return _result.changed(name, changes, f"it is {value}, after a boot as well")


def _is_plain(file):
    status = os.lstat(file)
    return (status.st_mode, status.st_uid) == (stat.S_IFREG | 0o644, 0)


def _changes(plan):
    """Return what a plan would change: of accounts by name, then of files and groups."""
    accounts = plan["accounts"].items()
    changing = {account: entry["changes"] for account, entry in accounts if entry["changes"]}
    return (
        changing | plan["files"] | {f"group {group}": how for group, how in plan["groups"].items()}
    )
