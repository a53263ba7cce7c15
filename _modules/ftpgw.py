"""The FTP gateway as pillar declares it: what its settings are, and what is wrong with them."""

import contextlib
import functools
import getpass
import hashlib
import heapq
import itertools
import json
import logging
import operator
import os
import pathlib
import re
import sys
import time

import _access
import _accounts
import _addresslist
import _bans
import _check
import _cidr
import _debs
import _figures
import _files
import _filetree
import _gateway
import _gatewaynet
import _hash
import _health
import _inforce
import _journal
import _layers
import _limits
import _lookups
import _metrics
import _multilog
import _ownfiles
import _quota
import _rulefiles
import _servicehealth
import _sessionlog
import _sessions
import _sites
import _sysctld
import _tcpserver
import _tls
import _userdb
import _verdicts
import _version
import _why
import salt.utils.data
import salt.utils.yaml
from salt.exceptions import CommandExecutionError, SaltInvocationError, SaltRenderError
from salt.utils.hashutils import get_hash

__func_alias__ = {"filter_": "filter"}

# The folders of the file server are named like these, with an underscore.
KINDS = ("beacons", "modules", "states")
# So many addresses are told of.
_MOST = 20
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

    Raises CommandExecutionError if the file server does not have the formula, and
    SaltInvocationError if there is no such part.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.settings services open-ftpd
    """
    fetch = functools.partial(map, files.get) if files else _served(saltenv)
    found = _gateway_of(fetch, saltenv)["settings"]
    for key in (kind, name):
        found = found if key is None else _part(found, key)
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
    packet filter from being applied, anything else all states.  Raises CommandExecutionError for a
    pillar file that is not there, or that cannot be rendered, and SaltInvocationError for a system
    that the formula does not know.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.problems
        salt-call --local ftpgw.problems pillar=/srv/pillar/gw1.sls system='Debian 12'
    """
    if pillar is None:
        found = _gateway_of(_served(saltenv))["problems"]
    else:
        fields, fetch = _fields(_rendered(str(pillar))), _served(saltenv)
        found = _judged(fields, _system(system, fetch), fetch)["problems"]
    if found:
        __context__["retcode"] = 1
    return found


def health(greeting=True):
    """
    Return what is wrong with this gateway, each with what to type, and what its services do.

    greeting
        whether each service is asked for its greeting, as a client would be told it

    Returns a mapping.  ``problems`` is a list of lines, empty where all is well; where it is not,
    the exit status is 1.  ``notes`` are no trouble: what ``tcprules.deny`` and ``tcprules.revert``
    hold against pillar, lists of sites that have ended, and a pillar that is not the one of the
    last run of states.  ``version`` is that of the formula.  ``services`` has of each service that
    is meant to be up its ``state``, for how many ``seconds``, how many ``clients`` it serves of how
    many at most (``limit``), how often it ``starts`` in the last hour, and of its log the
    ``log_age``, in seconds, ``log_size`` and ``log_free``, in bytes; None is not known.

    It is held against pillar: services, loggers, rules and what they expect, accounts, the packet
    filter, the passive ports, inetd, sshd, and what pillar names no more.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.health
        salt-call --local ftpgw.health greeting=False --out=json
    """
    with _known_gateway(_gateway_or_why) as gateway:
        if gateway["settings"]["problems"]:
            # Nobody knows what it shall be, but what is wrong with its services can be told.
            lines = _health.asked("services", lambda: __salt__["daemontools.problems"]())
            found = {"problems": lines, "notes": [], "services": {}}
        else:
            found = _health.look(_with_secrets(gateway["settings"]), _call, greeting)
            found["notes"] += _strange_pillar(gateway["settings"]["digest"])
    found["problems"] = gateway["problems"] + found["problems"]
    found["version"] = _version.VERSION
    # Also where what was asked has set it.
    __context__["retcode"] = 1 if found["problems"] else 0
    return found


def version():
    """
    Tell which version of the formula the modules of this minion are.

    Returns text, such as ``1.0.0`` (semver.org); before a release, ``1.0.0-dev``.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.version
    """
    return _version.VERSION


def accounts(since="30d"):
    """
    List the FTP accounts of this gateway, and what each may do.

    since
        how far back the log is read for who logged in: ``7d``, or ``2026-11-23T12:00``

    Returns a mapping by name: ``state`` (``present``, ``not made yet``, ``ended``, ``absent`` and
    still there, or ``left over``, which opens nothing), ``from`` which sites, ``until`` when and
    what ``only`` it may, how many sessions it may have at the ``most``, its ``home`` and ``uid``,
    the kind of its ``hash``, how much is ``used`` (``1.4G of 2G`` with a quota; where no quota
    knows it, it is counted, of at most 200000 files in all, and then ``more than`` is said), how
    many ``sessions`` it has now, and its ``last_login``, None if there was none; where nothing
    tells who logs in (``ftpgw.logins``), that is not there.

    Raises SaltInvocationError if something is wrong with the settings of this gateway, and
    CommandExecutionError where it cannot be told who is connected.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.accounts
        salt gw1 ftpgw.accounts since=7d
    """
    with _known_gateway(_gateway_of):
        declared, system = _declared_accounts(False)
        planned, machine = _accounts_plan(declared, system, False)
        told = _accounts.described(planned, declared, machine)
        connected = [session["account"] for session in _connected(None)]
        used = _quota.used(told)
        for name, entry in told.items():
            entry |= {"used": used[name], "sessions": connected.count(name)}
        try:
            records = logins(since)
        except CommandExecutionError:
            return told
    last = {
        record["account"]: f"{record['time']} from {record['address']}"
        for record in records
        if record["result"] == "logged in"
    }
    for name, entry in told.items():
        entry["last_login"] = last.get(name)
    return told


