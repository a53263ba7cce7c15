"""Keep lines of ours in a file that is not ours."""

import _block
import _result
from salt.exceptions import CommandExecutionError


def lines(name, lines, first=False):
    """
    Keep our lines, between two marks, in a file that other programs and people write too.

    name
        path of the file; it is made if it is not there
    lines
        a list of lines
    first
        True if they must come before the others

    .. code-block:: yaml

        /etc/shells:
          sharedfile.lines:
            - lines: [/usr/sbin/nologin]
    """
    return _edited(name, lines, first)


def no_lines(name):
    """
    Take our lines out of a file; everything else in it stays.

    name
        path of the file

    .. code-block:: yaml

        /etc/shells:
          sharedfile.no_lines: []
    """
    return _edited(name, [])


def _edited(name, lines, first=False):
    try:
        old = _block.read(name)
        new = _block.plan(old, lines, first)
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    changes = {"diff": _block.difference(old, new)}
    if new == old:
        return _result.unchanged(name, f"{name} is as it should be")
    if __opts__["test"]:
        return _result.would_change(name, changes, f"{name} would change")
    try:
        _block.apply(name, new, __salt__["ftpgw.put"])
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error, changes if _block.holds(name, new) else None)
    return _result.changed(name, changes, f"{name} has changed")
