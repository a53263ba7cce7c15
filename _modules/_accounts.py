"""
The FTP accounts that pillar declares: what each may be, who may not be one, and what is to be done.

Whoever is in one of our two groups, or in our /etc/ftpchroot, carries our mark.
"""

import datetime
import itertools
import os
import re

import _check
import _hash
from _check import DAY, FLAG, Setting, choice, kind, listing, number, table, word

# The accounts of pillar and nobody else; those that pillar names no more. sshd denies both.
GROUP, LEFT = "ftpgw", "ftpgw-left"
# What is done to an account that has its password elsewhere.
LOCKED = "password of the system"
# What may hold one account back: a quota, which the system keeps; the others a server `keeps`.
LIMITS = {"from", "only", "quota", "sessions", "until"}
# Days before its last one that an account is warned of.
SOON = 14
# A number below is the system's own. Programs that make accounts stop at the other one.
LOWEST_UID, END_OF_UIDS = 1000, 60000
# As far as every system goes: above it some have numbers that are negative, or those of nobody.
_LAST_UID = 2**31 - 1
# crypt(5): "$prefix$options$salt$hash"; only base 64 characters, `.`, `/`, `,`, `=` and `$` occur.
_CRYPT_HASH = re.compile(r"\$[0-9a-z]+\$[A-Za-z0-9./,=$-]{13,}")
# Salt's words for an entry in a data base of secrets.
_SDB = re.compile(r"sdb://[^/\s]+/\S+")
_HOME = r"(/[^/:\x00-\x1f\x7f]+){2,}"
# From where a system runs what is there, or reads what it goes by.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys"),
    *(f"/usr/{name}" for name in ("bin", "lib", "libexec", "sbin")),
    *(f"/usr/local/{name}" for name in ("bin", "etc", "lib", "libexec", "sbin")),
    *("/var/cron", "/var/spool/cron"),
)
# What pam_access does not take for the name of an account.
_WORDS = ("all", "except")
# Of the system on every machine, whatever their numbers are, or names that FTP has for anybody.
_RESERVED = ("anonymous", "ftp", "multilog", "nobody", "root")

NAME = word("[A-Za-z_][A-Za-z0-9_.-]{0,31}", "an account name (at most 32 letters, digits, _ . -)")


def _is_home(value):
    """Tell whether a directory may become the `/` of an account: it must not show the system."""
    plain = isinstance(value, str) and re.fullmatch(_HOME, value)
    return bool(plain) and not {".", ".."} & set(value.split("/"))


def _is_hash(value):
    return isinstance(value, str) and bool(_CRYPT_HASH.fullmatch(value))


def _is_elsewhere(value):
    return isinstance(value, str) and bool(_SDB.fullmatch(value))


ACCOUNT = table(
    {
        "state": Setting(
            choice("present", "absent"), "absent ends its sessions and removes it", "present"
        ),
        "password": Setting(
            kind(
                "a crypt hash (make one with: openssl passwd -6), or sdb://PROFILE/KEY",
                lambda value: _is_hash(value) or _is_elsewhere(value),
                {"type": "string", "pattern": f"^({_CRYPT_HASH.pattern}|{_SDB.pattern})$"},
                secret=True,
            ),
            "a crypt hash: `openssl passwd -6` makes one; or where Salt's sdb has it, such as "
            "`sdb://vault/ftp/partner`; needed unless it is absent",
        ),
        "home": Setting(
            kind(
                "a directory such as /home/partner, without '.' or '..'",
                _is_home,
                {"type": "string", "pattern": f"^{_HOME}$"},
            ),
            "the directory that becomes its `/`; by default /home/NAME",
        ),
        "uid": Setting(
            number(LOWEST_UID, _LAST_UID), "its number; by default the next one that is free"
        ),
        "purge": Setting(
            FLAG, "whether its home goes with it, if it is absent; what is in it is lost", False
        ),
        "until": Setting(
            DAY, "the last day on which it can log in, which ends at midnight UTC; by default none"
        ),
        "from": Setting(
            listing(
                word(r"\w[\w .@+-]*", "the name of a site"), "sites of the rules of open-ftpd", 1
            ),
            "the only sites from which its password is worth anything; by default all that the "
            "rules admit",
        ),
        "only": Setting(
            choice("upload", "download"),
            "`upload`: it can put files there and see none; `download`: it can fetch them and "
            "change none; by default both",
        ),
        "quota": Setting(
            word("[1-9][0-9]{0,5}[KMGT]", "a size such as 500M or 2G"),
            "how much it may fill, where the file system of its home has quotas for users (Linux): "
            "2G is 2048M, and 1M is 1024K; by default as much as there is",
        ),
        "sessions": Setting(
            number(1), "how many it may have at the same time; by default any number"
        ),
    },
    "settings such as password: HASH",
)


