"""Replace a configuration file of a package as a whole, and give it back."""

import _block
import _conffile
import _result
from salt.exceptions import CommandExecutionError

HEAD = "# By ftpgw; `ftpgw.clean` puts back what was here."


def replaced(name, lines):
    """
    Have these lines in the place of a package's file, so that an upgrade asks no questions.

    name
        path of the file; the package need not be there yet
    lines
        all the lines

    .. code-block:: yaml

        /etc/pam.d/ftp:
          conffile.replaced:
            - lines: [auth required pam_deny.so]
    """
    text = "".join(f"{line}\n" for line in [HEAD, *lines])
    return _done(
        name,
        lambda old: old == text and _conffile.is_told(name),
        text,
        lambda: _conffile.replace(name, text, __salt__["ftpgw.put"]),
    )


def restored(name):
    """
    Give a package its file back, as it was or as an upgrade has made it meanwhile.

    name
        path of the file

    .. code-block:: yaml

        /etc/pam.d/ftp:
          conffile.restored: []
    """
    return _done(
        name,
        lambda old: not old.startswith(f"{HEAD}\n"),
        _block.read(_conffile.kept(name)),
        lambda: _conffile.restore(name),
    )


def _done(name, holds, new, apply):
    try:
        old = _block.read(name)
        if holds(old):
            return _result.unchanged(name, f"{name} is as it should be")
        changes = {"diff": _block.difference(old, new)}
        if __opts__["test"]:
            return _result.would_change(name, changes, f"{name} would change")
        apply()
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    return _result.changed(name, changes, f"{name} has changed")
