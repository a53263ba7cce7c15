"""
Who may connect: the rules by which tcpserver admits clients.

The rules of NAME are two files in the directory that ``tcprules.dir`` of the minion configuration
names (default /etc/tcprules): ``NAME.rules`` is for people, ``NAME.cdb``, made of it by
``tcprules``, is what tcpserver reads at every connection.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess

from salt.exceptions import CommandExecutionError, SaltInvocationError

# tcprules takes 0.3 s for a million lines; the one of ucspi-tcp-ipv6 loops for ever on some.
_TIME_LIMIT = 60

# Ends a .rules file: a digest of the settings, and one of the text before it and of the cdb.
_SEAL = "# sealed by Salt: "

# Raise this when the same settings come to make another text.
_RENDERING = 1


def settings(name, settings, pillar=None):
    """
    Check the settings of a rule set and fill in the defaults.

    name
        The name of the rule set.

    settings
        A mapping of ``state``, ``sites``, ``default``, ``admits`` and ``expect``; docs/rules.md
        describes them.

    pillar
        The pillar path with which errors begin; default: the name.

    Returns a new mapping with every setting in it. No file is read, not even one that a site
    names.

    Raises SaltInvocationError for the first setting that is wrong.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.settings ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    paths(name)
    return __salt__["ruleset.settings"](settings, pillar or name)


def paths(name):
    """
    Return the files of a rule set.

    name
        The name of a rule set, or the absolute path of either of its files.

    Returns ``(rules, cdb)``, two paths.

    Raises SaltInvocationError for a name that is neither.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.paths ftp
    """
    if re.fullmatch(r"/[^\n\0]+\.(rules|cdb)", str(name)):
        stem = name.rpartition(".")[0]
    elif re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", str(name)):
        stem = os.path.join(directory(), str(name))
    else:
        raise SaltInvocationError(f"{name}: not a name for rules (letters, digits, - and _)")
    return f"{stem}.rules", f"{stem}.cdb"


def directory():
    """
    Return the directory of the rules: ``tcprules.dir`` of the minion configuration.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.directory
    """
    return __salt__["config.get"]("tcprules.dir", "/etc/tcprules")


def render(name, settings, pillar=None):
    """
    Return the text of the ``.rules`` file that settings make, without writing anything.

    name, settings, pillar
        As for ``tcprules.settings``.

    Raises SaltInvocationError for the first setting or address that is wrong.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.render ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    pillar = pillar or name
    checked = __salt__["ruleset.settings"](settings, pillar)
    groups = __salt__["ruleset.groups"](checked, _lists(checked, pillar), pillar)
    return __salt__["ruleset.text"](name, groups, checked["default"], pillar)


def plan(name, settings, pillar=None):
    """
    Return what has to be written to make the files of a rule set equal to its settings.

    name, settings, pillar
        As for ``tcprules.settings``.

    Returns a mapping. Its ``changes`` are empty where both files are as they should be, else they
    tell whose verdict changes; the rest is for ``tcprules.install``.

    Raises SaltInvocationError for the first setting or address that is wrong, and
    CommandExecutionError where an address under ``expect`` would get the other verdict.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.plan ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    pillar = pillar or name
    rules, cdb = paths(name)
    checked = __salt__["ruleset.settings"](settings, pillar)
    lists = _lists(checked, pillar)
    inputs = _inputs([_RENDERING, name, pillar, checked], lists)
    seal, old = _sealed(rules, cdb)
    if seal == inputs and _readable(rules) and _readable(cdb):
        return {"changes": {}}
    groups = __salt__["ruleset.groups"](checked, lists, pillar)
    _check_expected(checked, groups, pillar)
    text = __salt__["ruleset.text"](name, groups, checked["default"], pillar)
    if old is None:
        changes = __salt__["ruleset.outline"](groups)
    else:
        changes = __salt__["verdicts.difference"](old, text)
    return {
        "changes": changes or {os.path.basename(rules): "written again; no verdict changes"},
        "text": text,
        "inputs": inputs,
        "expect": checked["expect"],
    }