def problems(accounts, path, bcrypt=False, memory=None):
    """
    Return a line for all that is wrong with the accounts of a pillar; none shows a password.

    bcrypt
        whether the system knows no other hash
    memory
        how many bytes the server may have, None: any number
    """
    if not isinstance(accounts, dict):
        got = _check.got(accounts, secret=True)
        return [f"{path}: expected a mapping of accounts to settings, got {got}"]
    found = [
        line
        for name, given in accounts.items()
        for line in _problems(name, given, path, bcrypt, memory)
    ]
    return found or list(_twice(accounts, path))


def checked(accounts, path):
    """Return the accounts of a pillar with the defaults filled in; raises for what is wrong."""
    _check.refuse_all(problems(accounts, path))
    return {name: _complete(name, given) for name, given in accounts.items()}


def resolved(declared, get, path, bcrypt=False, memory=None):
    """
    Return accounts with the hashes that sdb has; raises, without a word of these, for what is none.

    get
        Salt's ``sdb.get``
    bcrypt, memory
        as of `problems`
    """
    found, wrong = {}, []
    for name, account in declared.items():
        if account["state"] == "present" and _is_elsewhere(account["password"]):
            where, hashed = f"{path}:{name}:password", None
            try:
                hashed = get(account["password"])
            except Exception as error:
                wrong.append(f"{where}: sdb cannot be asked: {type(error).__name__}")
            else:
                if not _is_hash(hashed):
                    wrong.append(f"{where}: what sdb has there is no crypt hash")
                else:
                    wrong += _unknown_to_server(hashed, where, bcrypt, memory)
            account = {**account, "password": hashed}
        found[name] = account
    _check.refuse_all(wrong)
    return found


def _unknown_to_server(hashed, path, bcrypt, memory):
    """Yield why nobody could log in though the password is that of the hash."""
    needed = _hash.memory(hashed)
    if bcrypt and not hashed.startswith("$2"):
        yield f"{path}: this system knows bcrypt only (make a hash with: encrypt)"
    elif needed and memory is not None and needed >= memory:
        yield (
            f"{path}: to check this hash takes {needed} bytes, and open-ftpd has "
            f"{memory} (make a hash with: openssl passwd -6; or raise its softlimit: memory)"
        )


def misfits(declared, machine, path):
    """
    Return a line for each account that this machine cannot have.

    declared
        the accounts of a pillar, checked
    machine
        what it has now, as `_userdb.read` returns it
    """
    homes = {
        there["home"]: name
        for name, there in machine["accounts"].items()
        if there["uid"] >= LOWEST_UID
    }
    inner = {above: home for home in homes for above in _above(home)}
    for name, account in declared.items():
        there = machine["accounts"].get(name)
        if there and (name not in marked(machine) or there["uid"] < LOWEST_UID):
            yield (
                f"{path}:{name}: this account exists and was not made for FTP (uid {there['uid']}, "
                f"shell {there['shell']}): choose another name, or put it into the group {GROUP} "
                "yourself if it may become one"
            )
        elif _has_home(account):
            yield from _misplaced(name, account, machine, f"{path}:{name}")
            near = {*_above(account["home"]), inner.get(account["home"])} & homes.keys()
            for home in sorted(near):
                if homes[home] != name:
                    yield (
                        f"{path}:{name}:home: {account['home']} is inside {home}, the home of "
                        f"{homes[home]}, or around it"
                    )


