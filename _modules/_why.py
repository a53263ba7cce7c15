"""What the gateway knows of one address, on one screen: for whoever is on the telephone with it."""

import ipaddress
import re

import _glance
import _multilog

# How many sessions and lines of a log are shown, of each service.
LINES = 5


def about(address):
    """Return a regular expression that finds an address in a line of a log, and no longer one."""
    return rf"(?<![\d.]){re.escape(address)}(?![0-9a-f]|\.\d)"


def text(address, services):
    """
    Return what there is to say about an address.

    services
        ``{name: facts}``: ``problem`` of the service or None, its ``clients`` of ``places``; the
        ``verdict``, ``rule`` and ``site`` of its rules, and ``held``, what is held against them;
        ``banned``, its ban, or None; ``connections``, how many it has, or None where that is not
        known, of ``most``, or None where it has no limit, or False where that is not known;
        ``sessions`` as people are shown them, ``ports`` for data, and lines: of ``logins`` and of
        the ``log``
    """
    return "\n".join([address, *(line for entry in services.items() for line in _service(*entry))])


def most(limits, address):
    """Return how many connections an address may have by limits as rendered, None: any number."""
    client = ipaddress.ip_address(address)
    excepted = client.version > 4 or client.is_loopback
    excepted = excepted or any(client in ipaddress.ip_network(each) for each in limits["never"])
    return None if excepted else limits["per_client"]


def logins(records, address):
    """Return lines about the last log-in from an address, and about the last that failed."""
    told = {"logged in": "none", "failed": "none"}
    for record in records:
        if record["address"] == address and record["result"] in told:
            because = f" ({record['reason']})" if record["reason"] else ""
            told[record["result"]] = f"{record['time']} {record['account']}{because}"
    return [f"last log-in: {told['logged in']}", f"last that failed: {told['failed']}"]


def _service(name, facts):
    yield f"{_multilog.visible(name)}: {_answer(facts)}"
    yield from (f"  {line}" for line in facts["held"])
    yield f"  {_figures(facts)}"
    for session in facts["sessions"][:LINES]:
        does = " ".join(filter(None, (session["account"], _multilog.visible(session["does"]))))
        yield f"  session since {session['since']}: {does}"
    if facts["ports"]:
        yield f"  passive ports: {facts['ports']}"
    yield from (f"  {line}" for line in facts["logins"])
    yield from (f"  log: {line}" for line in facts["log"])


def _answer(facts):
    """Return whether it would be served now, and why, or why not."""
    rule = f"{facts['rule']} of {facts['site']}" if facts["rule"] else facts["site"]
    connections, most = facts["connections"], facts["most"]
    if facts["verdict"] == "deny":
        return f"no, by {rule}"
    if facts["banned"]:
        seconds = facts["banned"]["seconds"]
        lasting = "without an end" if seconds is None else f"for {_glance.age(seconds)}"
        return f"no, banned {lasting} (ftpgw.unban ends it)"
    if most and connections is not None and connections >= most:
        return f"no, it has the {most} connections that one address may have"
    if facts["problem"]:
        return f"no, {facts['problem']}"
    return f"yes, by {rule}"


def _figures(facts):
    most = "any number" if facts["most"] is None else facts["most"] or "how many is not known"
    has = "not known" if facts["connections"] is None else facts["connections"]
    taken = f"; places: {facts['clients']} of {facts['places']}" if facts["places"] else ""
    banned = "banned" if facts["banned"] else "not banned"
    return f"connections: {has} of {most}{taken}; {banned}"