def install(name, plan):
    """
    Write the files that a plan wants.

    name
        The rule set.

    plan
        What ``tcprules.plan`` returned.

    Both files are written and tried beside the old ones before they replace them, the text first:
    whoever is killed between the two leaves the old cdb in force and a newer text beside it, which
    the next run, or ``make``, compiles.

    Raises CommandExecutionError, or OSError, with the old rules still in force.

    CLI Example: none, a plan is made for the state ``tcprules.managed``.
    """
    rules, cdb = paths(name)
    os.makedirs(os.path.dirname(cdb), mode=0o755, exist_ok=True)
    text = plan["text"].encode()
    try:
        _write(f"{rules}.new", text)
        _compile(f"{rules}.new", f"{cdb}.new")
        _try_expected(name, f"{cdb}.new", plan["expect"])
        seal = f"{_SEAL}{plan['inputs']} {_content(text, f'{cdb}.new')}\n"
        _write(f"{rules}.new", text + seal.encode())
        os.utime(f"{cdb}.new")
        os.replace(f"{rules}.new", rules)
        os.replace(f"{cdb}.new", cdb)
    finally:
        _remove(f"{rules}.new", f"{cdb}.new", f"{cdb}.new.tmp")
    _sync(os.path.dirname(cdb))


def remove(name):
    """
    Remove both files of a rule set; tcpserver then drops every connection that needs them.

    name
        The rule set.

    Returns the paths that were removed.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.remove ftp
    """
    return _remove(*paths(name))


def present(name):
    """
    Return which of the two files of a rule set exist.

    name
        The rule set.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.present ftp
    """
    return [path for path in paths(name) if os.path.lexists(path)]


def check(name, ip, host=None, info=None):
    """
    Return whether an address may connect, and by which rule of which site.

    name
        The rule set, or the absolute path of its ``.cdb`` or ``.rules`` file.

    ip
        The client's IPv4 address.

    host, info
        The client's name and what its ident server says, where tcpserver looks them up.

    Returns a mapping of ``verdict``, ``rule``, ``site`` and ``env``. The cdb decides, as it does
    for tcpserver; the site is the nearest comment above the rule in the ``.rules`` file.

    Raises CommandExecutionError where there is no cdb to ask.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.check ftp 9.9.9.9
    """
    rules, cdb = paths(name)
    if not isinstance(ip, str) or "/" in ip or "-" in ip:
        raise SaltInvocationError(f"{ip}: expected one address")
    __salt__["cidr.blocks"]([ip])
    try:
        found = __salt__["tcpcdb.first"](cdb, _keys(ip, host, info))
    except FileNotFoundError:
        raise CommandExecutionError(f"{name}: {cdb} is missing, so tcpserver drops every client")
    if not found:
        return {"verdict": "allow", "rule": None, "site": None, "env": {}}
    key, data = found[0].decode(), found[1]
    verdict, env = __salt__["rulestext.meaning"](data)
    return {"verdict": verdict, **_source(rules, key), "env": env}


def _keys(ip, host, info):
    """The keys that tcpserver tries, in its order (rules.c)."""
    octets = ip.split(".")
    keys = [ip, *(".".join(octets[:length]) + "." for length in (3, 2, 1))]
    if host is not None:
        labels = host.split(".")
        keys.insert(1, f"={host}")
        keys += [f"=.{'.'.join(labels[start:])}" for start in range(1, len(labels))] + ["="]
    if info is not None:
        keys[:0] = [f"{info}@{ip}"] + ([f"{info}@={host}"] if host is not None else [])
    return [*keys, ""]


