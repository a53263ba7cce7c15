"""The FTP gateway as pillar declares it: what its settings are, and what is wrong with them."""

import functools
import os
import pathlib
import sys

import _accounts
import _check
import _debs
import _files
import _filetree
import _gateway
import _gatewaynet
import _layers
import _rulefiles
import _sessionlog
import _sites
import _tls
import _userdb
import salt.utils.yaml
from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.utils.hashutils import get_hash

# The folders of the file server are named like these, with an underscore.
KINDS = ("modules", "states")
_ACCOUNTS = f"{_gateway.PILLAR}:accounts"


def settings(kind=None, name=None, saltenv=None, files=None):
    """
    Return the settings of this gateway: defaults, what its system needs, pillar.

    kind
        return only this part of them, for example ``services``

    name
        return only this entry of that part

    saltenv
        the environment of the file server that has the formula, ``base`` by default; in a run of
        states the first that names it has the settings worked out for all

    files
        ``{name: content}`` of the formula's own files of settings, where no file server has them:
        salt-ssh renders far from its target

    ``problems`` are those that let no state be applied, ``missing`` those of the proxy and the
    packet filter alone (see ``ftpgw.problems``).

    What is secret is not there: no account, and of no service its ``envdir``; states read these
    from pillar.  Where there are problems there are no services and no rules.

    Raises CommandExecutionError if the file server does not have the formula.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.settings services open-ftpd
    """
    found = _gateway_of(saltenv, files)["settings"]
    for key in (kind, name):
        found = found if key is None else found[key]
    return found


def problems(pillar=None, system=None, saltenv=None):
    """
    List all that is wrong with the settings of this gateway, or of a pillar file, one line each.

    pillar
        the path of a pillar file to judge instead of the pillar of this minion, without looking at
        what this machine has: its accounts, interfaces and addresses

    system
        for which system that file is, such as ``OpenBSD 7.6``; this one by default

    saltenv
        the environment of the file server that has the formula, ``base`` by default

    Returns a list of lines that begin with the pillar path; where it is not empty, the exit status
    is 1.  An interface or an address that this machine does not have keeps only the proxy and the
    packet filter from being applied, anything else all states.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.problems
        salt-call --local ftpgw.problems pillar=/srv/pillar/gw1.sls system='Debian 12'
    """
    if pillar is None:
        found = _gateway_of(saltenv)["problems"]
    else:
        content = __salt__["slsutil.renderer"](path=os.path.abspath(pillar))
        fetch = functools.partial(_file, saltenv=saltenv or "base")
        found = _judged(_fields(content), _system(system), fetch)["problems"]
    if found:
        __context__["retcode"] = 1
    return found


def accounts(clean=False):
    """
    Return what separates the FTP accounts of this machine from those that pillar declares.

    clean
        whether there shall be none any more

    Returns ``{accounts, files, groups, warnings}``.  Of each account: ``state`` (``present`` or
    ``absent``, as in pillar; ``left over``, which pillar names no more; ``stranger``, which is in
    our group and no FTP account), ``home``, ``uid``, and ``changes``, ``{what: how}``.  Of each
    file and each group: how it changes.  A password never is part of it.

    Raises SaltInvocationError with a line for everything that is wrong with the settings of this
    gateway.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.accounts
    """
    declared, system = _declared_accounts(clean)
    planned, groups = _accounts_plan(declared, system, clean)
    wanted = _userdb.files(declared, system)
    if clean:
        files = {path: "removed" for path in wanted if os.path.lexists(path)}
        groups = dict.fromkeys(groups, "removed")
    else:
        files = {path: "written" for path in wanted if not _userdb.is_written(path, *wanted[path])}
        groups = {} if _accounts.GROUP in groups else {_accounts.GROUP: "made"}
    told = [] if clean else list(_accounts.warnings(declared, planned, _ACCOUNTS))
    return {"accounts": planned, "files": files, "groups": groups, "warnings": told}


def apply_accounts(clean=False):
    """
    Make the FTP accounts of this machine those that pillar declares; homes always stay.

    clean
        whether there shall be none any more

    Returns True; ``ftpgw.accounts`` says what could not be done.  Raises SaltInvocationError as
    that does, and CommandExecutionError if a file or a password cannot be written.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.apply_accounts
    """
    declared, system = _declared_accounts(clean)
    planned, _ = _accounts_plan(declared, system, clean)
    try:
        if clean:
            _userdb.clean(planned, system["passwords"], _call)
        else:
            _userdb.apply(planned, declared, system, _call)
    except OSError as error:
        raise CommandExecutionError(f"{error.filename}: {error.strerror}")
    return True


