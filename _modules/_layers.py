"""
Settings in layers, weakest first: defaults, what the system needs, pillar.

A row of ``ftpgw/platforms/`` holds for releases ``since`` one and ``before`` another one, and, with
``proxy: true`` or ``false``, for a gateway with or without an FTP proxy.  Its texts may name what
pillar says of the network: ``{network.int_ip}``.
"""

import re

import _servicedir

_RELEASE = re.compile(r"\d+(\.\d+)?")
# Where pillar has no network, or one that makes no sense, only that is to be told.
_STAND_INS = {"int_ip": "127.0.0.1", "int_net": "127.0.0.0/8"}


def merged(layers):
    """Return one mapping of several: the last one decides, mappings are merged key by key."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged([result[key], value]) if both else value
    return result


def rows(platform, system, proxied):
    """
    Return the settings of the rows that hold for a system.

    platform
        what a file of ``ftpgw/platforms/`` holds
    system
        its grains ``os_family`` and ``osrelease``; a release that is no number is the newest
    proxied
        whether it has an FTP proxy
    """
    number = _RELEASE.match(str(system["osrelease"]))
    release = float(number[0]) if number else float("inf")
    return [
        row["settings"]
        for row in platform.get(system["os_family"], [])
        if row.get("since", 0) <= release
        and ("before" not in row or release < row["before"])
        and row.get("proxy", proxied) == proxied
    ]


def filled(value, network):
    """Return settings with the values of the network in the place of their names."""
    if isinstance(value, dict):
        return {filled(key, network): filled(entry, network) for key, entry in value.items()}
    if isinstance(value, list):
        return [filled(entry, network) for entry in value]
    if not isinstance(value, str) or "{network." not in value:
        return value
    first, last = network["passive_ports"]
    known = {**network, "first_port": first, "last_port": last}
    for key, entry in known.items():
        value = value.replace(f"{{network.{key}}}", str(entry or _STAND_INS.get(key, "")))
    return value


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
    if isinstance(given.get("packages"), list):
        given["packages"] = [
            *below.get("packages", []),
            *(name for name in given["packages"] if name not in below.get("packages", [])),
        ]
    return merged([below, given])


def _has_run(service):
    return isinstance(service, dict) and "run" in service


def _without_script(service):
    gone = (*_servicedir.PARTS, "greeting")
    return {key: value for key, value in service.items() if key not in gone}
