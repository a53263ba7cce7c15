"""
What a rule set was, and what somebody holds against its settings for a while.

Beside NAME.rules there is .past/NAME, a directory of root's. It has the last settings that were in
force, one file each, and ``held``: the addresses that are denied in a hurry, and the past settings
that are in force again, each until a moment.
"""

import contextlib
import datetime
import json
import os
import re
import shutil

import _check
import _files
import _multilog
from salt.exceptions import CommandExecutionError, SaltInvocationError

KEPT = 10
_STAMP = re.compile(r"(\d{8}T\d{12}Z)\.json")
# What is held where nothing is.
NOTHING = {"denied": {}, "again": None}


def folder(stem):
    """Return the directory with all that is kept of a rule set."""
    directory, name = os.path.split(stem)
    return os.path.join(directory, ".past", name)


def remember(stem, settings, lists, moment):
    """
    Keep settings that have come into force, and the content of the files that they name.

    stem
        the path of its files without ``.rules`` and ``.cdb``
    moment
        when, in seconds since 1970

    Raises OSError that names the path.
    """
    place = folder(stem)
    _files.make_directory(place, 0o700)
    stamp = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    if is_last(stem, settings, lists):
        return
    for newest in _names(place)[:1]:
        # A clock that was set back must not make new settings older than those of before.
        stamp = max(stamp, _stamp(newest) + datetime.timedelta(microseconds=1))
    path = os.path.join(place, f"{stamp:%Y%m%dT%H%M%S%f}Z.json")
    _files.put(path, _spelled({"settings": settings, "lists": lists}), 0o600)
    os.utime(path, (moment, moment))
    for name in _names(place)[KEPT:]:
        os.unlink(os.path.join(place, name))


def is_last(stem, settings, lists):
    """Tell whether settings, and the content of the files that they name, are the last kept."""
    place = folder(stem)
    for newest in _names(place)[:1]:
        with open(os.path.join(place, newest), encoding="utf-8") as file:
            return file.read() == _spelled({"settings": settings, "lists": lists})
    return False


def past(stem):
    """Return when the last settings came into force, in seconds since 1970, the newest first."""
    place = folder(stem)
    return [os.stat(os.path.join(place, name)).st_mtime for name in _names(place)]


def recall(stem, number):
    """
    Return the settings that were in force before so many others, and the content of their files.

    Raises IndexError where they are not kept any more.
    """
    place = folder(stem)
    with open(os.path.join(place, _names(place)[number]), encoding="utf-8") as file:
        kept = _read(json.load(file))
    return kept["settings"], kept["lists"]


def held(stem, now):
    """
    Return what is held against the settings of a rule set at a moment, in seconds since 1970.

    ``denied`` is ``{network: until}``; ``again`` is None, or has the moment ``since`` when the
    settings that are in force again first were, ``until``, ``settings`` and ``lists``.

    Raises CommandExecutionError where it cannot be understood.
    """
    try:
        with open(_held(stem), encoding="utf-8") as file:
            found = json.load(file)
        again = found["again"] and _read(found["again"])
        return {
            "denied": {who: until for who, until in found["denied"].items() if until > now},
            "again": again if again and again["until"] > now else None,
        }
    except FileNotFoundError:
        return NOTHING
    except (ValueError, KeyError, TypeError, AttributeError):
        # Whoever is in it would be let in if it were taken for none.
        raise CommandExecutionError(
            f"{_held(stem)} is not as it was written (without it nobody is denied in a hurry)"
        )


def hold(stem, held):
    """Hold something against the settings of a rule set, or nothing any more."""
    if held == NOTHING:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_held(stem))
    else:
        again = held["again"] and json.loads(_spelled(held["again"]))
        _files.make_directory(folder(stem), 0o700)
        _files.put(_held(stem), json.dumps({**held, "again": again}), 0o600)


def first_end(held):
    """Return when the first of what is held ends, in seconds since 1970; None where nothing is."""
    again = [held["again"]["until"]] if held["again"] else []
    return min([*held["denied"].values(), *again], default=None)


def forget(stem):
    """Remove all that is kept of a rule set."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder(stem))


def until(text, now):
    """
    Return a moment to come that somebody has typed, in seconds since 1970.

    text
        such as ``45m``, ``2h``, ``1d``, or ``2026-11-26T08:00``

    Raises SaltInvocationError for anything else, and for what has passed.
    """
    moment = _multilog.moment(text, "until", now)
    if moment <= now:
        raise SaltInvocationError(f"until: {_check.got(str(text))} has passed")
    return moment


def _spelled(kept):
    """Return settings with the bytes of their lists as JSON."""
    lists = {file: content.decode("latin-1") for file, content in kept["lists"].items()}
    return json.dumps({**kept, "lists": lists}, sort_keys=True)


def _read(kept):
    return {**kept, "lists": {file: text.encode("latin-1") for file, text in kept["lists"].items()}}


def _held(stem):
    return os.path.join(folder(stem), "held")


def _names(place):
    names = os.listdir(place) if os.path.isdir(place) else []
    return sorted(filter(_STAMP.fullmatch, names), reverse=True)


def _stamp(name):
    """Return what settings are put in order by: when they came into force, or a little later."""
    stamp = datetime.datetime.strptime(name.removesuffix(".json"), "%Y%m%dT%H%M%S%fZ")
    return stamp.replace(tzinfo=datetime.timezone.utc)
