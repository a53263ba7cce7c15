"""
The one writer of files: beside, to the disk, renamed, and the rename to the disk too.

Who is killed at any moment leaves the old file or the new one.  Modes do not depend on the umask
of the caller, and no link is followed: what is written takes the place of one.
"""

import contextlib
import os
import stat


def put(path, text, mode=None):
    """
    Replace a file at once.

    path
        where it shall be; its directory is there
    text
        what it shall hold, text or bytes; text that was read with ``surrogateescape`` is as before
    mode
        its permissions; None leaves those, and the owner, of the file that is there, else 0644

    Raises OSError that names the path.  After that the old file stands, except where only the
    directory did not reach the disk.
    """
    put_all({path: (text, mode)})


def put_all(files):
    """
    Replace several files: all new ones stand beside the old ones before the first is renamed.

    files
        ``{path: (text, mode)}``, as for `put`
    """
    path = None
    try:
        for path, (text, mode) in files.items():
            _write(beside(path), text, mode, _status(path))
        for path in files:
            os.rename(beside(path), path)
        for path in {os.path.dirname(path) for path in files}:
            sync(path)
    except OSError as error:
        error.filename = path
        raise
    finally:
        for file in files:
            with contextlib.suppress(OSError):
                os.unlink(beside(file))


def beside(path):
    """Return where a new file is written before it takes its place."""
    return f"{path}.new"


def sync(folder):
    """Bring the names in a directory to the disk."""
    descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path, mode=0o755):
    """Make a directory, and those above it that are missing, each with the same permissions."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        # Another service or rule set may be made at the same moment.
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, mode)
            os.chmod(folder, mode)


def _status(path):
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _write(path, text, mode, old):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode(errors="surrogateescape"))
        file.flush()
        if mode is None and old and stat.S_ISREG(old.st_mode):
            os.fchown(file.fileno(), old.st_uid, old.st_gid)
            mode = stat.S_IMODE(old.st_mode)
        os.fchmod(file.fileno(), 0o644 if mode is None else mode)
        os.fsync(file.fileno())