def leftovers():
    """
    List the services and the rule sets that were made from this pillar and are named by it no more.

    Returns ``{services: [name], rules: [name]}``, both empty where all is as declared.  Raises
    SaltInvocationError if something is wrong with the settings of this gateway.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.leftovers
    """
    gateway = _gateway_of(None)
    _check.refuse_all(gateway["settings"]["problems"])
    services = __salt__["config.get"]("daemontools.definition_dir", "/var/svc.d")
    made = {
        "services": {name: _filetree.origin(path) for name, path in _inside(services)},
        "rules": {
            name.removesuffix(".rules"): _rulefiles.declared_at(path)
            for name, path in _inside(_rules_dir())
            if name.endswith(".rules") and os.path.isfile(path)
        },
    }
    return {
        kind: [
            name
            for name, path in sorted(found.items())
            if path == f"{_gateway.PILLAR}:{kind}:{name}" and name not in gateway["settings"][kind]
        ]
        for kind, found in made.items()
    }


def transfers(account=None, since="1d"):
    """
    List the uploads and downloads of the FTP server, from its log.

    account
        of this one alone

    since
        no older than ``1h`` or ``2026-11-23T12:00``

    Returns a list of ``{time, account, address, what, file, bytes, seconds, complete}``, the oldest
    first; ``--out=table`` shows it as a table.  Raises CommandExecutionError if the server, or what
    pillar runs in its place, keeps no such log.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.transfers account=partner since=1d
    """
    return _sessionlog.transfers(_server_log(since, _sessionlog.TRANSFERS), account)


def logins(since="1d"):
    """
    List who logged in to the FTP server, who failed to, and who was not even greeted.

    since
        no older than ``1h`` or ``2026-11-23T12:00``

    Returns a list of ``{time, account, address, result, reason}``, the oldest first.  The result is
    ``logged in``, ``failed`` (the reason is the ``password``, or that pillar, as it is now, has
    ``no account`` of that name) or ``denied`` (by the rules, for the ``address``).  Raises as
    ``ftpgw.transfers`` does.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.logins since=1h
    """
    fields = _fields(__pillar__)
    accounts = (fields.get("accounts") if isinstance(fields, dict) else None) or {}
    return _sessionlog.logins(_server_log(since, _sessionlog.LOGINS), accounts)


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


def unprovided(wanted):
    """
    List the packages to install so that what others depend on is not brought by their choice.

    wanted
        ``{what must be provided: the package that shall do it}``

    Returns a list of names, empty where something provides all of it or nothing is wanted.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.unprovided '{system-log-daemon: rsyslog}'
    """
    return _debs.unprovided(wanted) if wanted else []


def interrupted():
    """
    Return whether dpkg was cut short on this machine, by a kill or an outage.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.interrupted
    """
    return _debs.interrupted()


def orphans(packages):
    """
    List the packages that came along with others, and that nothing would need without these.

    packages
        the names of those that would go; ones that are not installed do not matter

    Returns a sorted list of names, without `packages`; only Debian knows any.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.orphans '[inetutils-ftpd]'
    """
    if __grains__["os_family"] != "Debian":
        return []
    there = sorted(set(packages) & __salt__["pkg.list_pkgs"]().keys())
    alone, with_them = (
        _debs.removed(__salt__["cmd.run_stdout"](["apt-get", "-s", *words], python_shell=False))
        for words in (["autoremove"], ["remove", "--auto-remove", *there])
    )
    return sorted(with_them - alone - set(packages))


def sync(saltenv=None, new=()):
    """
    Sync custom modules and states before states are rendered, but only where one differs.

    saltenv
        the environment of the file server that has them, ``base`` by default; in a run of states
        the first that names it syncs for all

    new
        what has just been synced by other means

    Salt syncs them when a minion starts and before a highstate, not before ``state.apply SLS``; and
    its own function throws away what Python has compiled.

    Returns a list of what is new, such as ``modules.daemontools``.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.sync
    """
    run = _run()
    if saltenv is None or "new" not in run:
        served = __salt__["cp.list_master"](saltenv or "base", prefix="_")
        came = [name for kind in KINDS for name in _sync(kind, served, saltenv or "base")]
        if came:
            _forget()
        run["new"] = [*new, *came]
    return run["new"]