def _source(rules, key):
    """The line of a .rules file that made a key, and its site."""
    try:
        with open(rules, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return {"rule": key, "site": None}
    wanted = re.compile(rb"^(?:%s|[0-9.]*-[0-9.]*):.*$" % re.escape(key.encode()), re.M)
    for line in wanted.finditer(text):
        if key.encode() in __salt__["rulestext.keys"](line[0].partition(b":")[0]):
            above = text.rfind(b"\n#", 0, line.start())
            site = text[above + 2 : text.index(b"\n", above + 1)] if above >= 0 else b""
            return {"rule": line[0].decode(), "site": site.decode().strip() or None}
    return {"rule": key, "site": None}


def _lists(checked, pillar):
    """The content of every file that a site names."""
    return {
        file: _list(file, f"{pillar}:sites:{site}:{verdict}_from")
        for site, settings in checked["sites"].items()
        for verdict in ("allow", "deny")
        for file in settings[f"{verdict}_from"]
    }


def _list(file, pillar):
    local = __salt__["cp.cache_file"](file) if file.startswith("salt://") else file
    if not local or not os.path.isfile(local):
        raise SaltInvocationError(f"{pillar}: there is no file {file}")
    with open(local, "rb") as content:
        return content.read()


def _sealed(rules, cdb):
    """The digest of the settings behind two files, if whole; and the text in force, if any."""
    try:
        with open(rules, "rb") as file:
            text, _, seal = file.read().rpartition(_SEAL.encode())
        if seal.decode().split()[1:] == [_content(text, cdb)]:
            return seal.decode().split()[0], text.decode()
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    try:
        return None, "\n".join(dump(cdb))
    except (FileNotFoundError, CommandExecutionError):
        return None, None


def dump(name):
    """
    Return the records of a cdb as lines of a ``.rules`` file.

    name
        The rule set, or the absolute path of its ``.cdb`` file.

    Raises CommandExecutionError where the file is no cdb.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.dump ftp
    """
    return [
        f"{key.decode(errors='replace')}:"
        + __salt__["rulestext.action"](*__salt__["rulestext.meaning"](data))
        for key, data in __salt__["tcpcdb.records"](paths(name)[1])
    ]


def _content(text, cdb):
    digest = hashlib.sha256(text)
    with open(cdb, "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()[:32]


def _inputs(settings, lists):
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for file in sorted(lists):
        digest.update(hashlib.sha256(lists[file]).digest())
    return digest.hexdigest()[:32]


def _readable(path):
    """Whether the file has the owner and the mode with which we write it."""
    status = os.stat(path)
    return status.st_mode & 0o777 == 0o644 and status.st_uid == os.geteuid()


def _check_expected(checked, groups, pillar):
    for verdict, addresses in checked["expect"].items():
        for address in addresses:
            action, rule, site = __salt__["ruleset.decide"](groups, checked["default"], address)
            if not action.startswith(verdict):
                raise SaltInvocationError(
                    f"{pillar}:expect:{verdict}: {address} would get {rule}:{action}"
                    f" of site {site} (the old rules stand)"
                )


def _try_expected(name, cdb, expect):
    for verdict, addresses in expect.items():
        for address in addresses:
            _, data = __salt__["tcpcdb.first"](cdb, _keys(address, None, None))
            if __salt__["rulestext.meaning"](data)[0] != verdict:
                raise CommandExecutionError(
                    f"{name}: the new cdb does not {verdict} {address} (the old rules stand)"
                )


def _compile(rules, cdb):
    """Make a cdb, not yet in force, of a .rules file."""
    if shutil.which("tcprules"):
        _run_tcprules(rules, cdb)
    else:
        with open(rules, "rb") as text:
            __salt__["tcpcdb.write"](cdb, __salt__["rulestext.records"](text.read()))
    os.chmod(cdb, 0o644)


def _run_tcprules(rules, cdb):
    try:
        with open(rules, "rb") as text:
            done = subprocess.run(
                ["tcprules", cdb, f"{cdb}.tmp"],
                stdin=text,
                capture_output=True,
                timeout=_TIME_LIMIT,
            )
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{rules}: tcprules took more than {_TIME_LIMIT} s")
    if done.returncode:
        raise CommandExecutionError(f"{rules}: {done.stderr.decode(errors='replace').strip()}")


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())


def _sync(directory):
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(*files):
    present = [file for file in files if os.path.lexists(file)]
    for file in present:
        os.unlink(file)
    return present
