"""
What each account may fill, and fills: the quotas for users that Linux has, by file system.

The kernel is asked by quotactl_fd(2) itself: no package is needed for that, nor for limits to hold.
"""

import contextlib
import ctypes
import os
import pwd
import stat
import struct
import sys

# <asm-generic/unistd.h>; <linux/quota.h>, <linux/dqblk_xfs.h>: the commands, and quotas for users.
_QUOTACTL_FD = 443
_GET, _SET, _STATE, _USERS = 0x800007, 0x800008, 0x5805, 0
# `struct if_dqblk`: the limits, hard and soft, in blocks; the bytes in use; last, what is valid.
_RECORD = struct.Struct("=8QI")
_BLOCK, _ONLY_BLOCKS = 1024, 1
# `struct fs_quota_stat` begins with its version and, at 2, the flags.
_STATES, _ENFORCED = struct.Struct("=xxH"), 0x2
_UNITS = {"T": 2**40, "G": 2**30, "M": 2**20, "K": 2**10}
_NONE = "no limit"
# So many files are counted in all where no quota knows: a second of work, at most some.
MOST = 200_000


def misfits(declared, machine, path):
    """
    Return a line for each account whose quota this machine cannot keep.

    declared, machine
        as of `_accounts.misfits`
    """
    for name, account in declared.items():
        if not account.get("quota") or account["state"] != "present":
            continue
        uid = machine["accounts"].get(name, account)["uid"]
        same = (other for other, it in machine["accounts"].items() if it["uid"] == uid)
        for other in same:
            if other != name:
                yield f"{path}:{name}:quota: {other} has uid {uid} as well, and is held to it, too"
        if not _is_enforced(account["home"]):
            place = _existing(account["home"])
            while not os.path.ismount(place):
                place = os.path.dirname(place)
            yield (
                f"{path}:{name}:quota: the file system at {place} holds nobody to a quota "
                "(mount it with usrquota, as docs/accounts.md says, or leave this out)"
            )


def planned(plan, declared, machine):
    """Return a plan of accounts with how their limits change."""
    found = {}
    for name, entry in plan.items():
        orders = _orders(entry, declared.get(name, {}), machine["accounts"].get(name))
        whose = " for uid {1} at {0}" if orders[1:] else ""
        said = "; ".join(f"{to} instead of {now}{whose.format(*at)}" for *at, to, now in orders)
        found[name] = {**entry, "changes": entry["changes"] | ({"quota": said} if said else {})}
    return found


def apply(plan, declared):
    """Have the kernel hold the accounts of a plan to their limits, before they are made or go."""
    for name, entry in plan.items():
        if "quota" in entry["changes"]:
            there = None
            with contextlib.suppress(KeyError):
                known = pwd.getpwnam(name)
                there = {"uid": known.pw_uid, "home": known.pw_dir}
            for home, uid, limit, _ in _orders(entry, declared.get(name, {}), there):
                record = _RECORD.pack(_number(limit) // _BLOCK, *[0] * 7, _ONLY_BLOCKS)
                _ask(home, _SET, uid, record)


def used(accounts, most=MOST):
    """
    Return how much each account uses, in words, and of how much: ``1.4G of 2G``.

    accounts
        ``{name: {home, uid}}``
    most
        how many files are counted, where the file system does not know it

    What is counted is what is in a home, without other file systems and what links lead to.
    """
    found, left = {}, len(accounts)
    for name, entry in accounts.items():
        record = _record(entry["home"], entry["uid"])
        if record:
            limit, size = _limit(record), _rounded(record[2])
            found[name] = size if limit == _NONE else f"{size} of {limit}"
        else:
            # What one does not need is there for the next.
            size, whole, count = _counted(entry["home"], most // left)
            found[name] = f"{'' if whole else 'more than '}{_rounded(size)}"
            most -= count
        left -= 1
    return found


def _orders(entry, account, there):
    """Return ``[(home, uid, limit, limit now)]`` of what is to change, as an account changes."""
    present, places = entry["state"] == "present", []
    if there and (present or entry["changes"].get("account") == "removed"):
        places.append((there["home"], there["uid"], _NONE))
    if present:
        limit = _exact(_number(account["quota"])) if account.get("quota") else _NONE
        places.append((entry["home"], entry["uid"], limit))
    # Of a home that stays on its file system, with its number, the second is what counts.
    last = {(os.stat(_existing(home)).st_dev, uid): (home, uid, to) for home, uid, to in places}
    orders = [(home, uid, to, _limit(_record(home, uid))) for home, uid, to in last.values()]
    return [order for order in orders if order[2] != order[3]]


def _limit(record):
    """Return to which limit somebody is held, in words that are equal where limits are."""
    hard, soft = record[:2] if record else (0, 0)
    if soft in (0, hard):
        return _exact(hard * _BLOCK)
    return f"{_exact(soft * _BLOCK)} to {_exact(hard * _BLOCK)}"


def _record(home, uid):
    """Return what the kernel knows of somebody there; nothing where it counts for nobody."""
    record = None
    with contextlib.suppress(OSError):
        record = _RECORD.unpack(_ask(home, _GET, uid, bytes(_RECORD.size)))
    return record


def _is_enforced(home):
    flags = 0
    with contextlib.suppress(OSError):
        [flags] = _STATES.unpack_from(_ask(home, _STATE, 0, bytes(256)))
    return bool(flags & _ENFORCED)


def _ask(home, command, uid, given):
    """Ask the kernel about the file system of a home, or what will be one; return its answer."""
    buffer = ctypes.create_string_buffer(given, len(given))
    path = _existing(home)
    if not sys.platform.startswith("linux"):
        raise OSError(0, "only Linux has these quotas", path)
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        numbers = (ctypes.c_uint(file), ctypes.c_uint(command << 8 | _USERS), ctypes.c_int(uid))
        if libc.syscall(ctypes.c_long(_QUOTACTL_FD), *numbers, buffer):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(file)
    return buffer.raw


def _existing(path):
    """Return a directory, or the nearest one above that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _number(limit):
    return 0 if limit == _NONE else int(limit[:-1]) * _UNITS[limit[-1]]


def _exact(size):
    if not size:
        return _NONE
    unit = next(unit for unit, number in _UNITS.items() if size % number == 0)
    return f"{size // _UNITS[unit]}{unit}"


def _rounded(size):
    for unit, number in _UNITS.items():
        if size >= number:
            return f"{size / number:.1f}{unit}"
    return str(size)


def _counted(home, most):
    """Return how much is in a home, whether that is all, and how many files were looked at."""
    size, whole, count, folders = 0, True, 0, [home]
    try:
        device = os.stat(home, follow_symlinks=False).st_dev
    except OSError:
        return 0, True, 0
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if count == most:
                        return size, False, count
                    count += 1
                    status = entry.stat(follow_symlinks=False)
                    folder = stat.S_ISDIR(status.st_mode)
                    # Of files, an overlay tells a number that is none of its own.
                    if not folder or status.st_dev == device:
                        size += status.st_blocks * 512
                        folders += [entry.path] if folder else []
        except FileNotFoundError:
            continue
        except OSError:
            whole = False
    return size, whole, count