def put(path, text, mode=None):
    """
    Replace a file at once, or make it, whatever the umask of the caller is.

    path
        the file; directories that are missing are made, with permissions 0755, and a link is
        replaced, not followed

    text
        its new contents

    mode
        its permissions as a number; by default those of the file that is there, or 0644

    Returns True.  Raises CommandExecutionError where that is not possible; the old file stands.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.put /etc/motd 'A gateway.' mode=0644
    """
    try:
        _files.make_directory(os.path.dirname(path))
        _files.put(path, text, mode)
    except OSError as error:
        raise CommandExecutionError(f"{error.filename or path}: {error.strerror}")
    return True


def _gateway_of(saltenv, files=None):
    """Return the settings and problems of this gateway; in a run of states they are made once."""
    run = _run()
    if "gateway" in run:
        return run["gateway"]
    fetch = files.__getitem__ if files else functools.partial(_file, saltenv=saltenv or "base")
    made = _judged(_fields(__pillar__), __grains__, fetch, here=True)
    if saltenv:
        run["gateway"] = made
    return made


def _server_log(since, grep):
    """Return lines of the log of the FTP server, if it is one that tells there what is asked."""
    settings = _gateway_of(None)["settings"]
    name, servers = settings["server"], settings["servers"]
    telling = [server for server, entry in servers.items() if "log" in entry.get("can", ())]
    if name not in telling:
        known = f"{_gateway.PILLAR}:server: {' or '.join(telling)}" if telling else "no server here"
        raise CommandExecutionError(
            f"{_gateway.SERVER}: {name} tells the system log alone who logs in and what is "
            f"transferred ({known} tells multilog)"
        )
    return __salt__["daemontools.log"](_gateway.SERVER, lines=None, since=since, grep=grep)


def _declared_accounts(clean):
    """Return the accounts of pillar, and what the system says of how accounts are kept."""
    gateway = _gateway_of(None)
    _check.refuse_all(gateway["settings"]["problems"])
    declared = _accounts.checked(_fields(__pillar__).get("accounts") or {}, _ACCOUNTS)
    if clean:
        declared = {name: {**account, "state": "absent"} for name, account in declared.items()}
    settings, kernel = gateway["settings"], __grains__["kernel"]
    return declared, {
        "kernel": kernel,
        "leftovers": "remove" if clean else settings["leftovers"],
        "passwords": settings["passwords"],
        "shell": settings["nologin"],
    }


def _accounts_plan(declared, system, clean):
    """Return the plan, and which of our groups are there."""
    machine = _userdb.read(declared)
    if not clean:
        _check.refuse_all(_accounts.misfits(declared, machine, _ACCOUNTS))
    ours = {*declared, *_accounts.marked(machine)} & machine["accounts"].keys()
    machine |= _userdb.passwords(ours, system["passwords"], __salt__["shadow.info"])
    remove = system["leftovers"] == "remove"
    planned = _accounts.plan(declared, machine, system["shell"], remove)
    groups = [group for group in (_accounts.GROUP, _accounts.LEFT) if group in machine["groups"]]
    return planned, groups


def _call(name, *arguments, **settings):
    return __salt__[name](*arguments, **settings)


def _run():
    """Return what is known in this run of states alone, each of which has a pillar of its own."""
    pillar = getattr(__pillar__, "value", lambda: __pillar__)()
    run = __context__.get("ftpgw")
    if run is None or run["pillar"] is not pillar:
        run = __context__["ftpgw"] = {"pillar": pillar}
    return run


def _fields(pillar):
    return pillar.get(_gateway.PILLAR)


def _system(system):
    """Return the grains that a text such as ``OpenBSD 7.6`` is short for."""
    if system is None:
        return __grains__
    family, _, release = str(system).partition(" ")
    return {"os_family": family, "osrelease": release}


def _judged(declared, system, fetch, here=False):
    fields = declared if isinstance(declared, dict) else {}
    family = "bsd" if "BSD" in system["os_family"] else "linux"
    needed = _needed(fields, system, fetch, f"platforms/{family}")
    below = _layers.merged([_gateway.DEFAULTS, needed])
    merged = _layers.with_pillar(below, fields)
    found = _gateway.problems(declared, merged, _judge_rules, _log_dir())
    missing, warnings = [], []
    if here and not found and _gateway.is_proxied(merged):
        found, missing = _sides(merged["network"])
    if here and not found:
        found, warnings = _warnings(fields, merged)
    if here:
        found += _misfits(fields.get("accounts") or {})
    settings = _gateway.rendered(below if found else merged, found, warnings)
    return {"problems": found + missing, "settings": {**settings, "missing": missing}}


