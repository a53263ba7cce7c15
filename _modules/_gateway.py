"""
What stands below ``ftpgw:`` in pillar: every setting, and all that can be wrong with them together.
"""

import datetime
import os

import _accounts
import _check
import _gatewaynet
import _layers
import _limits
import _listener
import _rulefiles
import _servicedir
import _sites
import _tls
from _check import LINE, Setting, choice, kind, listing, mapping, table, word

PILLAR = "ftpgw"
PROXY = "ftp-proxy"
SERVER = "open-ftpd"
# What PAM goes by where the file of a program has no line of some kind, or is not there.
_ANY_PROGRAM = "/etc/pam.d/other"
_LINES = listing(LINE, "lines of text")
_PATH = word("/[^\\x00-\\x1f\\x7f]*", "an absolute path")
# It stands in the path of whatever is told of it.
_NAME = kind(
    "a name",
    lambda name: isinstance(name, str) and name.isprintable() and not _check.is_hash(name),
    {"type": "string"},
)


# What tcprules makes of a rule set, and what the packet filter keeps beside it.
RULES = table({**_sites.RULES.settings, "limits": _limits.SETTING}, _sites.RULES.expected)


def _section(settings, meaning):
    """Return the setting that is a table of others, whose default is theirs."""
    return Setting(settings, meaning, settings.read({}))


SETTINGS = {
    "network": _section(
        _gatewaynet.NETWORK,
        "the two sides of the gateway; where the service ftp-proxy is up, all of it is needed",
    ),
    "server": Setting(
        word("[a-z][a-z0-9-]*", "the name of an FTP server, such as vsftpd"),
        "the FTP server, of those that the system has; by default the first of its `servers` in "
        "ftpgw/platforms/",
    ),
    "tls": Setting(
        _tls.TLS, "explicit FTPS (AUTH TLS), for a server that knows TLS; by default there is none"
    ),
    "accounts": Setting(
        mapping(_accounts.NAME, _accounts.ACCOUNT, "accounts to settings"),
        "who may log in; nobody else can",
        {},
    ),
    "rules": Setting(
        mapping(_rulefiles.NAME, RULES, "names to settings"),
        "who may connect: NAME becomes NAME.rules and NAME.cdb in /etc/tcprules",
        {},
    ),
    "services": Setting(
        mapping(_NAME, _servicedir.SERVICE, "names to settings"),
        "daemons under supervise; those of the gateway are open-ftpd and ftp-proxy",
        {},
    ),
    "firewall": _section(
        table(
            {
                "manage": Setting(
                    choice("include", "full", False),
                    "`include`: a file of our own; `full`: the whole pf.conf (pf only); false: "
                    "hands off",
                    "include",
                )
            },
            "settings such as manage: false",
        ),
        "sends the FTP of the inside network to ftp-proxy, and not the FTP to the gateway itself",
    ),
    "packages": Setting(
        listing(LINE, "packages"),
        "packages to install by the system's own package manager, beside those that it needs",
        [],
    ),
    "service_dir": Setting(_PATH, "where svscan looks for services", "/service"),
    "nologin": Setting(_PATH, "the shell that nobody can use", "/sbin/nologin"),
    "shells": Setting(
        _LINES,
        "what /etc/shells must have, for an ftpd that looks there whether an account may log in",
        ["/sbin/nologin"],
    ),
    "pam": _section(
        table(
            {
                "file": Setting(LINE, "PAM's file for ftpd, or nothing", ""),
                "lines": Setting(_LINES, "all its lines", []),
            }
        ),
        "for an ftpd that has no flag which admits only the accounts of /etc/ftpchroot",
    ),
    "passwords": Setting(
        LINE,
        "the file with the passwords of the accounts, for an ftpd that can have one of its own, "
        "and the system then knows none of them; or nothing",
        "",
    ),
    "leftovers": Setting(
        choice("tell", "remove"),
        "what becomes of an account, a service or rules that pillar names no more: they are told "
        "of, and such an account opens nothing, and loses its sessions; or they are removed",
        "tell",
    ),
    "metrics": Setting(
        word("(/[^\\x00-\\x1f\\x7f]*)?", "the absolute path of a directory, or nothing"),
        "where a schedule of the minion writes ftpgw.prom each minute, for the textfile collector "
        "of Prometheus' node_exporter (docs/fleet.md)",
        "",
    ),
    "daemontools": _section(
        table(
            {
                "source": Setting(
                    LINE,
                    "what your file server offers, such as salt://daemontools-0.76.tar.gz, or "
                    "nothing",
                    "",
                ),
                "hash": Setting(
                    LINE,
                    "the digest without which they are not unpacked",
                    "sha256=a55535012b2be7a52dcd9eccabb9a198b13be50d0384143bd3b32b8710df4c1f",
                ),
            }
        ),
        "the sources of daemontools, for a system without a package of it",
    ),
}
GATEWAY = table(SETTINGS, "a mapping of settings")
DEFAULTS = {
    name: setting.default
    for name, setting in SETTINGS.items()
    if setting.default is not _check.UNSET
}
# Where pillar has no network, or one that makes no sense, only that is to be told.
_STAND_INS = {"int_ip": "127.0.0.1", "int_net": "127.0.0.0/8"}
# What pillar only adds to: the whole of it is judged, not what stands in pillar alone.
_JUDGED_WHOLE = {"accounts", "network", "rules", "services"}


