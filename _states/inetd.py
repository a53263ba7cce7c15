"""Take ports from inetd, and give them back."""

import _block
import _hup
import _inetd
import _result
from salt.exceptions import CommandExecutionError


def retired(name, services):
    """
    Comment out the lines of an inetd.conf that serve one of `services`, and send inetd HUP.

    name
        path of the file, with which every file in the directory of that name with `.d` is read; one
        that is not there has nothing to retire
    services
        a list of service names, as in the file's first column

    .. code-block:: yaml

        /etc/inetd.conf:
          inetd.retired:
            - services: [ftp]
    """
    return _edited(name, lambda text: _inetd.retire(text, services))


def restored(name):
    """
    Give inetd back the lines that `retired` took, and send it HUP.

    name
        path of the file

    .. code-block:: yaml

        /etc/inetd.conf:
          inetd.restored: []
    """
    return _edited(name, _inetd.restore)


def _edited(name, edit):
    try:
        old = {path: _block.read(path) for path in _inetd.files(name)}
        new = {path: edit(text) for path, text in old.items() if edit(text) != text}
        if not new and not _hup.owes(name):
            return _result.unchanged(name, "inetd has none of these ports")
    except OSError as error:
        return _result.failed(name, error)
    changes = {"lines": _different(old, new), "inetd": "HUP"}
    told = ", ".join(new) or name
    if __opts__["test"]:
        return _result.would_change(name, changes, f"{told} would change")
    try:
        running = _hup.apply(name, new, __salt__["ftpgw.put"], _inetd.PIDFILE)
    except (CommandExecutionError, OSError) as error:
        done = {path: text for path, text in new.items() if _block.holds(path, text)}
        return _result.failed(name, error, {"lines": _different(old, done)} if done else None)
    heard = "inetd has read it" if running else "no inetd runs"
    return _result.changed(name, changes, f"{told} has changed, {heard}")


def _different(old, new):
    """The lines that differ, as they are now; an edit here never adds or drops one."""
    pairs = [
        pair
        for path, text in new.items()
        for pair in zip(_block.shown(old[path]), _block.shown(text), strict=True)
    ]
    return [after for before, after in pairs if before != after]
