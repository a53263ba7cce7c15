"""Replace a configuration file of a package as a whole, and give it back."""

import _block
import _conffile
import _result
from salt.exceptions import CommandExecutionError


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
    text = "".join(
        f"{line}\n" for line in ["# By ftpgw, which undoes it with ftpgw.clean.", *lines]
    )
    return _edited(name, text)


def restored(name):
    """
    Give a package its file back, as it was or as an upgrade has made it meanwhile.

    name
        path of the file

    .. code-block:: yaml

        /etc/pam.d/ftp:
          conffile.restored: []
    """
    return _edited(name, None)


def _edited(name, text):
    try:
        replaced, old = _conffile.is_replaced(name), _block.read(name)
        if replaced == (text is not None) and text in (None, old):
            return _result.unchanged(name, f"{name} is as it should be")
        changes = {"diff": _block.difference(old, text or "")}
        if __opts__["test"]:
            return _result.would_change(name, changes, f"{name} would change")
        if text is None:
            _conffile.restore(name)
        else:
            _conffile.replace(name, text, __salt__["ftpgw.put"])
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    return _result.changed(name, changes, f"{name} has changed")
