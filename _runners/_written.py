"""The one writer of what a runner leaves behind: whole, or not at all."""

import contextlib
import os


def write(path, text):
    """
    Replace a file at once; a new one is its owner's alone, an old one keeps its permissions.

    Raises OSError; the old file stands then.
    """
    path = os.path.realpath(path)
    new = f"{path}.new"
    mode = 0o600
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode & 0o777
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    # Whoever may write there could have put a link in the way.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(descriptor, mode)
        os.replace(new, path)
    except OSError:
        os.unlink(new)
        raise
