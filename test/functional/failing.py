"""
What a state says of itself when one call into the system fails: the n-th, for every n.

    for failure, done in failing.each(prepare, apply):
        ...what `done` says must be what is there now...
"""

import errno
import itertools
import os
import pathlib
import sys
import sysconfig

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OURS = tuple(str(REPOSITORY / folder) for folder in ("_modules", "_states"))
LIBRARY = (sysconfig.get_path("stdlib"), "<frozen")
CALLS = {
    *("open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "link", "symlink"),
    *("chmod", "fchmod", "chown", "fchown", "lchown", "utime", "flock", "fork_exec", "posix_spawn"),
}


def each(prepare, run, codes=(errno.ENOSPC, errno.EIO)):
    """
    Yield, for each call that fails in turn, where it failed, and what a function then returned.

    prepare
        called before each run, with every call working
    run
        called once for each call into the system that it makes, and once without a failure
    """
    for code in codes:
        for nth in itertools.count():
            prepare()
            failure = _Failure(nth, code)
            sys.setprofile(failure)
            try:
                done = run()
            finally:
                sys.setprofile(None)
            if not failure.place:
                break
            yield failure.place, done


class _Failure:
    """Lets the n-th call into the system fail that our modules make, or let Python's make."""

    def __init__(self, nth, code):
        self.left, self.code, self.place = nth, code, ""

    def __call__(self, frame, event, function):
        if event != "c_call" or function.__name__ not in CALLS or not _is_ours(frame):
            return
        if isinstance(getattr(function, "__self__", None), (str, bytes)):
            return  # their `replace` is another one
        if not self.left:
            # From here on, Python asks no more.
            self.place = (
                f"{function.__name__} in {frame.f_code.co_name}, {errno.errorcode[self.code]}"
            )
            raise OSError(self.code, os.strerror(self.code))
        self.left -= 1


def _is_ours(frame):
    while frame and frame.f_code.co_filename.startswith(LIBRARY):
        if "importlib" in frame.f_code.co_filename or "site-packages" in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return bool(frame) and frame.f_code.co_filename.startswith(OURS)