def exposed(declared, folders, path, real=os.path.realpath):
    """
    Return a line for each account whose home would have what it uploads run, or believed.

    folders
        those of the gateway itself, beside the system's
    real
        a function that returns where a path leads
    """
    places = {real(folder): folder for folder in (*_SYSTEM, *folders)}
    for name, account in declared.items():
        home = real(account["home"])
        near = (
            place
            for place in places
            if f"{place}/".startswith(f"{home}/") or home.startswith(f"{place}/")
        )
        for place in [*near][:1] if _has_home(account) else ():
            yield (
                f"{path}:{name}:home: {account['home']} is not apart from {places[place]}, where "
                f"the gateway has what it goes by (choose another one, such as /home/{name})"
            )


def plan(declared, machine, shell, remove=False):
    """
    Return ``{name: {state, home, uid, changes}}``: what is to be done, ``{what: how}``, in words.

    declared
        the accounts of a pillar, checked, without misfits
    machine
        what there is now: `_userdb.read`, and `_userdb.secrets`
    shell
        the shell that nobody can use
    remove
        whether those that pillar names no more are removed; else they only lose their log-in

    The state is that of pillar, or ``left over``; or ``stranger``, for a member of our group that
    no FTP account has to do with.
    """
    uids = _uids(declared, machine)
    planned = {}
    for name, account in declared.items():
        there = machine["accounts"].get(name)
        if account["state"] == "absent":
            changes = {"account": "removed"} if there else {}
            if account["purge"] and machine["owners"].get(account["home"]) is not None:
                home = account["home"]
                changes["directory"] = f"{home} removed, with {machine['sizes'][home]}"
        else:
            changes = _changes(name, {**account, "shell": shell}, uids.get(name), machine)
        uid = uids.get(name) or account["uid"] or (there or {}).get("uid")
        planned[name] = _entry(account["state"], account["home"], uid, changes)
    for name in sorted(marked(machine) - declared.keys()):
        there = machine["accounts"].get(name)
        if there and there["uid"] >= LOWEST_UID and there["shell"] == shell:
            changes = {"account": "removed"} if remove else _left(name, machine)
            planned[name] = _entry("left over", there["home"], there["uid"], changes)
        elif there and name in machine["groups"].get(GROUP, ()):
            changes = {"groups": f"without {GROUP}"}
            planned[name] = _entry("stranger", there["home"], there["uid"], changes)
    return planned


def marked(machine):
    """Return the names that carry our mark; not every one of them need be an account."""
    groups = machine["groups"]
    return {*groups.get(GROUP, ()), *groups.get(LEFT, ()), *machine["confined"]}


def warnings(declared, planned, path):
    """Return a line for what is no fault, but should not stay."""
    for name, account in declared.items():
        if account["password"] and _hash.is_weak(account["password"]):
            kind = _hash.kind(account["password"])
            yield f"{path}:{name}:password: {kind} is weak (make a hash with: openssl passwd -6)"
    for name, entry in planned.items():
        if entry["state"] == "left over":
            yield (
                f"{path}: does not name {name} any more, which is still an account of this machine "
                f"that opens nothing (`leftovers: remove` takes it; {entry['home']} stays)"
            )


def endings(declared, path, today=None):
    """Return a line for each account that can log in no more, or only for some days."""
    for name, account in declared.items():
        if account["state"] == "present" and account["until"]:
            left = _days_left(account["until"], today)
            how = "has passed: it cannot log in any more" if left < 0 else "is soon its last day"
            if left <= SOON:
                yield f"{path}:{name}:until: {account['until']} {how} (say another day, or absent)"


def barred(account, site, today=None):
    """
    Return why an account cannot log in whatever the password is, or nothing.

    site
        a function that returns from which site it is tried
    """
    if account.get("until") and _days_left(account["until"], today) < 0:
        return "ended"
    return "site" if account.get("from") and site() not in account["from"] else ""


