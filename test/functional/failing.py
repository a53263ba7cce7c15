"""A world in which the n-th call of ours into the system fails, for every n."""

import errno
import itertools
import os
import sys
import typing

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = tuple(os.path.join(REPOSITORY, folder, "") for folder in ("_modules", "_states"))
CALLS = {
    *("chmod", "fchmod", "fchown", "flush", "fsync", "lstat", "mkdir", "open", "rename"),
    *("replace", "rmdir", "symlink", "truncate", "unlink", "write"),
}
# A program that is not started is one of those of the standard library.
START = "fork_exec"


class Failed(typing.NamedTuple):
    """One run, of which one call failed."""

    call: str
    error: int
    result: typing.Any


def failures(run):
    """
    Yield what comes of `run` where its first call fails, then its second, until one goes through.

    run
        a function without arguments; what it changed is to be undone before the next one is taken

    Each call fails once with ENOSPC and once with EIO.  After the last case a run has gone through.
    """
    for number, error in itertools.product(range(1000), (errno.ENOSPC, errno.EIO)):
        call, result = _run(run, number, error)
        if call is None:
            return
        yield Failed(call, error, result)
    raise AssertionError("there is no end to it")


def _run(run, number, error):
    failed, calls = [], itertools.count()

    def watch(frame, event, function):
        if event != "c_call" or failed or not _counts(frame, function.__name__):
            return
        if next(calls) == number:
            failed.append(function.__name__)
            raise OSError(error, os.strerror(error))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        result = run()
    finally:
        sys.setprofile(before)
    return (failed or [None])[0], result


def _counts(frame, name):
    return name == START or (name in CALLS and frame.f_code.co_filename.startswith(OURS))
