"""
A directory of small files, read as a mapping and made equal to another mapping.

A tree is ``{path: {"mode": MODE, "text": TEXT}}`` with paths relative to the directory.  Only the
directory itself and the folders named by the caller are looked at: what lies in any other folder
belongs to somebody else.  A directory that is written to carries a mark; one that has files and
no mark is somebody else's and is never rewritten.
"""

import contextlib
import difflib
import os
import stat

import _files
import _version
from salt.exceptions import CommandExecutionError

MARK = ".written-by-salt"
MARK_TEXT = "Salt writes this directory: files that its settings do not declare are removed.\n"
_WRITER = "Last written by ftpgw "
_ORIGIN = "The settings: "
# What supervise keeps; where the directory is read-only, this is a link to another place.
KEPT = "supervise"
READ_AT_MOST = 1 << 20


def read(directory, folders=()):
    """
    Return the files of a directory as ``{path: {"mode": MODE, "text": TEXT}}``.

    directory
        The directory; one that does not exist has no files.

    folders
        Names of the folders in it that are read too.

    A mode is four octal digits, followed by the owner where that is not the reader; what is no
    regular file has its kind for a mode and no text.
    """
    files = {}
    for folder in ("", *folders):
        for entry in _entries(os.path.join(directory, folder)):
            path = os.path.join(folder, entry.name)
            if path == MARK or entry.name == KEPT:
                continue
            if not entry.is_dir(follow_symlinks=False):
                files[path] = _read_file(entry.path)
    return files


def difference(old, new, secret=()):
    """
    Return what turns one tree into another as ``{path: DIFF}``, empty when they are equal.

    old, new
        Trees as returned by filetree.read.

    secret
        Folders whose texts are not shown.
    """
    return {
        path: _describe(path, old.get(path), new.get(path), secret)
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


def marked(directory):
    """
    Return whether a directory may be written: it carries the mark, or there is nothing in it.
    """
    if os.path.islink(directory):
        return False
    return os.path.isfile(os.path.join(directory, MARK)) or not any(_entries(directory))


def origin(directory):
    """Return where the settings of a marked directory stand, or None if it does not say."""
    try:
        with open(os.path.join(directory, MARK), encoding="utf-8") as file:
            return file.read().partition(_ORIGIN)[2].strip() or None
    except OSError:
        return None


def write(directory, files, folders=(), settings=""):
    """
    Make the files of a directory equal to a tree.

    directory
        The directory; it is made, and marked, when it does not exist.

    files
        The tree, with a text and a mode of four digits for each path.

    folders
        As for filetree.read: files in these that the tree does not have are removed.

    settings
        Where the settings of all this stand, which the mark then says.

    The mark names the version that wrote any of the files last; none is written for that alone.
    All new files are written beside the old ones before the first is renamed, so that a full
    disk or a kill leaves every old file standing.  Raises OSError.
    """
    present = read(directory, folders)
    changed = {path: file for path, file in files.items() if file != present.get(path)}
    _files.make_directory(directory)
    os.chmod(directory, 0o755)
    _mark(directory, settings, changed or present.keys() - files.keys())
    _make_folders(directory, files)
    _files.put_all(
        {
            os.path.join(directory, path): (file["text"], int(file["mode"], 8))
            for path, file in changed.items()
        }
    )
    for path in present.keys() - files.keys():
        # What was left by a run that died may have been renamed just now.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, path))
    for folder in folders:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(directory, folder))


def remove(directory, folders=()):
    """
    Remove a marked directory, the given folders in it, and the files in all of these.

    directory
        The directory; one that does not exist is removed already.

    folders
        Paths of folders to remove, the innermost first.

    Raises CommandExecutionError for a directory without a mark, or when a folder is left that
    the caller did not name.
    """
    if not os.path.isdir(directory):
        return
    if not marked(directory):
        raise CommandExecutionError(f"{directory} was not written by Salt (remove it by hand)")
    for folder in folders:
        remove_folder(os.path.join(directory, folder))
    left = [entry.name for entry in _entries(directory) if entry.is_dir(follow_symlinks=False)]
    if left:
        raise CommandExecutionError(
            f"{directory} has folders that Salt did not write: {', '.join(sorted(left))} "
            "(remove them by hand)"
        )
    remove_folder(directory)


def remove_folder(folder):
    """
    Remove a folder and the files in it, but no folders; of a link to a folder, the link.
    """
    if os.path.islink(folder):
        os.unlink(folder)
        return
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(folder)


def _entries(directory):
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _read_file(path):
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        return {"mode": stat.filemode(status.st_mode)[0], "text": None}
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    if status.st_uid != os.geteuid():
        mode += f" of uid {status.st_uid}"
    with open(path, "rb") as file:
        text = file.read(READ_AT_MOST).decode("utf-8", "backslashreplace")
    return {"mode": mode, "text": text}


def _describe(path, old, new, secret):
    if os.path.dirname(path) in secret:
        return "added" if old is None else "removed" if new is None else "changed"
    lines = []
    if old and new and old["mode"] != new["mode"]:
        lines.append(f"mode {old['mode']} becomes {new['mode']}")
    before, after = ((tree or {}).get("text") or "" for tree in (old, new))
    lines += difflib.unified_diff(
        before.splitlines(), after.splitlines(), path, path, n=1, lineterm=""
    )
    return "\n".join(lines) or ("added" if old is None else "removed")


def _make_folders(directory, files):
    for folder in {os.path.dirname(path) for path in files} - {""}:
        folder = os.path.join(directory, folder)
        if os.path.islink(folder):
            raise CommandExecutionError(f"{folder} is a symbolic link (remove it)")
        _files.make_directory(folder)
        os.chmod(folder, 0o755)


def _mark(directory, settings, writes):
    mark, known = os.path.join(directory, MARK), origin(directory)
    settings = settings or known
    if writes or settings != known or not os.path.exists(mark):
        where = f"{_ORIGIN}{settings}\n" if settings else ""
        _files.put(mark, f"{MARK_TEXT}{_WRITER}{_version.VERSION}.\n{where}", 0o644)