def described(planned, declared, machine, today=None):
    """
    Return of each account what people ask, in words: never a password, nor a hash.

    planned, declared, machine
        as of `plan`
    """
    told = {}
    for name, entry in planned.items():
        account, there = declared.get(name, {}), machine["accounts"].get(name)
        if entry["state"] == "stranger" or not (there or entry["state"] == "present"):
            continue
        until, hashed = account.get("until"), machine["passwords"].get(name, "")
        ended = entry["state"] == "present" and until and _days_left(until, today) < 0
        state = entry["state"] if there else "not made yet"
        told[name] = {
            "state": "ended" if ended and there else state,
            "from": ", ".join(account.get("from") or ["all sites"]),
            "until": until or "no end",
            "only": account.get("only") or "upload and download",
            "most": account.get("sessions") or "any number of sessions",
            "home": entry["home"],
            "uid": entry["uid"],
            "hash": _kind_of(hashed),
        }
    return told


def _kind_of(hashed):
    if not hashed.startswith("$"):
        return "none"
    return f"{_hash.kind(hashed)}{' (weak)' if _hash.is_weak(hashed) else ''}"


def _days_left(until, today):
    today = today or datetime.datetime.now(datetime.timezone.utc).date()
    return (datetime.date.fromisoformat(until) - today).days


def _problems(name, given, path, bcrypt, memory):
    found = _check.problems(NAME, name, path)
    if not found and name in _RESERVED:
        found = [f"{path}:{name}: this name is not for an FTP account (choose another one)"]
    found += [] if found else _check.problems(ACCOUNT, given, f"{path}:{name}")
    if found or given.get("state") == "absent":
        return found
    if given.get("purge"):
        return [f"{path}:{name}:purge: its home goes only with it (say state: absent)"]
    if "from" in given and name.lower() in _WORDS:
        return [f"{path}:{name}:from: PAM takes this name for a word (choose another one)"]
    if "password" not in given:
        return [f"{path}:{name}:password: missing (make a hash with: openssl passwd -6)"]
    if _is_elsewhere(given["password"]):
        return []
    return list(_unknown_to_server(given["password"], f"{path}:{name}:password", bcrypt, memory))


def _twice(accounts, path):
    """What two accounts cannot both have."""
    seen, spelt = {}, {}
    complete = {name: _complete(name, given) for name, given in accounts.items()}
    homes = {account["home"]: name for name, account in complete.items() if _has_home(account)}
    around = {above for home in homes for above in _above(home)} & homes.keys()
    for name, account in complete.items():
        # pam_access does not tell capitals from others.
        other = spelt.setdefault(name.lower(), name)
        if other != name and (account["from"] or complete[other]["from"]):
            yield f"{path}:{name}:from: PAM takes it for {other} (choose another name)"
        outer = around.intersection(_above(account["home"])) if _has_home(account) else ()
        for home in sorted(outer):
            yield f"{path}:{name}:home: {account['home']} is inside the home of {homes[home]}"
        for key in ("uid", "home"):
            first = seen.setdefault((key, account[key]), name)
            if account["state"] == "present" and account[key] and first != name:
                yield f"{path}:{name}:{key}: {first} has it already"


def _complete(name, given):
    limits = ("until", "from", "only", "quota", "sessions")
    unsaid = dict.fromkeys(("uid", "password", *limits))
    return {"home": f"/home/{name}", **unsaid, **ACCOUNT.read(given)}


def _has_home(account):
    """Tell whether something is done to the home of an account."""
    return account["state"] == "present" or account["purge"]


def _above(home):
    """Return the directories that a home is inside of, without those of the root."""
    parts = home.split("/")
    return ["/".join(parts[:end]) for end in range(3, len(parts))]


