"""
Settings in layers, weakest first: defaults, what the system needs, pillar.

A row of ``ftpgw/platforms/`` or ``ftpgw/servers/`` holds for releases ``since`` one and ``before``
another one, and, with ``proxy: true`` or ``false``, for a gateway with or without an FTP proxy.  So
it does with ``tls``, and with ``required``: where nobody is served without TLS.  Its texts may name
what pillar says of the network and of TLS: ``{network.int_ip}``.
"""

import re

import _servicedir

_RELEASE = re.compile(r"\d+(\.\d+)?")


def merged(layers):
    """Return one mapping of several: the last one decides, mappings are merged key by key."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged([result[key], value]) if both else value
    return result


def rows(file, system, facts):
    """
    Return the settings of the rows that hold for a system.

    file
        what a file of ``ftpgw/platforms/`` or ``ftpgw/servers/`` holds
    system
        its grains ``os_family`` and ``osrelease``; a release that is no number is the newest
    facts
        ``{condition: whether it holds}`` of this gateway
    """
    number = _RELEASE.match(str(system["osrelease"]))
    release = float(number[0]) if number else float("inf")
    return [
        row["settings"]
        for row in file.get(system["os_family"], [])
        if row.get("since", 0) <= release
        and ("before" not in row or release < row["before"])
        and all(row.get(fact, holds) == holds for fact, holds in facts.items())
    ]


def filled(value, known):
    """Return settings with texts in the place of their names in braces."""
    if isinstance(value, dict):
        return {filled(key, known): filled(entry, known) for key, entry in value.items()}
    if isinstance(value, list):
        return [filled(entry, known) for entry in value]
    if isinstance(value, str) and "{" in value:
        for name, text in known.items():
            value = value.replace(f"{{{name}}}", text)
    return value


def added(below, above):
    """Return settings with others over them; packages are added to those that are there."""
    packages = [*below.get("packages", []), *above.get("packages", [])]
    return merged([below, above, {"packages": list(dict.fromkeys(packages))}])


def with_pillar(below, declared):
    """
    Return the settings of the system with those of pillar over them.

    A list in pillar takes the place of another one; packages are added to those of the system.  A
    service with a whole `run` has nothing of what would make one.
    """
    given = {key: value for key, value in declared.items() if value is not None}
    services = given.get("services")
    if isinstance(services, dict) and isinstance(below.get("services"), dict):
        kept = {
            name: _without_script(service) if _has_run(services.get(name)) else service
            for name, service in below["services"].items()
        }
        below = {**below, "services": kept}
    return added(below, given) if _is_listing(given.get("packages")) else merged([below, given])


def _is_listing(packages):
    return isinstance(packages, list) and all(isinstance(name, str) for name in packages)


def _has_run(service):
    return isinstance(service, dict) and "run" in service


def _without_script(service):
    gone = (*_servicedir.PARTS, "greeting")
    return {key: value for key, value in service.items() if key not in gone}
