"""What the settings of `ftpgw:` in pillar must be before anything is touched."""

import difflib
import os
import re

import _files
from salt.exceptions import CommandExecutionError, SaltInvocationError

PILLAR = "ftpgw"
SETTINGS = (
    "accounts",
    "daemontools",
    "firewall",
    "login_group",
    "network",
    "nologin",
    "packages",
    "pam",
    "rules",
    "service_dir",
    "services",
    "shells",
)
MAPPINGS = ("accounts", "daemontools", "firewall", "network", "pam", "rules", "services")
# What the settings are that no module of their own checks.
TEXT, TEXTS = "text", "a list of text"
PLAIN = {
    "daemontools": {"hash": TEXT, "source": TEXT},
    "login_group": TEXT,
    "nologin": TEXT,
    "packages": TEXTS,
    "pam": {"file": TEXT, "lines": TEXTS},
    "service_dir": TEXT,
    "shells": TEXTS,
}
PROXY = "ftp-proxy"
ACCOUNT_SETTINGS = ("home", "password", "state", "uid")
ACCOUNT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
# crypt(5): "$prefix$options$salt$hash"; only base 64 characters, `.`, `/`, `,`, `=` and `$` occur.
CRYPT_HASH = re.compile(r"\$[0-9a-z]+\$[A-Za-z0-9./,=$-]{13,}")
LOWEST_UID = 1000


def problems(settings):
    """
    List what is wrong with the settings of this gateway, one line each.

    settings
        the merged settings, as settings.jinja makes them; accounts are read from pillar

    Returns a list of lines that begin with the pillar path. An empty list means that all is well.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.problems '{services: {}, rules: {}}'
    """
    declared = __pillar__.get(PILLAR, {})
    found = list(_shape(declared)) or list(_gateway(settings, declared))
    if found:
        return found
    checks = [(accounts, (declared.get("accounts") or {},))]
    for kind, check in (("services", "servicedir.settings"), ("rules", "tcprules.settings")):
        for name, given in settings[kind].items():
            path = f"{PILLAR}:{kind}:{name if name.isprintable() else repr(name)}"
            checks.append((__salt__[check], (name, given, path)))
    found = [problem for check, arguments in checks for problem in _refusal(check, arguments)]
    return found or list(_together(settings["services"], settings["rules"]))


def _shape(declared):
    """Unknown names and wrong types at the top, as they were typed in pillar."""
    if not isinstance(declared, dict):
        yield f"{PILLAR}: expected settings, got {declared!r}"
        return
    for key, value in declared.items():
        if key not in SETTINGS:
            yield f"{PILLAR}: unknown setting {key!r}{_hint(key, SETTINGS)}"
        elif key in MAPPINGS and value is not None and not isinstance(value, dict):
            yield f"{PILLAR}:{key}: expected a mapping of names to settings, got {value!r}"
        elif key in PLAIN and value is not None:
            yield from _plain(f"{PILLAR}:{key}", PLAIN[key], value)


def _plain(path, shape, value):
    if isinstance(shape, dict):
        for key, inner in value.items():
            if key in shape:
                yield from _plain(f"{path}:{key}", shape[key], inner)
            else:
                yield f"{path}: unknown setting {key!r}{_hint(key, tuple(shape))}"
    elif not _has_shape(shape, value):
        yield f"{path}: expected {shape}, got {value!r}"


def _has_shape(shape, value):
    if shape == TEXTS:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    return isinstance(value, str)


def _gateway(settings, declared):
    """What a gateway with a proxy needs: two networks, and a packet filter that sends to it."""
    for key in declared.get("firewall") or {}:
        if key != "manage":
            yield f"{PILLAR}:firewall: unknown setting {key!r}{_hint(key, ('manage',))}"
    proxy = settings["services"].get(PROXY)
    if not isinstance(proxy, dict) or proxy.get("state", "up") != "up":
        return
    manage, ways = settings["firewall"]["manage"], list(settings.get("filter", {}).get("ways", {}))
    if manage is not False and manage not in ways:
        known = " or ".join([*ways, "false"])
        yield f"{PILLAR}:firewall:manage: expected {known} on this system, got {manage!r}"
    # As it was typed: settings.jinja leaves out what no template could bear.
    network = {**settings["network"], **(declared.get("network") or {})}
    refused = _refusal(__salt__["gatewaynet.settings"], (network,))
    yield from refused or filter(None, [__salt__["gatewaynet.misplaced"](network)])


def _hint(word, known):
    close = difflib.get_close_matches(str(word), known, 1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(known)})"