def is_proxied(declared):
    """Return whether a pillar wants an FTP proxy."""
    service = declared
    for key in ("services", PROXY):
        service = service.get(key) if isinstance(service, dict) else None
    return not isinstance(service, dict) or service.get("state", "up") == "up"


def facts(declared):
    """Return which conditions of rows hold for a pillar, as far as it makes sense."""
    tls = declared.get("tls")
    required = not isinstance(tls, dict) or tls.get("required") is not False
    return {"proxy": is_proxied(declared), "tls": tls is not None, "required": required}


def known_texts(declared):
    """Return ``{name: text}`` for the braces of rows, of a pillar as far as it makes sense."""
    network, tls = usable_network(declared), declared.get("tls")
    tls = tls if isinstance(tls, dict) else {}
    first, last = network["passive_ports"]
    middle = (first + last) // 2
    ports = {"first_port": first, "lower_port": middle, "upper_port": middle + 1, "last_port": last}
    texts = {**network, **ports}
    return {
        **{f"network.{key}": str(text or _STAND_INS.get(key, "")) for key, text in texts.items()},
        **{f"tls.{key}": str(tls.get(key, "")) for key in ("certificate", "key")},
    }


def usable_network(declared):
    """Return the network of a pillar as far as it makes sense, else the defaults."""
    given = declared.get("network") if isinstance(declared, dict) else None
    settings = _gatewaynet.NETWORK.settings
    good = {
        key: value
        for key, value in (given if isinstance(given, dict) else {}).items()
        if key in settings and not _check.problems(settings[key].kind, value, "")
    }
    return DEFAULTS["network"] | good


def rendered(merged, problems, warnings=(), limited=None):
    """
    Return what states are rendered from: nothing that is secret, and no shape that is wrong.

    merged
        the settings; where something is wrong with them, those without pillar
    problems
        what is wrong; if anything is, there are no services and no rules to be rendered
    warnings
        what is not, but should not stay
    limited
        what the packet filter has to keep, as of `_limits.rendered`
    """
    filter = merged.get("filter", {"ways": {}})
    services = {
        name: {key: value for key, value in service.items() if key != "envdir"}
        for name, service in ({} if problems else merged["services"]).items()
    }
    return {
        **{key: value for key, value in merged.items() if key != "accounts"},
        "filter": _layers.merged([filter, filter["ways"].get(merged["firewall"]["manage"], {})]),
        "guarded": _guarded(services, filter.get("guards")),
        "limited": limited or {},
        "proxied": is_proxied(merged),
        "problems": problems,
        "warnings": list(warnings),
        "rules": {} if problems else _spoken(_unlimited(merged["rules"])),
        "services": services,
    }


def _unlimited(rules):
    return {name: without_limits(settings) for name, settings in rules.items()}


def without_limits(settings):
    """Return the settings of a rule set as tcprules has them."""
    return {key: value for key, value in settings.items() if key != "limits"}


def _spoken(value):
    """Return settings with the days that YAML has read as the text that they were."""
    if isinstance(value, dict):
        return {key: _spoken(entry) for key, entry in value.items()}
    return str(value) if isinstance(value, datetime.date) else value


def _guarded(services, program):
    """Return the ports, by service, of those servers whose data the packet filter guards."""
    return {
        name: service["tcpserver"]["port"]
        for name, service in services.items()
        if service.get("state", "up") == "up"
        and program in service.get("command", [])
        and "tcpserver" in service
    }


