"""The one writer of what a runner leaves behind: whole, or not at all."""

import contextlib
import errno
import os
import stat
import tempfile


def write(path, text):
    """
    Replace a file at once; a new one is its owner's alone, an old one keeps owner and permissions.

    Raises OSError, also for what is no file, such as /dev/null; whatever was there stands then.
    """
    path = os.path.realpath(path)
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = os.stat(path)
    if old and not (stat.S_ISREG(old.st_mode) or stat.S_ISDIR(old.st_mode)):
        raise OSError(errno.EINVAL, "is there, and is not a file", path)
    folder, name = os.path.split(path)
    # A name of its own: two that write at once must not have each other's half.
    descriptor, new = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if old:
                # Who may not give it away keeps it.
                with contextlib.suppress(PermissionError):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, old.st_mode & 0o777)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
