"""The four sentences a state ends with."""

from salt.exceptions import SaltInvocationError


def unchanged(name, comment, warnings=()):
    """Return the result of a state that found all as it should be."""
    return _result(name, True, comment, {}, warnings)


def would_change(name, changes, comment, warnings=()):
    """Return the result of a state that only foretells (``test=True``)."""
    return _result(name, None, comment, changes, warnings)


def changed(name, changes, comment, warnings=()):
    """Return the result of a state that made changes, and has read that they hold."""
    return _result(name, True, comment, changes, warnings)


def failed(name, error, changes=None):
    """
    Return the result of a state that failed.

    name
        the name of the state, with which the comment begins
    error
        an exception; or a text or a refused setting, which begin by themselves with what is meant
    changes
        what was done all the same
    """
    text = said(error)
    whole = isinstance(error, str | SaltInvocationError) or text.startswith(f"{name}")
    comment = text if whole else f"{name}: {text}"
    # Or else what watches would turn a failure without changes into a restart.
    return _result(name, False, comment, changes or {}) | {"skip_watch": True}


def said(error):
    """Return the words of an error: for one of the system its reason, and of which file."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error)


def _result(name, result, comment, changes, warnings=()):
    ret = {"name": name, "result": result, "changes": changes, "comment": comment}
    return {**ret, "warnings": list(warnings)} if warnings else ret
