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
        path of the file; one that is not there has nothing to retire
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
        old = _block.read(name)
        new = edit(old)
        if new == old and not _hup.owes(name):
            return _result.unchanged(name, "inetd has none of these ports")
    except OSError as error:
        return _result.failed(name, error)
    changes = {"lines": _different(old, new), "inetd": "HUP"}
    if __opts__["test"]:
        return _result.would_change(name, changes, f"{name} would change")
    try:
        running = _hup.apply(name, {name: new}, __salt__["ftpgw.put"], _inetd.PIDFILE)
    except (CommandExecutionError, OSError) as error:
        done = new != old and _block.holds(name, new)
        return _result.failed(name, error, {"lines": changes["lines"]} if done else None)
    told = "inetd has read it" if running else "no inetd runs"
    return _result.changed(name, changes, f"{name} has changed, {told}")


def _different(old, new):
    """The lines that differ, as they are now; an edit here never adds or drops one."""
    pairs = zip(_block.shown(old), _block.shown(new), strict=True)
    return [after for before, after in pairs if before != after]
