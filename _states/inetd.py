"""Take ports from inetd, and give them back."""

import os


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
    return _edited(name, lambda text: __salt__["inetd.retire"](text, services))


def restored(name):
    """
    Give inetd back the lines that `retired` took, and send it HUP.

    name
        path of the file

    .. code-block:: yaml

        /etc/inetd.conf:
          inetd.restored: []
    """
    return _edited(name, __salt__["inetd.restore"])


def _edited(name, edit):
    ret = {"name": name, "changes": {}, "result": True, "comment": "inetd has none of these ports"}
    try:
        old = __salt__["sharedfile.read"](name)
        new = edit(old)
        # Written before the file changes and removed after the HUP: a run that is killed between
        # the two leaves it, and the next run knows that inetd is owed its HUP.
        owed = name + ".hup"
        if new == old and not os.path.exists(owed):
            return ret
        ret["changes"] = {"lines": _difference(old, new), "inetd": "HUP"}
        if __opts__["test"]:
            return {**ret, "result": None, "comment": f"{name} would change"}
        open(owed, "w").close()
        __salt__["sharedfile.write"](name, new)
        running = __salt__["inetd.reload"]()
        os.unlink(owed)
    except OSError as exc:
        return {**ret, "changes": {}, "result": False, "comment": f"{name}: {exc.strerror}"}
    told = "inetd has read it" if running else "no inetd runs"
    return {**ret, "comment": f"{name} has changed, {told}"}


def _difference(old, new):
    """The lines that differ, as they are now; an edit here never adds or drops one."""
    pairs = zip(old.splitlines(), new.splitlines(), strict=True)
    return [after for before, after in pairs if before != after]
