"""
The formula's own files of settings, kept as the last run of states has read them.

So what is asked between two runs needs no file server.  They go with the modules that read them:
where others have come since, nobody takes them.
"""

import contextlib
import hashlib
import json
import os
import pathlib

import _files


def read(path, modules):
    """
    Return ``{name: content}``; nothing where none were kept for these modules.

    path
        the file in which they are kept
    modules
        the directory of the modules that read them
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if kept["modules"] == _state_of(modules):
            return kept["files"]
    return {}


def keep(path, modules, files):
    """Keep ``{name: content}`` for these modules; where that fails, they are asked for again."""
    with contextlib.suppress(OSError):
        if read(path, modules) != files:
            kept = {"modules": _state_of(modules), "files": files}
            _files.put(path, json.dumps(kept), 0o600)


def _state_of(modules):
    """Return what tells these files from others, which came at another time."""
    with os.scandir(modules) as entries:
        stats = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")]
    seen = sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()
