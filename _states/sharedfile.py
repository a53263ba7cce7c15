"""Keep lines of ours in a file that is not ours."""

import difflib


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
    ret = {"name": name, "changes": {}, "result": True, "comment": f"{name} is as it should be"}
    try:
        old = __salt__["sharedfile.read"](name)
        new = __salt__["sharedfile.put"](old, lines, first)
        if new == old:
            return ret
        ret["changes"] = {"diff": _diff(old, new)}
        if __opts__["test"]:
            return {**ret, "result": None, "comment": f"{name} would change"}
        __salt__["sharedfile.write"](name, new)
    except OSError as exc:
        return {**ret, "changes": {}, "result": False, "comment": f"{name}: {exc.strerror}"}
    return {**ret, "comment": f"{name} has changed"}


def _diff(old, new):
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))