def problems(declared, merged, judge_rules, log_dir):
    """
    Return a line for all that is wrong with a gateway, as far as it can be known before anything.

    declared
        what pillar says
    merged
        the same over the defaults and what the system needs
    judge_rules
        a function of a rule set's name, settings and path that returns what is wrong with it
    log_dir
        where a service without a log directory of its own logs to
    """
    if declared is None:
        return [
            f"{PILLAR}: pillar has nothing for this gateway "
            "(see pillar.example, and whether top.sls names this minion)"
        ]
    if not isinstance(declared, dict):
        return _check.problems(GATEWAY, declared, PILLAR)
    # Of what is empty the rest holds; but whoever says `tls` wants it, whatever is missing there.
    given = {key: value for key, value in declared.items() if value is not None or key == "tls"}
    # One that nobody knows is a mistake also where nothing follows.
    own = {
        key: value
        for key, value in declared.items()
        if (key in given or key not in SETTINGS) and key not in _JUDGED_WHOLE
    }
    found = _check.problems(GATEWAY, own, PILLAR)
    accounts, path = given.get("accounts", {}), f"{PILLAR}:accounts"
    found += _accounts.problems(accounts, path, merged.get("bcrypt", False), memory(merged))
    found += _named(merged["rules"], _rulefiles.NAME, judge_rules, f"{PILLAR}:rules")
    found += _named(merged["services"], _NAME, _servicedir.problems, f"{PILLAR}:services")
    found += _network(given, merged)
    found += _server(given, merged)
    return found or [*_together(given, merged, log_dir), *_unkept(given, merged)]


def memory(settings):
    """Return how many bytes the FTP server may have for a session, None: any number."""
    found = settings.get("services")
    for key in (SERVER, "softlimit", "memory"):
        found = found.get(key) if isinstance(found, dict) else None
    # One that makes no sense is told as such, and no hash is too large for it.
    return found if type(found) is int and found >= 0 else None


def broken(errors):
    """
    Return a line for each part of pillar that Salt could not render.

    errors
        what Salt tells the minion of it, which is which part; its log has the reason, and secrets
    """
    return [
        f"{PILLAR}: pillar is not whole: {'; '.join(str(error).splitlines())}"
        for error in errors or ()
        if not _check.is_hash(str(error))
    ]


def _named(entries, names, judge, path):
    if not isinstance(entries, dict):
        got = _check.got(entries, secret=True)
        return [f"{path}: expected a mapping of names to settings, got {got}"]
    found = []
    for name, given in entries.items():
        found += _check.problems(names, name, path) or judge(name, given, f"{path}:{name}")
    return found


def _network(given, merged):
    """What a gateway with a proxy needs: two networks, and a packet filter that sends to it."""
    path, network, filter = f"{PILLAR}:network", merged["network"], merged.get("filter", {})
    if not is_proxied(merged):
        found = _check.problems(_gatewaynet.NETWORK, network, path)
        needed = filter.keys() & {"guards", "limits"}
        return found + (_way(given, merged) if needed else [])
    return _gatewaynet.problems(network, path) + _way(given, merged)


def _server(given, merged):
    """Which FTP servers this system has, and what the one that is wanted cannot do."""
    servers, name, found = merged.get("servers", {}), merged.get("server"), []
    if _check.problems(SETTINGS["server"].kind, name, ""):
        return found
    if name not in servers:
        known = " or ".join(servers)
        return [f"{PILLAR}:server: expected {known} on this system, got {_check.got(name)}"]
    if "tls" in given and "tls" not in servers[name].get("can", ()):
        others = " or ".join(other for other in servers if "tls" in servers[other].get("can", ()))
        found.append(f"{PILLAR}:tls: {name} knows no TLS ({others or 'no server here'} does)")
    for package in _foreign(given.get("packages"), servers, name):
        found.append(
            f"{PILLAR}:packages: {package} is not for the server {name}, and cannot be beside it "
            f"(say which one you want: {PILLAR}:server)"
        )
    found += _pam(given.get("pam"), servers[name].get("pam"), name)
    bypassed = bypass(given, servers[name])
    if "tls" in given and bypassed:
        found.append(f"{bypassed}, and TLS with it (leave it out, or {PILLAR}:tls)")
    return found


def _pam(own, usual, name):
    """Where PAM of a pillar's own says nothing, and goes by what it has for any other program."""
    if not usual or not isinstance(own, dict) or _check.problems(SETTINGS["pam"].kind, own, ""):
        return
    told = f"and else PAM lets in whoever has a password here, by {_ANY_PROGRAM}"
    if own.get("file", usual["file"]) != usual["file"]:
        yield f"{PILLAR}:pam:file: {name} asks {usual['file']}, {told} (leave this out)"
    begin = [line.split()[0].lstrip("-") for line in own.get("lines", ()) if line.strip()]
    for first in ("auth", "account") if "lines" in own and "@include" not in begin else ():
        if first not in begin:
            yield f"{PILLAR}:pam:lines: needs some that begin with '{first}', {told}"


