"""The states that only this formula needs: settings that make sense, accounts as in pillar."""

import _result
import _sysctld
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
    return _result.unchanged(name, "every setting makes sense", warnings)


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
        plan = __salt__["ftpgw.accounts"](clean)
        changes = _changes(plan)
        if not changes:
            return _result.unchanged(name, "the accounts are as they should be", plan["warnings"])
        if __opts__["test"]:
            return _result.would_change(name, changes, "accounts would change", plan["warnings"])
        __salt__["ftpgw.apply_accounts"](clean)
        plan = __salt__["ftpgw.accounts"](clean)
    except (CommandExecutionError, SaltInvocationError) as error:
        return _result.failed(name, error)
    undone = _changes(plan)
    if undone:
        done = {what: how for what, how in changes.items() if what not in undone}
        return _result.failed(name, f"could not be done: {undone}", done)
    return _result.changed(name, changes, "accounts have changed", plan["warnings"])


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


def _changes(plan):
    """Return what a plan would change: of accounts by name, then of files and groups."""
    accounts = plan["accounts"].items()
    changing = {account: entry["changes"] for account, entry in accounts if entry["changes"]}
    return (
        changing | plan["files"] | {f"group {group}": how for group, how in plan["groups"].items()}
    )