def password(name):
    """
    Tell whether a password, read from standard input, is that of an FTP account.

    name
        the account

    Returns True, or False and with it the exit status 1.  The hash is the one that the server goes
    by now, whatever pillar says.  No argument and no log has the password.  Raises
    CommandExecutionError where there is no such account, nothing to be read, or no crypt(3) that
    knows the hash.

    CLI Example:

    .. code-block:: bash

        salt-call --local ftpgw.password partner < file
    """
    declared, system = _declared_accounts(False)
    hashed = _accounts_plan(declared, system, False)[1]["passwords"].get(name, "")
    if not hashed.startswith("$"):
        raise CommandExecutionError(f"{name}: no account of this gateway has this name")
    try:
        given = getpass.getpass().encode() if sys.stdin.isatty() else sys.stdin.buffer.readline()
    except (AttributeError, EOFError, OSError, ValueError):
        given = b""
    if not given:
        raise CommandExecutionError(
            "there is no password on standard input (on the gateway: salt-call ftpgw.password NAME)"
        )
    found = _hash.matches(given.rstrip(b"\r\n"), hashed)
    if not found:
        __context__["retcode"] = 1
    return found


def plan_accounts(clean=False):
    """
    Return what separates the FTP accounts of this machine from those that pillar declares.

    clean
        whether there shall be none any more

    Returns ``{accounts, files, groups, warnings, endings}``.  Of each account: ``state``
    (``present`` or ``absent``, as in pillar; ``left over``, which pillar names no more;
    ``stranger``, which is in our group and no FTP account), ``home``, ``uid``, and ``changes``,
    ``{what: how}``.  Of each file and each group: how it changes.  The endings are a line for each
    account that can log in no more, or soon.  A password never is part of it.

    Raises SaltInvocationError with a line for everything that is wrong with the settings of this
    gateway.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.plan_accounts
    """
    declared, system = _declared_accounts(clean)
    planned, machine = _accounts_plan(declared, system, clean)
    groups = [group for group in (_accounts.GROUP, _accounts.LEFT) if group in machine["groups"]]
    wanted = _userdb.files(declared, system)
    stale = dict.fromkeys(_userdb.stale(wanted, system), "removed")
    if clean:
        files = {path: "removed" for path in wanted if os.path.lexists(path)}
        groups = dict.fromkeys(groups, "removed")
    else:
        files = {path: "written" for path in wanted if not _userdb.is_written(path, *wanted[path])}
        groups = {} if _accounts.GROUP in groups else {_accounts.GROUP: "made"}
    told = [] if clean else list(_accounts.warnings(declared, planned, _ACCOUNTS))
    return {
        "accounts": planned,
        "files": files | stale,
        "groups": groups,
        "warnings": told,
        "endings": list(_accounts.endings(declared, _ACCOUNTS)),
    }


def apply_accounts(clean=False):
    """
    Make the FTP accounts of this machine those that pillar declares.

    clean
        whether there shall be none any more; homes stay then, whatever pillar says

    Returns True; ``ftpgw.plan_accounts`` says what could not be done.  Raises SaltInvocationError
    as that does, and CommandExecutionError if a file or a password cannot be written.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.apply_accounts
    """
    declared, system = _declared_accounts(clean)
    planned, _ = _accounts_plan(declared, system, clean)
    try:
        if clean:
            wanted = _userdb.files(declared, system)
            _userdb.clean(planned, [*wanted, *_userdb.stale(wanted, system)], _call)
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
    gateway = _gateway_of()
    _check.refuse_all(gateway["settings"]["problems"])
    services = _definitions()
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


def sessions(who=None):
    """
    List who is connected to the services of this gateway, the oldest session first.

    who
        only those of this address, network, site or account

    Returns a list of mappings: ``service``, ``address``, the ``site`` whose rule admits it now,
    ``account`` (None before the log-in, and of a proxied session), ``since``, ``seconds``, ``pid``,
    and ``does``, what its process tells of itself.  Sessions outlive a restart of their service.

    Raises CommandExecutionError where connections cannot be seen.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.sessions
        salt gw1 ftpgw.sessions acme
    """
    return [_sessions.shown(session) for session in _connected(who)]


def end(who):
    """
    End the sessions of an address, a network, a site or an account.

    who
        such as ``9.9.9.9``, ``9.9.9.0/24``, ``acme`` or ``partner``

    Whoever the rules admit may connect again at once.  Returns those of `sessions` that are ended.
    Raises CommandExecutionError where there are none, or one does not end by KILL.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.end 9.9.9.9
    """
    found = _connected(str(who))
    if not found:
        raise CommandExecutionError(f"{who}: nobody of that address, site or account is connected")
    ended = _sessions.end(found)
    left = [session["pid"] for session in found if session not in ended]
    if left:
        raise CommandExecutionError(f"{who}: not ended, not even by KILL: {left}")
    return [_sessions.shown(session) for session in ended]


def figures(service=None, since="1d", by="site"):
    """
    Count who was let in and who was refused, by the logs of the services under tcpserver.

    service
        only this one, otherwise all that have a log

    since
        a time such as ``2026-11-23T12:00``, or so long ago as ``30m``, ``1h``, ``2d``

    by
        ``site`` or ``rule``, as the rules in force now have them, ``hour`` or ``address``

    Returns of each service: ``admitted`` and ``refused``, both together and ``by`` (the 100 most
    frequent); ``places``, how many may be there at once; ``peak``, how many were at most, and when;
    ``full``, how often the last place was taken; and ``ends``, with what the sessions ended.

    Raises SaltInvocationError for a wrong argument, and CommandExecutionError where a log cannot be
    read.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.figures since=1h
        salt gw1 ftpgw.figures open-ftpd since=7d by=address
    """
    if by not in [*_figures.BY]:
        raise SaltInvocationError(f"by: expected {', '.join(_figures.BY)}, got {_check.got(by)}")
    start = _multilog.moment(since)
    scripts = _tcpserver.scripts(_definitions())
    known = sorted(_tcpserver.ports(scripts))
    if service is not None and service not in known:
        name = service if isinstance(service, str) and service.isprintable() else repr(service)
        told = f"{name}: no such service under tcpserver{_check.hint(name, known)}"
        raise CommandExecutionError(told)
    names = _logged(scripts) if service is None else [service]
    counted = {}
    for name in names:
        try:
            key = _figures.BY[by](_decider(scripts.get(name, "")))
            counted[name] = _figures.summed(_figures.read(_log_of(name), start, key))
        except (OSError, CommandExecutionError) as error:
            raise CommandExecutionError(f"{name}: {_rulefiles.said(error)}")
    return counted


