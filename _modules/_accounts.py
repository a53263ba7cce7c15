"""The FTP accounts that pillar declares: what each may be, and who may not be one."""

import re

import _check
from _check import Setting, choice, kind, number, table, word

# A number below is the system's own.
LOWEST_UID = 1000
# crypt(5): "$prefix$options$salt$hash"; only base 64 characters, `.`, `/`, `,`, `=` and `$` occur.
_CRYPT_HASH = re.compile(r"\$[0-9a-z]+\$[A-Za-z0-9./,=$-]{13,}")
_HOME = r"(/[^/:\n\0]+){2,}"
# Of the system on every machine, whatever their numbers are, or names that FTP has for anybody.
_RESERVED = ("anonymous", "ftp", "nobody", "root")

NAME = word("[A-Za-z_][A-Za-z0-9_.-]{0,31}", "an account name (at most 32 letters, digits, _ . -)")


def _is_home(value):
    """Tell whether a directory may become the `/` of an account: it must not show the system."""
    plain = isinstance(value, str) and re.fullmatch(_HOME, value)
    return bool(plain) and not {".", ".."} & set(value.split("/"))


ACCOUNT = table(
    {
        "state": Setting(
            choice("present", "absent"), "absent ends its sessions and removes it", "present"
        ),
        "password": Setting(
            kind(
                "a crypt hash (make one with: openssl passwd -6)",
                lambda value: isinstance(value, str) and bool(_CRYPT_HASH.fullmatch(value)),
                {"type": "string", "pattern": f"^{_CRYPT_HASH.pattern}$"},
                secret=True,
            ),
            "a crypt hash: `openssl passwd -6` makes one; needed unless it is absent",
        ),
        "home": Setting(
            kind(
                "a directory such as /home/partner, without '.' or '..'",
                _is_home,
                {"type": "string", "pattern": f"^{_HOME}$"},
            ),
            "the directory that becomes its `/`; by default /home/NAME",
        ),
        "uid": Setting(number(LOWEST_UID), "its number; by default the next one that is free"),
    },
    "settings such as password: HASH",
)


def problems(accounts, path):
    """Return a line for all that is wrong with the accounts of a pillar; none shows a password."""
    if not isinstance(accounts, dict):
        got = _check.got(accounts, secret=True)
        return [f"{path}: expected a mapping of accounts to settings, got {got}"]
    return [line for name, given in accounts.items() for line in _problems(name, given, path)]


def checked(accounts, path):
    """Return the accounts of a pillar with the defaults filled in; raises for what is wrong."""
    _check.refuse_all(problems(accounts, path))
    return {name: _complete(name, given) for name, given in accounts.items()}


def _problems(name, given, path):
    found = _check.problems(NAME, name, path)
    if not found and name in _RESERVED:
        found = [f"{path}:{name}: this name is not for an FTP account (choose another one)"]
    found += [] if found else _check.problems(ACCOUNT, given, f"{path}:{name}")
    if not found and given.get("state") != "absent" and "password" not in given:
        found = [f"{path}:{name}:password: missing (make a hash with: openssl passwd -6)"]
    return found


def _complete(name, given):
    return {"home": f"/home/{name}", "uid": None, "password": None, **ACCOUNT.read(given)}
