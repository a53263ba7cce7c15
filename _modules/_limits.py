"""
What one address may take: how many connections at once, and how many new ones; kept by the filter.

Addresses of IPv4 alone, which is what the filter of the gateway judges.
"""

import ipaddress

import _addresslist
import _check
import _cidr
import _sites
from _check import Setting
from salt.exceptions import SaltInvocationError

# What a filter has in a rule of its own; whoever wants more has them in one network.
MOST = 1000
# What tcpserver serves if it is not told.
_PLACES = 40
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

LIMITS = _check.either(
    _check.choice(False),
    _check.table(
        {
            "per_client": Setting(
                # Of a number of more than 32 bits nftables takes the last of them, which may be 0.
                _check.number(1, 1_000_000),
                "How many connections one address may have at once; by default two thirds of the"
                " places of its service, so that nobody takes them all.",
            ),
            "new": Setting(
                _check.word(r"[1-9]\d{0,5}/(second|minute|hour)", "a rate such as 20/minute"),
                "How many connections one address may begin; so many at once, and then at that"
                " rate. By default as many as it likes.",
            ),
            "ban": Setting(
                _check.word(r"[1-9]\d{0,3}[smhd]", "a time such as 10m, 2h or 1d"),
                "For how long nobody from an address that begins more of them gets in; otherwise"
                " only those that are too many are refused.",
            ),
            "never": Setting(
                _check.listing(_check.LINE, "names of sites"),
                "Sites whose clients have no limit, as the addresses of `expect: allow` have none.",
                [],
            ),
        },
        "settings such as per_client: 5",
    ),
)
SETTING = Setting(
    LIMITS,
    "What one address may take of the services that have these rules, by the packet filter; false:"
    " as much as it likes.",
)


def problems(limits, sites, path):
    """Yield a line for what is at odds in limits of the right shape."""
    if not limits:
        return
    if "ban" in limits and "new" not in limits:
        yield f"{path}:ban: needs 'new', how many new connections are too many"
    for site in limits.get("never", ()):
        if site not in sites:
            yield f"{path}:never: there is no site {_check.got(site)}{_check.hint(site, sites)}"


def unkept(given, merged, path):
    """
    Yield a line for each limit of pillar that this gateway cannot keep.

    given
        the rule sets as pillar has them
    merged
        all settings, in the right shape
    path
        the pillar path of the rule sets
    """
    for name, settings in given.items():
        limits, where = settings.get("limits"), f"{path}:{name}:limits"
        if not isinstance(limits, dict) or settings.get("state") == "absent":
            continue
        able = merged.get("filter", {}).get("limits")
        ports = _ports(name, merged["services"].values())
        if able is None:
            yield f"{where}: no packet filter of this gateway keeps any (leave them out)"
        elif not ports:
            yield f"{where}: no service has these rules (services: NAME: tcpserver: rules: {name})"
        elif "/" in name:
            yield f"{where}: only rules with a name can have them, not with a path"
        elif not _within(ports, able):
            yield f"{where}: on this system, only the server on port 21 can have them"
        for key, why in (able or {}).get("cannot", {}).items():
            if key in limits:
                yield f"{where}:{key}: {why}"


def rendered(merged, path, fetch):
    """
    Return what the filter has to keep, ``{rule set: limits}``, as its template needs it.

    merged
        settings in which nothing is wrong
    path
        the pillar path of the rule sets
    fetch
        what brings a ``salt://`` file to this machine and returns its path

    Raises SaltInvocationError for a site with too many networks to be excepted.
    """
    able = merged.get("filter", {}).get("limits")
    up = [s for s in merged["services"].values() if s.get("state", "up") == "up"]
    found = {}
    for name, settings in merged["rules"].items() if able is not None else ():
        limits, ports = settings.get("limits"), _ports(name, up)
        if isinstance(limits, dict) and _within(ports, able) and "/" not in name:
            places = min(ports.values())
            found[name] = {
                "ports": list(ports),
                "per_client": limits.get("per_client", max(1, places * 2 // 3)),
                "never": _exempt(settings, limits.get("never", []), f"{path}:{name}", fetch),
                **_rate(limits),
            }
    return found


def _rate(limits):
    if "new" not in limits:
        return {}
    count, _, unit = limits["new"].partition("/")
    ban = {"ban": limits["ban"]} if "ban" in limits else {}
    return {"new": limits["new"], "count": int(count), "seconds": _SECONDS[unit], **ban}


def _within(ports, able):
    """Tell whether a filter is able to limit all of some ports, and there are any."""
    return bool(ports) and set(ports) <= set(able.get("ports", ports))


def _ports(name, services):
    """Return the ports of those services that have some rules, each with its places."""
    listeners = [service["tcpserver"] for service in services if "tcpserver" in service]
    return {
        listener["port"]: listener.get("concurrency", _PLACES)
        for listener in listeners
        if listener.get("rules") == name
    }


def _exempt(settings, names, path, fetch):
    """Return the networks of some sites, and whoever must get in, as few texts as can be."""
    declared = {"sites": {name: settings["sites"][name] for name in names}}
    checked = _sites.in_time(_sites.RULES.read(declared))
    lists = _addresslist.contents(checked, path, fetch)
    entries = list(settings.get("expect", {}).get("allow", []))
    for site in checked["sites"].values():
        entries += site["allow"]
        for file in site["allow_from"]:
            entries += filter(None, _addresslist.lines(lists[file]))
    blocks = _cidr.blocks([entry for entry in entries if ":" not in entry])
    networks = [ipaddress.ip_network(block) for same in blocks.values() for block in same]
    if len(networks) > MOST:
        raise SaltInvocationError(
            f"{path}:limits:never: these sites have {len(networks)} networks,"
            f" and the filter is given at most {MOST}"
        )
    return [_text(network) for network in ipaddress.collapse_addresses(networks)]


def _text(network):
    return str(network) if network.prefixlen < 32 else str(network.network_address)