def _refusal(check, arguments):
    try:
        check(*arguments)
    except SaltInvocationError as exc:
        return str(exc).splitlines()
    return []


def _together(services, rules):
    """What no entry can know alone: rule sets that services name, ports that two of them want."""
    listeners = {}
    for name, service in services.items():
        path, tcpserver = f"{PILLAR}:services:{name}:tcpserver", service.get("tcpserver") or {}
        if service.get("state", "up") != "up" or not tcpserver:
            continue
        named = tcpserver.get("rules")
        if named and not os.path.isabs(named) and named not in rules:
            yield f"{path}:rules: there is no {PILLAR}:rules:{named}{_hint(named, tuple(rules))}"
        listener = (str(tcpserver.get("address", 0)), str(tcpserver["port"]))
        if listener in listeners:
            yield f"{path}: {listeners[listener]} listens on {' port '.join(listener)} already"
        listeners[listener] = name


def accounts(declared):
    """
    Check the FTP accounts of pillar and fill in their defaults.

    declared
        NAME: {password: crypt hash, home: directory, uid: number, state: present or absent}

    Returns the checked accounts in the same shape. Raises SaltInvocationError with one line for
    every account that is wrong; a password never is part of it.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.accounts '{leaver: {state: absent}}'
    """
    checked, refused = {}, []
    for name, given in declared.items():
        try:
            checked[name] = _account(name, given)
        except SaltInvocationError as exc:
            refused.append(str(exc))
    if refused:
        raise SaltInvocationError("\n".join(refused))
    return checked


def _account(name, given):
    if not isinstance(name, str) or not ACCOUNT_NAME.fullmatch(name):
        raise SaltInvocationError(
            f"{PILLAR}:accounts: {name!r} is no account name (at most 32 letters, digits, _ . -)"
        )
    path = f"{PILLAR}:accounts:{name}"
    if not isinstance(given, dict):
        raise SaltInvocationError(f"{path}: expected settings such as password: HASH")
    for key in given:
        if key not in ACCOUNT_SETTINGS:
            raise SaltInvocationError(
                f"{path}: unknown setting {key!r}{_hint(key, ACCOUNT_SETTINGS)}"
            )
    account = {"state": "present", "home": f"/home/{name}", "uid": None, "password": None, **given}
    if account["state"] not in ("present", "absent"):
        raise SaltInvocationError(
            f"{path}:state: expected present or absent, got {account['state']!r}"
        )
    if account["state"] == "present":
        _check_password(f"{path}:password", account["password"])
        _check_home(f"{path}:home", account["home"])
        _check_uid(f"{path}:uid", account["uid"])
    return account


def _check_password(path, password):
    if password is None:
        raise SaltInvocationError(f"{path}: missing (make a hash with: openssl passwd -6)")
    if not isinstance(password, str) or not CRYPT_HASH.fullmatch(password):
        raise SaltInvocationError(f"{path}: not a crypt hash (make one with: openssl passwd -6)")


def _check_home(path, home):
    """A home becomes the `/` of its account: it must not show the system."""
    if not isinstance(home, str) or not re.fullmatch(r"(/[^/:\n\0]+){2,}", home):
        raise SaltInvocationError(
            f"{path}: expected a directory such as /home/partner, got {home!r}"
        )
    if {".", ".."} & set(home.split("/")):
        raise SaltInvocationError(f"{path}: {home!r} has '.' or '..' in it (write the plain path)")


def _check_uid(path, uid):
    if uid is not None and (type(uid) is not int or uid < LOWEST_UID):
        raise SaltInvocationError(f"{path}: expected a number from {LOWEST_UID}, got {uid!r}")


def neighbours(service_dir, services):
    """
    List the services in a scan directory that are not this gateway's.

    service_dir
        the directory that svscan watches
    services
        the names of this gateway's services

    Returns a list of names, empty where there are none or no such directory.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.neighbours /service '[open-ftpd, ftp-proxy]'
    """
    try:
        return sorted(set(os.listdir(service_dir)) - set(services))
    except FileNotFoundError:
        return []


def put(path, text, mode=None):
    """
    Replace a file at once: whoever is killed meanwhile leaves the old one or the new one.

    path
        where it shall be; directories that are missing are made, with permissions 0755
    text
        what it shall hold
    mode
        its permissions, a number; None leaves those, and the owner, of the file that is there,
        else 0644

    Raises CommandExecutionError where that is not possible.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.put /etc/motd 'A gateway.' mode=0644
    """
    try:
        _files.make_directory(os.path.dirname(path) or ".")
        _files.put(path, text, mode)
    except OSError as error:
        raise CommandExecutionError(f"{error.filename or path}: {error.strerror}")