def transfers(account=None, since="1d"):
    """
    List the uploads and downloads of the FTP server, from its log or what it tells the journal.

    account
        of this one alone

    since
        no older than ``1h`` or ``2026-11-23T12:00``

    Returns a list of ``{time, account, address, what, file, bytes, seconds, complete}``, the oldest
    first; ``--out=table`` shows it as a table.  ``seconds`` and ``complete`` are None where the
    server does not tell.  Raises CommandExecutionError if the server, or what pillar runs in its
    place, keeps no such log, or the journal has none.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.transfers account=partner since=1d
    """
    return _sessionlog.transfers(*_server_log(since, _sessionlog.TRANSFERS), account)


def logins(since="1d"):
    """
    List who logged in to the FTP server, who failed to, and who was not even greeted.

    since
        no older than ``1h`` or ``2026-11-23T12:00``

    Returns a list of ``{time, account, address, result, reason}``, the oldest first.  The result is
    ``logged in``, ``failed`` (the reason is the ``password``, or, by pillar and the rules as they
    are now, that there is ``no account`` of that name, that it has ``ended``, or may not come from
    that ``site``) or ``denied`` (by the rules, for the ``address``).  Raises as ``ftpgw.transfers``
    does.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.logins since=1h
    """
    fields = _fields(__pillar__)
    accounts = (fields.get("accounts") if isinstance(fields, dict) else None) or {}
    checked = _accounts.problems(accounts, _ACCOUNTS) or _accounts.checked(accounts, _ACCOUNTS)
    decide = _decider(_tcpserver.scripts(_definitions()).get(_gateway.SERVER, ""))

    def why(name, address):
        if name not in accounts:
            return "no account"
        # Where something is wrong with pillar, it is not known who may what.
        limits = checked[name] if isinstance(checked, dict) else {}
        return _accounts.barred(limits, lambda: decide(address)[1]) or "password"

    lines, told = _server_log(since, _sessionlog.LOGINS)
    return _sessionlog.logins(lines, why, told)


def overview(since="1d"):
    """
    Return what the page of a fleet shows of this gateway, for programs (``salt-run ftpgw.report``).

    since
        of how much of the logs connections are counted, such as ``1d``

    Returns a mapping: ``problems`` and ``services`` as of ``ftpgw.health``, without greetings;
    ``rules``, by rule set their ``digest`` and what they decide for which of its ``sites``;
    ``connections``, the ``hours``, a list of lists of the second in which one begins, how many were
    admitted and how many refused, and the most frequently ``refused`` addresses;  ``sessions``;
    ``certificate``, until when that of the server is valid, and ``run``, when states were applied
    last, in seconds since 1970. What is not known is None, and why is a problem.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.overview since=1h
    """
    start = _multilog.moment(since)
    with _known_gateway(_gateway_or_why):
        found = health(greeting=False)
        parts = {
            "rules": _meanings,
            "connections": functools.partial(_connections, start),
            "sessions": sessions,
            "certificate": lambda: certificate().get("until"),
            "run": _last_run,
        }
        for what, look in parts.items():
            found[what] = None
            found["problems"] += _health.asked(what, _noted, found, what, look)
    __context__["retcode"] = 0
    return found


def metrics(directory=None):
    """
    Return what this gateway does in the text format of Prometheus, or write it to a file.

    directory
        where ``ftpgw.prom`` is to be written; that of node_exporter's textfile collector

    Returns the text, or the path of the file. The setting ``metrics`` has a schedule do this each
    minute. Connections and starts are counted from the first time on, from what has come into the
    logs since the last one.

    Raises CommandExecutionError where a file cannot be written.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.metrics
        salt-call --local ftpgw.metrics /var/lib/prometheus/node-exporter
    """
    memory = os.path.join(__opts__["cachedir"], "ftpgw-metrics.json")
    before = _metrics.remembered(memory)
    with _known_gateway(_gateway_or_why) as gateway:
        known = health(greeting=False)
        known["bans"] = _ban_counts(gateway["settings"].get("filter", {}))
    known |= {"certificate": certificate().get("until"), "run": _last_run()}
    scripts = _tcpserver.scripts(_definitions())
    names, count = sorted(_tcpserver.ports(scripts)), functools.partial(_counted_between, scripts)
    if known["problems"] and not known["services"]:
        known["services"] = _running(names)
    after = _metrics.counted(before, names, time.time(), count)
    digest = functools.partial(_call, "tcprules.digest")
    cdbs = _rulefiles.cdbs(_rules_dir())
    after["digests"] = _metrics.digests(before.get("digests", {}), cdbs, digest)
    known["digests"] = {name: digest for name, (_, digest) in after["digests"].items()}
    text = _metrics.text(_metrics.samples(known, after))
    __context__["retcode"] = 0
    put(memory, json.dumps(after), "0600")
    if not directory:
        return text
    path = os.path.join(directory, "ftpgw.prom")
    put(path, text, "0644")
    return path


