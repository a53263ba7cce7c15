"""Let sshd deny groups, whatever their members know or have."""

import os

import _block
import _hup
import _result
import _sshd
from salt.exceptions import CommandExecutionError


def denies(name, groups):
    """
    Let sshd deny the members of some groups, tried by sshd itself before it is in force.

    name
        path of sshd_config; where it, or sshd, is not there, nothing is done
    groups
        a list of groups

    Where sshd_config includes the files of sshd_config.d for everybody, the line is in a file of
    its own there, else at the top of sshd_config.

    .. code-block:: yaml

        /etc/ssh/sshd_config:
          sshd.denies:
            - groups: [ftpgw]
    """
    return _edited(name, groups)


def denies_no_more(name):
    """
    Take away what `denies` has put there; the groups that others deny stay denied.

    name
        path of sshd_config

    .. code-block:: yaml

        /etc/ssh/sshd_config:
          sshd.denies_no_more: []
    """
    return _edited(name, [])


def _edited(name, groups):
    if not _sshd.program() or not os.path.exists(name):
        return _result.unchanged(name, "there is no sshd")
    try:
        planned = _sshd.plan(name, groups)
        texts = {path: new for path, (old, new) in planned.items() if old != new}
        changes = {
            path: _block.difference(old or "", new or "")
            for path, (old, new) in planned.items()
            if path in texts
        }
        _refuse_ignored(name, groups, _sshd.whole(planned, name))
        if not texts and not _hup.owes(name):
            return _result.unchanged(name, "sshd denies what it should")
        if __opts__["test"]:
            return _result.would_change(name, changes | {"sshd": "HUP"}, "sshd would be told")
        pidfile = _sshd.pidfile(name)
        running = _hup.apply(name, texts, __salt__["ftpgw.put"], pidfile, "sshd")
        _refuse_ignored(name, groups, _block.read(name))
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    told = "sshd has read it" if running else "no sshd runs"
    return _result.changed(name, changes | {"sshd": "HUP"}, f"{name} has changed, {told}")


def _refuse_ignored(name, groups, text):
    """Raise where sshd would let somebody in all the same."""
    missing = set(groups) - set(_sshd.denied(text, name))
    if missing:
        raise CommandExecutionError(f"sshd does not deny {', '.join(sorted(missing))}")
    found = _sshd.exceptions(name, groups)
    if groups and found:
        raise CommandExecutionError(
            f"DenyGroups below {' and '.join(found)} takes the place of ours "
            f"(add {' '.join(groups)} to it)"
        )