def _needed(fields, system, fetch, platform):
    """Return the settings of a system and of the FTP server that is wanted, else of its first."""
    facts = _gateway.facts(fields)
    rows = _layers.rows(fetch(platform), system, facts)
    needed = _layers.merged([fetch("defaults"), *rows])
    servers = {
        name: _layers.merged(_layers.rows(fetch(f"servers/{name}"), system, facts))
        for name in needed.get("servers", ())
    }
    wanted = [name for name in servers if name == fields.get("server")]
    server = next(iter([*wanted, *servers]), "")
    needed = _layers.added(needed, servers.get(server, {}))
    needed |= {"server": server, "servers": servers}
    return _layers.filled(needed, _gateway.known_texts(fields))


def _warnings(fields, merged):
    """Return what is wrong with the certificate, and what is not wrong, but should not stay."""
    found, warnings = [], []
    if merged.get("tls"):
        path = f"{_gateway.PILLAR}:tls"
        found, warnings = _tls.judged(merged["tls"], path, __salt__["pillar.get"])
    bypassed = _gateway.bypass(fields, merged["servers"].get(merged["server"], {}))
    return found, [*warnings, *filter(None, [bypassed])]


def _judge_rules(name, given, path):
    """Return all that is wrong with a rule set; one that is sealed has been judged before."""
    found = _sites.problems(given, path)
    if found or _sites.checked(given, path)["state"] == "absent":
        return found
    try:
        _rulefiles.plan(name, given, path, _rules_dir(), __salt__["cp.cache_file"])
    except (SaltInvocationError, CommandExecutionError) as error:
        return str(error).splitlines()
    return []


def _sides(network):
    """Return what is wrong with the place of the gateway between its networks, and what misses."""
    path = f"{_gateway.PILLAR}:network"
    # Grains are as old as the minion: enough to say yes, but only the machine itself may say no.
    here = __grains__.get("ip4_interfaces", {})
    if _gatewaynet.misplaced(network, here, path) or _gatewaynet.missing(network, here, path):
        here = {
            name: [entry.get("address") for entry in interface.get("inet", [])]
            for name, interface in __salt__["network.interfaces"]().items()
        }
    return _gatewaynet.misplaced(network, here, path), _gatewaynet.missing(network, here, path)


def _misfits(given):
    """Return which accounts of a pillar this machine cannot have."""
    if _accounts.problems(given, _ACCOUNTS):
        return []
    declared = _accounts.checked(given, _ACCOUNTS)
    return list(_accounts.misfits(declared, _userdb.read(declared), _ACCOUNTS))


def _inside(folder):
    """Return the names in a directory, and their paths."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [(name, os.path.join(folder, name)) for name in names]


def _rules_dir():
    return __salt__["config.get"]("tcprules.dir", "/etc/tcprules")


def _log_dir():
    return __salt__["config.get"]("daemontools.log_dir", "/var/multilog")


def _file(name, saltenv):
    """Return what one of the formula's own files of settings holds."""
    served = f"salt://ftpgw/{name}.yaml"
    file = __salt__["cp.cache_file"](served, saltenv)
    if not file:
        raise CommandExecutionError(f"ftpgw: the file server does not have {served}")
    return salt.utils.yaml.safe_load(pathlib.Path(file).read_text(encoding="utf-8"))


def _sync(kind, served, saltenv):
    there, here = f"_{kind}/", pathlib.Path(__opts__["extension_modules"], kind)
    wanted = {p.removeprefix(there) for p in served if p.startswith(there) and p.endswith(".py")}
    found = {str(path.relative_to(here)) for path in here.rglob("*.py")}
    if wanted == found and all(_same(f"salt://{there}{p}", here / p, saltenv) for p in wanted):
        return []
    return __salt__[f"saltutil.sync_{kind}"](saltenv, refresh=False)


def _same(served, file, saltenv):
    known = __salt__["cp.hash_file"](served, saltenv)
    return bool(known) and get_hash(str(file), known["hash_type"]) == known["hsum"]


def _forget():
    """
    Let this very run use what has come, of which the old is in memory.

    Every private noun goes, not only those that differ: one that imports another has the old one.
    """
    folder = os.path.join(__opts__["extension_modules"], "")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.startswith("_") and file.startswith(folder):
            del sys.modules[name]
    # What calls this module, and what it calls, are two loaders in some releases of Salt.
    for loader in (__salt__.loader(), __salt__.value()):
        loader.clear()