def _ban_counts(filter):
    """Return how many addresses each rule set bans; nothing where that cannot be known."""
    with contextlib.suppress(CommandExecutionError):
        return _bans.counts(filter["bans"]) if "bans" in filter else {}
    return {}


def certificate():
    """
    Tell until when the certificate of the FTP server is valid.

    Returns ``until``, in seconds since 1970, ``ends``, the same as text, and how many ``days`` are
    left; nothing where pillar has no ``tls``, or its certificate cannot be read.

    CLI Example:

    .. code-block:: bash

        salt '*' ftpgw.certificate
    """
    fields = _fields(__pillar__)
    tls = fields.get("tls") if isinstance(fields, dict) else None
    if not isinstance(tls, dict) or _check.problems(_tls.TLS, tls, ""):
        return {}
    until = _tls.ends(tls, _entry)
    if until is None:
        return {}
    days = int((until - time.time()) // 86400)
    return {"until": until, "ends": _multilog.said(until), "days": days}


def neighbours(service_dir, services):
    """
    List the services in a scan directory that are not this gateway's.

    service_dir
        the directory that svscan watches

    services
        the names of this gateway's services; those that pillar named before are its own too

    Returns a list of names, empty where there are none or no such directory.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.neighbours /service '[open-ftpd, ftp-proxy]'
    """
    ours = f"{_gateway.PILLAR}:services:"
    return sorted(
        name
        for name, path in _inside(service_dir)
        if name not in services and _filetree.origin(path) != f"{ours}{name}"
    )


def packages(wanted=(), provided=None):
    """
    Tell what Debian's dpkg lacks: Salt asks another program, which takes much longer.

    wanted
        the names of packages

    provided
        ``{what must be provided: the package that shall do it}``

    Returns ``{missing, unprovided, interrupted}``: those packages of which it is not plain that
    they are installed (on another system, all); the packages to install as well, so that what
    others depend on is not brought by their choice; and whether dpkg was cut short, by a kill or
    an outage.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.packages '[ucspi-tcp]' '{system-log-daemon: rsyslog}'
    """
    if __grains__["os_family"] != "Debian":
        return {"missing": list(wanted), "unprovided": [], "interrupted": False}
    return _debs.state(wanted, provided or {})


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
    # Perl, say, comes along and is suggested by a part of itself that every machine has.
    apt = ["apt-get", "-s", "-o", "APT::AutoRemove::SuggestsImportant=false"]
    alone, with_them = (
        _debs.removed(__salt__["cmd.run_stdout"]([*apt, *words], python_shell=False))
        for words in (["autoremove"], ["remove", "--auto-remove", *there])
    )
    return sorted(with_them - alone - set(packages))


def filter_(path, show):
    """
    Return what is known of a file of packet filter rules, and what the filter has in force.

    path
        the file

    show
        the command that prints what is in force, a list of words; or a list of several

    Returns ``text``, of the file; ``loaded``, what is in force now; ``remembered``, what was when
    the file had been loaded, None if that was another text; and ``memory``, ``{path: text}`` to be
    written once it has been loaded.  Raises CommandExecutionError where the command hangs.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.filter /etc/nftables.d/ftpgw.nft '[nft, -st, list, table, ip, ftpgw]'
    """
    return _inforce.read(path, show)


def banned(ask=True):
    """
    List the addresses that the packet filter bans, for whom `limits` of pillar have a `ban`.

    ask
        whether to ask the file server what this system has to list them; a beacon would wait for
        that forever, and so looks at nftables

    Returns a list of mappings: ``address``, the ``rules`` whose limits it has passed, and for how
    many ``seconds`` it is banned yet, None where somebody has banned it by hand and without an end;
    empty where nobody is.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.banned
    """
    command = _gateway_of()["settings"]["filter"].get("bans") if ask else _bans.COMMAND
    return _bans.read(command) if command else []


def unban(address):
    """
    End the ban of an address, and forget how often it came.

    address
        such as ``9.9.9.9``

    Returns the names of the rules by whose limits it was banned.  Raises CommandExecutionError
    where it is not banned, or still is.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.unban 9.9.9.9
    """
    with _known_gateway(_gateway_of) as gateway:
        bans = _bans_of(str(address))
        if not bans:
            raise CommandExecutionError(f"{address}: is not banned (ftpgw.banned)")
        for ban in bans:
            _bans.lift(gateway["settings"]["filter"]["unban"], ban)
        if _bans_of(str(address)):
            raise CommandExecutionError(f"{address}: is banned still, or again (ftpgw.banned)")
    return [ban["rules"] for ban in bans]


def _bans_of(address):
    return [ban for ban in banned() if ban["address"] == address]


def why(address, since="1d"):
    """
    Tell on one screen why an address gets in, or why not: the question of the telephone.

    address
        such as ``9.9.9.9``

    since
        how far back the logs are asked: ``30m``, ``2d``, or a time such as ``2026-11-23T12:00``

    Returns text about each service under tcpserver: whether the address would be served now, and
    by which rule of which site; what is held against the rules; how many connections it has of how
    many, whether it is banned, and whether a place is free; its sessions; the ports for passive
    data; its last log-in and the last that failed, as of ``ftpgw.logins``; and the last lines of
    the log about it.  Programs ask ``tcprules.check``, ``ftpgw.banned`` and
    ``ftpgw.sessions``.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.why 9.9.9.9
    """
    address = _cidr.address(_tcpserver.known(str(address)))
    with _known_gateway(_gateway_of) as gateway:
        known = {"settings": gateway["settings"], "sessions": None}
        with contextlib.suppress(CommandExecutionError):
            known["sessions"] = [_sessions.shown(session) for session in _connected(address)]
        known["records"] = __salt__["daemontools.show"]()
        known["bans"] = {ban["rules"]: ban for ban in _bans_of(address)}
        scripts = _tcpserver.scripts(_definitions())
        facts = {
            name: _facts(name, scripts[name], address, since, known)
            for name in sorted(_tcpserver.ports(scripts))
        }
    # What was asked has set it.
    __context__["retcode"] = 0
    return _why.text(address, facts)


def _facts(name, script, address, since, known):
    """Return what there is to say about an address and a service, as of `_why.text`."""
    cdb, record = dict(_tcpserver.told(script)[0]).get("-x"), known["records"].get(name, {})
    rules = os.path.basename(cdb or "").removesuffix(".cdb")
    answer, held = {"verdict": "allow", "rule": None, "site": "no rules"}, []
    if cdb:
        try:
            answer = __salt__["tcprules.check"](cdb, address)
        except CommandExecutionError as error:
            answer = {"verdict": "deny", "rule": None, "site": str(error)}
        try:
            held = list(_rulefiles.holding(rules, _rulefiles.held(cdb, _rules_dir())))
        except CommandExecutionError as error:
            held = [str(error)]
    settings, sessions = known["settings"], known["sessions"]
    mine = [session for session in sessions or () if session["service"] == name]
    limits, ports, told = settings["limited"].get(rules), "", []
    most = _why.most(limits, address) if limits else None
    if settings["problems"]:
        # What the filter keeps is of another pillar.
        most = False
    if name == _gateway.SERVER:
        ports = "-".join(map(str, _passive(settings)))
        told = _asked("log-ins: ", lambda: _why.logins(logins(since), address))
    pattern = _why.about(address)
    log = _asked("", lambda: __salt__["daemontools.log"](name, _why.LINES, since, pattern))
    return {
        **answer,
        "banned": known["bans"].get(rules),
        "clients": record.get("clients"),
        "connections": None if sessions is None else len(mine),
        "held": held,
        "log": log or [f"nothing about it since {since}"],
        "logins": told,
        "most": most,
        "places": record.get("limit"),
        "ports": ports,
        "problem": record.get("problem"),
        "sessions": mine,
    }


def _passive(settings):
    """Return the first and the last passive port of the server, which with TLS has half of them."""
    first, last = settings["network"]["passive_ports"]
    return first, int(settings["passive_kernel"][0]) - 1 if "passive_kernel" in settings else last


def _asked(what, question):
    """Return the lines of an answer, or why there is none."""
    try:
        return question()
    except CommandExecutionError as error:
        return [f"{what}{str(error).partition(': ')[2] or error}"]


def sysctl(name, file):
    """
    Return what a variable of the kernel is, and what it will be after a boot.

    name
        the variable

    file
        the file that shall set it

    Returns ``now`` and ``boot``, and ``by``, the file that has the last word at a boot; each is
    None where nobody says.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.sysctl net.ipv4.ip_local_port_range /etc/sysctl.d/zzz-ftpgw.conf
    """
    return _sysctld.read(name, file)


def sync(saltenv=None, new=()):
    """
    Sync custom modules, states and beacons before states are rendered, where one differs.

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
        if came or new:
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
        its permissions, in Salt's words such as ``0644``; by default those of the file that is
        there, or these

    Returns True.  Raises SaltInvocationError for a wrong argument, and CommandExecutionError where
    that is not possible; the old file stands.

    CLI Example:

    .. code-block:: bash

        salt gw1 ftpgw.put /etc/motd 'A gateway.' mode=0644
    """
    for name, given in (("path", path), ("text", text)):
        if not isinstance(given, str):
            raise SaltInvocationError(f"{name}: expected text, got {_check.got(given)}")
    # What is typed as 0644 comes as the number 644.
    if mode is not None and not re.fullmatch("[0-7]{1,4}", str(mode)):
        raise SaltInvocationError(f"mode: expected one such as 0644, got {_check.got(mode)}")
    bits = None if mode is None else int(str(mode), 8)
    try:
        _files.make_directory(os.path.dirname(path))
        _files.put(path, text, bits)
    except OSError as error:
        raise CommandExecutionError(f"{error.filename or path}: {error.strerror}")
    return True


def _gateway_of(fetch=None, saltenv=None):
    """
    Return the settings and problems of this gateway; in a run of states they are made once.

    fetch
        what has the formula's own files of settings; by default the last run had them
    saltenv
        the environment of a run of states
    """
    run = _run()
    if "gateway" in run:
        return run["gateway"]
    memory, modules = pathlib.Path(__opts__["cachedir"], "ftpgw-files"), os.path.dirname(__file__)
    fetch = fetch or functools.partial(_known_files, _ownfiles.read(memory, modules))
    read = {}

    def reading(names):
        read.update(zip(names, fetch(names), strict=True))
        return [read[name] for name in names]

    made = _judged(_fields(__pillar__), __grains__, reading, here=True)
    broken = _gateway.broken(_plain(__pillar__.get("_errors")))
    if broken:
        # What is not there is not what is wrong.
        made["problems"] = made["settings"]["problems"] = broken
        made["settings"].update(services={}, rules={})
    # What makes no sense may have keys that no JSON has.
    makes_sense = not made["settings"]["problems"]
    made["settings"]["digest"] = _digest(_fields(__pillar__)) if makes_sense else ""
    if saltenv:
        run["gateway"] = made
        _ownfiles.keep(memory, modules, read)
    return made


def _digest(fields):
    """Return what tells one pillar from another, and nothing of what is in it."""
    return hashlib.sha256(json.dumps(fields, default=str).encode()).hexdigest()


def _gateway_or_why():
    """Return the settings and problems of this gateway; also where they cannot be worked out."""
    try:
        return _gateway_of()
    except (CommandExecutionError, SaltInvocationError) as error:
        wrong = [f"{_gateway.PILLAR}: its settings cannot be worked out: {error}"]
        return {"problems": wrong, "settings": {"problems": wrong}}


@contextlib.contextmanager
def _known_gateway(work_out):
    """Work the settings of this gateway out once for all that is asked in the block."""
    run = _run()
    known = "gateway" in run
    run["gateway"] = work_out()
    try:
        yield run["gateway"]
    finally:
        if not known:
            del run["gateway"]


def _server_log(since, grep):
    """Return lines of the log of the FTP server, and what it told the journal, if not that log."""
    settings = _gateway_of()["settings"]
    name, servers = settings["server"], settings["servers"]
    telling = [server for server, entry in servers.items() if "log" in entry.get("can", ())]
    journal, why = servers.get(name, {}).get("journal"), ""
    if name in telling or journal:
        lines = __salt__["daemontools.log"](_gateway.SERVER, lines=None, since=since, grep=grep)
        try:
            return lines, _journaled(journal, _multilog.moment(since)) if journal else ()
        except _journal.JournalError as error:
            why = f", and {error}"
    known = f"{_gateway.PILLAR}:server: {' or '.join(telling)}" if telling else "no server here"
    raise CommandExecutionError(
        f"{_gateway.SERVER}: {name} tells the system log alone who logs in and what is "
        f"transferred{why} ({known} tells multilog)"
    )


def _journaled(name, since):
    """Return what an FTP server has told the journal by a name."""
    machine, earlier = _userdb.read({}), since - _sessionlog.EARLIER
    ours = _accounts.marked(machine) & machine["accounts"].keys()
    uids = {str(machine["accounts"][each]["uid"]) for each in ours}
    told = _sessionlog.told(_journal.read(name, earlier), since, uids)
    return _sessionlog.addressed(told, _multilog.blocks(_log_of(_gateway.SERVER), earlier))


def _declared_accounts(clean):
    """Return the accounts of pillar, and what the system says of how accounts are kept."""
    gateway = _gateway_of()
    _check.refuse_all(gateway["settings"]["problems"])
    declared = _accounts.checked(_fields(__pillar__).get("accounts") or {}, _ACCOUNTS)
    settings, kernel = gateway["settings"], __grains__["kernel"]
    if clean:
        gone = {"state": "absent", "purge": False}
        declared = {name: {**account, **gone} for name, account in declared.items()}
    declared = _resolved(declared, settings)
    return declared, {
        "access": _access_file(declared, settings),
        "kernel": kernel,
        "leftovers": "remove" if clean else settings["leftovers"],
        "only": settings["servers"].get(settings["server"], {}).get("only", {}),
        "passwords": settings["passwords"],
        "puredb": settings.get("puredb", ""),
        "scanned": settings["service_dir"],
        "shell": settings["nologin"],
    }


def _resolved(declared, settings):
    """Return accounts with the hashes that Salt's sdb has, where pillar says so."""
    get = functools.partial(_call, "sdb.get")
    known = settings.get("bcrypt", False), _gateway.memory(settings)
    return _accounts.resolved(declared, get, _ACCOUNTS, *known)


def _access_file(declared, settings):
    """Return the file that tells the server from where each account may log in, and its text."""
    path = settings["servers"].get(settings["server"], {}).get("access")
    origins = {
        name: account["from"]
        for name, account in declared.items()
        if account["state"] == "present" and account["from"]
    }
    if not path:
        return None
    groups = []
    if origins:
        rules = _gateway.rules(settings)
        where, given = f"{_gateway.PILLAR}:rules:{rules}", settings["rules"][rules]
        checked = _sites.in_time(_check.checked(_sites.RULES, given, where))
        lists = _addresslist.contents(checked, where, __salt__["cp.cache_file"])
        groups = _sites.groups(checked, lists, where)
    return path, _access.text(origins, groups)


def _with_secrets(settings):
    """Return settings whose services have what no state is rendered from."""
    given = (_fields(__pillar__) or {}).get("services") or {}
    secret = {name: (given.get(name) or {}).get("envdir") for name in settings["services"]}
    services = {
        name: {**service, "envdir": secret[name]} if secret[name] else service
        for name, service in settings["services"].items()
    }
    return {**settings, "services": services}


def _accounts_plan(declared, system, clean):
    """Return the plan, and what there is now."""
    machine = _userdb.read(declared)
    if not clean:
        _check.refuse_all(_cannot_have(declared, machine, system["scanned"]))
    ours = {*declared, *_accounts.marked(machine)} & machine["accounts"].keys()
    machine |= _userdb.secrets(ours, system, functools.partial(_call, "shadow.info"))
    remove = system["leftovers"] == "remove"
    planned = _accounts.plan(declared, machine, system["shell"], remove)
    return _quota.planned(planned, declared, machine), machine


def _cannot_have(declared, machine, scanned):
    """Return a line for each account that this machine cannot have, or hold to its quota."""
    folders = [str(scanned), _definitions(), _rules_dir(), _log_dir()]
    folders += [__opts__["cachedir"], __opts__["extension_modules"]]
    for roots in ("file_roots", "pillar_roots"):
        folders += itertools.chain(*__opts__.get(roots, {}).values())
    return [
        *_accounts.misfits(declared, machine, _ACCOUNTS),
        *_accounts.exposed(declared, folders, _ACCOUNTS),
        *_quota.misfits(declared, machine, _ACCOUNTS),
    ]


def _connected(who):
    """Return the sessions of this gateway's services, with their sites and accounts."""
    if who is not None and "/" in str(who):
        # What is no network is no name of a site or an account either: nobody would be found.
        _cidr.blocks([str(who)])
    scripts = _tcpserver.scripts(_definitions())
    accounts = _accounts.marked(_userdb.read({}))
    try:
        found = _sessions.read(_tcpserver.ports(scripts))
    except LookupError as error:
        raise CommandExecutionError(f"who is connected is not known: {error}")
    deciders = {name: _decider(script) for name, script in scripts.items()}
    for session in found:
        session["site"] = deciders[session["service"]](session["address"])[1]
        session["account"] = next(iter(sorted(accounts.intersection(session["users"]))), None)
    return [session for session in found if who is None or _sessions.is_of(session, str(who))]


def _noted(found, what, look):
    """Note what is found, and tell of no problem."""
    found[what] = look()
    return ()


def _meanings():
    """Return of each rule set its digest, and what it decides for which site."""
    found = {}
    for name, cdb in _rulefiles.cdbs(_rules_dir()):
        text = _rulefiles.in_force(cdb, _rules_dir())
        found[name] = {"digest": _verdicts.digest(text), "sites": _verdicts.sites(text)}
    return found


def _run_file():
    """Return the file in which the state `ftpgw.checked` keeps the digest of the pillar applied."""
    return pathlib.Path(__opts__["cachedir"], "ftpgw-run")


def _last_run():
    """Return when the state `ftpgw.checked` let states be applied last, or None."""
    with contextlib.suppress(FileNotFoundError):
        return int(_run_file().stat().st_mtime)
    return None


def _strange_pillar(digest):
    """Return a line where pillar is not the one whose states were applied last."""
    run = _run_file()
    if not run.exists() or run.read_text() in ("", digest):
        return []
    return [
        f"{_gateway.PILLAR}: not the pillar of the last run of states (state.apply ftpgw; if this "
        "minion remembers an old one, saltutil.refresh_pillar)"
    ]


def _connections(since):
    """Return how many were admitted and refused by hour, and the addresses refused most often."""
    scripts, hours, refused = _tcpserver.scripts(_definitions()), {}, {}
    for name in _logged(scripts):
        found = _figures.read(_log_of(name), since, lambda hour, address: (hour, address))
        rows = found["connections"]
        for (hour, address), row in rows.items():
            of_hour = hours.setdefault(hour, [0, 0])
            of_hour[0] += row["admitted"]
            of_hour[1] += row["refused"]
            refused[address] = refused.get(address, 0) + row["refused"]
    counts = ([address, count] for address, count in refused.items() if count)
    return {
        "hours": [[hour, *row] for hour, row in sorted(hours.items())],
        "refused": heapq.nlargest(_MOST, counts, operator.itemgetter(1)),
    }


def _running(names):
    """Return what is known of services where nobody can say what they are meant to be."""
    with contextlib.suppress(CommandExecutionError):
        records = __salt__["daemontools.show"]()
        there = (name for name in names if name in records)
        return {name: _servicehealth.figures(records[name], None) for name in there}
    return {}


def _counted_between(scripts, name, since, until):
    """Return how often a service was started in a while, and who came, by site."""
    try:
        log = _log_of(name)
        key = _figures.BY["site"](_decider(scripts[name]))
        rows = _figures.read(log, since, key, until)["connections"]
        moments, _ = _multilog.starts(log, _servicehealth.SEARCHED)
    except (OSError, CommandExecutionError):
        return 0, {}
    return sum(since <= moment < until for moment in moments), rows


def _logged(scripts):
    """Return the services under tcpserver that have a log."""
    names = sorted(_tcpserver.ports(scripts))
    return [name for name in names if _multilog.is_logged(os.path.join(_definitions(), name))]


def _log_of(name):
    """Return the directory of the log of a service."""
    return _multilog.directory(os.path.join(_definitions(), name))


def _decider(script):
    """Return what decides about addresses for a service, whose run script names its rules."""
    cdb = dict(_tcpserver.told(script)[0]).get("-x")
    return _rulefiles.decider(cdb, _rules_dir()) if cdb else lambda _: (None, None)


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
    return _plain(pillar.get(_gateway.PILLAR))


def _rendered(pillar):
    """Return what a pillar file has; raises without a word of it, as Salt's own errors have."""
    if not os.path.isfile(pillar):
        raise CommandExecutionError(f"{pillar}: there is no such file")
    log = logging.getLogger("salt.utils.templates")
    before, log.disabled = log.disabled, True
    try:
        content = __salt__["slsutil.renderer"](path=os.path.abspath(pillar))
    except SaltRenderError as error:
        lines = re.findall(r"\bline (\d+)", str(error))
        line = error.line_num or next(reversed(lines), "")
        told = f"{pillar}: cannot be rendered{f' (line {line})' if line else ''}"
        raise CommandExecutionError(f"{told}; slsutil.renderer tells why") from None
    except Exception as error:
        # What a template runs may raise anything, and with any words.
        told = f"{pillar}: cannot be rendered ({type(error).__name__})"
        raise CommandExecutionError(f"{told}; slsutil.renderer tells why") from None
    finally:
        log.disabled = before
    return content if isinstance(content, dict) else {}


def _part(settings, key):
    """Return a part of some settings; raises, with those that there are, where it is none."""
    if not isinstance(settings, dict) or key not in settings:
        known = sorted(map(str, settings)) if isinstance(settings, dict) else []
        hint = _check.hint(key, known or ["nothing"])
        raise SaltInvocationError(f"{key}: there are no such settings{hint}")
    return settings[key]


def _plain(value):
    """Return a part of pillar as it is: what Salt 3008 makes of it, it shows as asterisks."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def _entry(path):
    """
    Return what pillar has at a path such as ``gw-tls:key``, or None.

    Of Salt 3008, `pillar.get` tells templates alone what is there, and all others asterisks.
    """
    return salt.utils.data.traverse_dict_and_list(__pillar__, path, None, ":")


def _system(system, fetch):
    """Return the grains that a text such as ``OpenBSD 7.6`` is short for."""
    if system is None:
        return __grains__
    family, _, release = str(system).partition(" ")
    known = [name for file in fetch(["platforms/linux", "platforms/bsd"]) for name in file]
    if family not in known:
        wrong = _check.got(str(system)) + _check.hint(family, known)
        raise SaltInvocationError(f"system: expected one such as 'Debian 12', got {wrong}")
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
        found += [*_misfits(fields.get("accounts") or {}, merged), *_from_homes(merged)]
    limited = {}
    if not found:
        try:
            where = f"{_gateway.PILLAR}:rules"
            limited = _limits.rendered(merged, where, __salt__["cp.cache_file"])
        except SaltInvocationError as error:
            found = str(error).splitlines()
    settings = _gateway.rendered(below if found else merged, found, warnings, limited)
    return {"problems": found + missing, "settings": {**settings, "missing": missing}}


def _needed(fields, system, fetch, platform):
    """Return the settings of a system and of the FTP server that is wanted, else of its first."""
    facts = _gateway.facts(fields)
    defaults, platform = fetch(["defaults", platform])
    needed = _layers.merged([defaults, *_layers.rows(platform, system, facts)])
    names = list(needed.get("servers", ()))
    files = fetch([f"servers/{name}" for name in names])
    servers = {
        name: _layers.merged(_layers.rows(file, system, facts))
        for name, file in zip(names, files, strict=True)
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
        found, warnings = _tls.judged(merged["tls"], path, _entry)
    bypassed = _gateway.bypass(fields, merged["servers"].get(merged["server"], {}))
    return found, [*warnings, *([bypassed] if bypassed else [])]


def _judge_rules(name, given, path):
    """Return all that is wrong with a rule set; one that is sealed has been judged before."""
    found = _check.problems(_gateway.RULES, given, path)
    if not found:
        limits = given.get("limits")
        found = list(_limits.problems(limits, given.get("sites", {}), f"{path}:limits"))
        given = _gateway.without_limits(given)
        found += _sites.problems(given, path)
    if found or _sites.checked(given, path)["state"] == "absent":
        return found
    try:
        _rulefiles.plan(name, given, path, _rules_dir(), __salt__["cp.cache_file"])
    except (SaltInvocationError, CommandExecutionError) as error:
        return str(error).splitlines()
    except OSError as error:
        return [f"{path}: {_rulefiles.said(error)}"]
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


def _misfits(given, settings):
    """Return which accounts of a pillar this machine cannot have."""
    if _accounts.problems(given, _ACCOUNTS):
        return []
    declared = _accounts.checked(given, _ACCOUNTS)
    try:
        _resolved(declared, settings)
    except SaltInvocationError as error:
        return str(error).splitlines()
    return _cannot_have(declared, _userdb.read(declared), settings["service_dir"])


def _from_homes(merged):
    """Return which libraries the FTP server would load from the home of an account."""
    servers, name = merged["servers"], merged["server"]
    asked = servers[name].get("lookups") if name in [*servers] else None
    if not asked or not os.path.isfile(_lookups.FILE):
        return []
    text = pathlib.Path(_lookups.FILE).read_text(encoding="utf-8", errors="replace")
    others = [other for other in servers if "lookups" not in servers[other]]
    return _lookups.problems(text, asked, f"{_gateway.PILLAR}:server", others)


def _inside(folder):
    """Return the names in a directory, and their paths."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [(name, os.path.join(folder, name)) for name in names]


def _definitions():
    return __salt__["config.get"]("daemontools.definition_dir", "/var/svc.d")


def _rules_dir():
    return __salt__["config.get"]("tcprules.dir", "/etc/tcprules")


def _log_dir():
    return __salt__["config.get"]("daemontools.log_dir", "/var/multilog")


def _known_files(kept, names):
    """Return files of settings as they were kept, or else of the file server."""
    return map(kept.get, names) if kept.keys() >= set(names) else _files_of(names, "base")


def _served(saltenv):
    return functools.partial(_files_of, saltenv=saltenv or "base")


def _files_of(names, saltenv):
    """Return what the formula's own files of settings hold, brought by one client."""
    served = [f"salt://ftpgw/{name}.yaml" for name in names]
    files = __salt__["cp.cache_files"](served, saltenv)
    for name, file in zip(served, files, strict=True):
        if not file:
            raise CommandExecutionError(f"ftpgw: the file server does not have {name}")
        yield salt.utils.yaml.safe_load(pathlib.Path(file).read_text(encoding="utf-8"))


def _sync(kind, served, saltenv):
    there, here = f"_{kind}/", pathlib.Path(__opts__["extension_modules"], kind)
    wanted = {p.removeprefix(there) for p in served if p.startswith(there) and p.endswith(".py")}
    found = {str(path.relative_to(here)) for path in here.rglob("*.py")}
    if wanted == found and all(_same(f"salt://{there}{p}", here / p, saltenv) for p in wanted):
        return []
    # Beacons run in the process of the minion itself, which has to be told.
    return __salt__[f"saltutil.sync_{kind}"](saltenv, refresh=kind == "beacons")


def _same(served, file, saltenv):
    known = __salt__["cp.hash_file"](served, saltenv)
    return bool(known) and get_hash(str(file), known["hash_type"]) == known["hsum"]


def _forget():
    """
    Let this very run use what has come, of which the old is in memory.

    Every private noun goes, not only those that differ: one that imports another has the old one.
    So does one that an extension of Salt has by the same name, such as saltext-daemontools.
    """
    folder = os.path.join(__opts__["extension_modules"], "")
    came = {path.stem for kind in KINDS for path in pathlib.Path(folder, kind).glob("_*.py")}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.startswith("_") and (name in came or file.startswith(folder)):
            del sys.modules[name]
    # What calls this module, and what it calls, are two loaders in some releases of Salt.
    for loader in (__salt__.loader(), __salt__.value()):
        loader.clear()