def _misplaced(name, account, machine, path):
    """Return why an account cannot have its number, or its home."""
    names = {there["uid"]: other for other, there in machine["accounts"].items() if other != name}
    if account["uid"] in names:
        yield f"{path}:uid: {names[account['uid']]} has it already"
    home = account["home"]
    if home in machine["links"]:
        yield f"{path}:home: {home} is a link (say the directory itself)"
        return
    if account["purge"]:
        yield from _unremovable(name, account, machine, path)
        return
    owner, there = machine["owners"].get(account["home"]), machine["accounts"].get(name)
    known = {account["uid"], *([there["uid"]] if there else [])} - {None}
    # One that root has made is there for whom it is named after.
    if owner and owner not in known and (known or owner in names or owner < LOWEST_UID):
        whose = f"{names[owner]} (uid {owner})" if owner in names else f"uid {owner}"
        yield (
            f"{path}:home: {account['home']} belongs to {whose} "
            "(choose another one, or chown it if it shall be this account's)"
        )


def _unremovable(name, account, machine, path):
    """Return why a home cannot be removed: it must be this account's, and nothing else."""
    home, there = account["home"], machine["accounts"].get(name)
    owner, names = machine["owners"].get(home), {u["uid"] for u in machine["accounts"].values()}
    own = {there["uid"]} if there else {account["uid"]} - {None}
    if there and there["home"] != home:
        yield f"{path}:purge: its home is {there['home']} (say that beside it, as home)"
        return
    if owner is not None and owner not in own and (own or owner < LOWEST_UID or owner in names):
        yield f"{path}:purge: {home} is not this account's, but belongs to uid {owner}"
    elif owner is not None and not machine["sizes"].get(home):
        yield f"{path}:purge: {home} is mounted, or has something mounted in it (umount it)"


def _uids(declared, machine):
    """
    Return the uid of each account that is to be made.

    One that has left a home here has its number again.  All others come above whoever is, or left
    something, here: they must not own what was another's.
    """
    coming = {
        name: account["uid"] or machine["owners"].get(account["home"])
        for name, account in declared.items()
        if account["state"] == "present" and name not in machine["accounts"]
    }
    taken = {there["uid"] for there in machine["accounts"].values()} | machine["beside"]
    taken |= {uid for uid in coming.values() if uid}
    top = max((uid for uid in taken if LOWEST_UID <= uid < END_OF_UIDS), default=LOWEST_UID - 1)
    every = itertools.chain(range(top + 1, END_OF_UIDS), range(LOWEST_UID, top))
    free = (uid for uid in every if uid not in taken)
    return {name: uid or next(free) for name, uid in coming.items()}


def _changes(name, wanted, uid, machine):
    """Return what separates an account from what pillar says, never a password."""
    there, changes = machine["accounts"].get(name), {}
    if there is None:
        changes = {"account": f"made with uid {uid}", "password": "set"}
        changes |= {"until": wanted["until"]} if wanted["until"] else {}
    else:
        wanted = {**wanted, "uid": wanted["uid"] or there["uid"], "groups": GROUP}
        found = {**there, "groups": ",".join(sorted(_groups_of(name, machine))) or "none"}
        for key in ("uid", "home", "shell", "groups"):
            if found[key] != wanted[key]:
                changes[key] = f"{wanted[key]} instead of {found[key]}"
        if machine["passwords"].get(name) != wanted["password"]:
            changes |= {"password": "changes"}
        last = machine["until"].get(name)
        if last != wanted["until"]:
            changes["until"] = f"{wanted['until'] or 'no end'} instead of {last or 'no end'}"
        # Where there is no other one, the password of the system is that of FTP.
        changes |= _lock(name, machine) if machine["apart"] else {}
    if machine["owners"].get(wanted["home"]) is None:
        changes["directory"] = f"{wanted['home']} made"
    return changes


def _left(name, machine):
    moved = _groups_of(name, machine) & {GROUP, LEFT} != {LEFT}
    return ({"account": "left over: opens nothing any more"} if moved else {}) | _lock(
        name, machine
    )


def _lock(name, machine):
    return {LOCKED: "locked"} if name in machine["unlocked"] else {}


def _groups_of(name, machine):
    return {group for group, members in machine["groups"].items() if name in members}


def _entry(state, home, uid, changes):
    return {"state": state, "home": home, "uid": uid, "changes": changes}
