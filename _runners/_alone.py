"""One at a time: a lock that goes with the process that holds it."""

import contextlib
import fcntl
import os

from salt.exceptions import CommandExecutionError


@contextlib.contextmanager
def alone(path, what):
    """
    Hold a lock for as long as the block lasts.

    what
        what is told to whoever comes second: raises CommandExecutionError with it
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandExecutionError(os.pread(descriptor, 1000, 0).decode(errors="replace"))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, what.encode(), 0)
        yield
    finally:
        os.close(descriptor)