def _unkept(given, merged):
    """What an account is to have that this server, or what pillar makes of it, cannot keep."""
    asked = [
        (f"{PILLAR}:accounts:{account}:{key}", key, settings[key])
        for account, settings in given.get("accounts", {}).items()
        for key in sorted(_accounts.LIMITS & settings.keys())
        if settings.get("state") != "absent"
    ]
    if not asked:
        return
    servers, name, named = merged["servers"], merged["server"], rules(merged)
    bypassed = bypass(given, servers[name])
    sites = merged["rules"].get(named, {}).get("sites", {})
    for path, key, value in asked:
        # The kernel keeps a quota, whatever the server is.
        keepers = [s for s in servers if key == "quota" or key in servers[s].get("keeps", ())]
        if key == "quota" and not merged.get("quotas"):
            yield f"{path}: this system cannot keep this (Debian can)"
        elif name not in keepers:
            others = " or ".join(keepers)
            yield f"{path}: {name} cannot keep this ({others or 'no server here'} can)"
        elif bypassed:
            yield f"{bypassed}, and {path} with it (leave one of them out)"
        elif key in ("from", "until") and "pam" in given:
            yield f"{path}: {PILLAR}:pam may not ask for this (leave one of them out)"
        for site in value if key == "from" and name in keepers else ():
            if site not in sites:
                hint = _check.hint(site, sites)
                yield f"{path}: there is no {PILLAR}:rules:{named}:sites:{site}{hint}"


def rules(merged):
    """Return the name of the rules of the FTP server."""
    return merged["services"].get(SERVER, {}).get("tcpserver", {}).get("rules", "")


def bypass(given, server):
    """Return a line if pillar has a command of its own for the FTP server, and what that loses."""
    service = given.get("services") or {}
    service = service.get(SERVER) if isinstance(service, dict) else None
    usual = server.get("services", {}).get(SERVER, {}).get("command", [])
    for key in ("command", "run") if isinstance(service, dict) else ():
        words = service.get(key)
        if isinstance(words, str | list) and words[: len(usual)] != usual:
            return (
                f"{PILLAR}:services:{SERVER}:{key}: does not begin with "
                f"{' '.join(usual)}; so it is left to it that only accounts of pillar log "
                "in, each with its home as /, and which data ports there are"
            )
    return ""


def _foreign(packages, servers, name):
    """Return which packages of a pillar are those of another FTP server."""
    ours = servers[name].get("packages", [])
    others = {each for other in servers.values() for each in other.get("packages", [])}
    wanted = packages if isinstance(packages, list) else []
    named = [each for each in wanted if isinstance(each, str)]
    return [each for each in named if each in others and each not in ours]


def _way(given, merged):
    """Which ways there are to manage the packet filter of this system."""
    if _check.problems(SETTINGS["firewall"].kind, given.get("firewall", {}), ""):
        return []
    manage, ways = merged["firewall"]["manage"], list(merged.get("filter", {}).get("ways", {}))
    if manage is False or manage in ways:
        return []
    known = " or ".join([*ways, "false"])
    got = _check.got(manage)
    return [f"{PILLAR}:firewall:manage: expected {known} on this system, got {got}"]


def _together(given, merged, log_dir):
    """What no entry can know alone: the rules, ports and log directories of several services."""
    yield from _limits.unkept(given.get("rules", {}), merged, f"{PILLAR}:rules")
    up = {name: s for name, s in merged["services"].items() if s.get("state", "up") == "up"}
    listeners, writers = [], {}
    for name, service in up.items():
        path, tcpserver = f"{PILLAR}:services:{name}", service.get("tcpserver")
        if tcpserver:
            yield from _unknown_rules(tcpserver.get("rules"), merged["rules"], path)
            listener = (str(tcpserver.get("address", 0)), _port(tcpserver["port"]))
            for other, (address, port) in listeners:
                if port == listener[1] and (
                    address == listener[0] or "0" in (address, listener[0])
                ):
                    where = f"address {address} port {port}"
                    yield f"{path}:tcpserver: {other} listens on {where} already"
            listeners.append((name, listener))
        log = service.get("multilog", True)
        folder = (log if isinstance(log, dict) else {}).get("directory", f"{log_dir}/{name}")
        if log and folder in writers:
            yield f"{path}:multilog:directory: {writers[folder]} logs to {folder} already"
        writers[folder] = name


def _unknown_rules(named, rules, path):
    if named and not os.path.isabs(named) and named not in rules:
        yield (
            f"{path}:tcpserver:rules: there is no {PILLAR}:rules:{named}{_check.hint(named, rules)}"
        )


def _port(port):
    try:
        return _listener.number(port)
    except OSError:
        return port
