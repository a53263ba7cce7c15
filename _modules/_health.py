"""
How a gateway is: what it is declared to be, held against what it does.

Each check yields lines that begin with what they are about, and end with what to type.  What cannot
be asked is a line as well: nobody knows then that it is well.
"""

import contextlib
import glob
import itertools
import os
import shutil
import socket
import subprocess

import _accounts
import _inforce
import _listener
import _servicedir
import _servicehealth
import _sites
import _svscan
from _gateway import PILLAR
from salt.exceptions import CommandExecutionError

# Seconds for sshd to read its configuration.
PATIENCE = 5
INETD, SSHD = "/etc/inetd.conf", "/etc/ssh/sshd_config"
SBIN = "/usr/sbin:/usr/local/sbin"
SYSCTLD = "/etc/sysctl.d/zzz-ftpgw.conf"
DIRECTORIES = {
    "definitions": ("daemontools.definition_dir", "/var/svc.d"),
    "logs": ("daemontools.log_dir", "/var/multilog"),
    "rules": ("tcprules.dir", "/etc/tcprules"),
}
REMOVE = "leftovers: remove, and state.apply ftpgw"


def look(gateway, call, greeting=True):
    """
    Return ``problems`` and ``notes``, lists of lines, and what its ``services`` do, in figures.

    gateway
        its settings as rendered; a service may have its ``envdir`` as well
    call
        calls a function of Salt by name
    greeting
        whether services are asked for their greeting
    """
    services, notes = {}, []
    lines = asked("svscan", _svscans, gateway, call)
    lines += asked("services", _services, gateway, call, greeting, services, bool(lines))
    lines += asked("rules", _rules, gateway, call, notes)
    for what, check in CHECKS.items():
        lines += asked(what, check, gateway, call)
    return {"problems": list(dict.fromkeys(lines)), "notes": notes, "services": services}


def asked(what, check, *arguments):
    """Return the lines of a check; where it fails, why, for monitoring must be told of the rest."""
    lines = []
    try:
        for line in check(*arguments):
            lines.append(line)
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        lines.append(said if said.startswith(f"{what}: ") else f"{what}: cannot be asked: {said}")
    return lines


def _svscans(gateway, call):
    folder = call("config.get", "daemontools.service_dir", gateway["service_dir"])
    if _svscan.watches(folder) is False:
        yield f"svscan: none runs on {folder} (start svscanboot: systemctl start daemontools-run)"


def _services(gateway, call, greeting, services, alone):
    records = call("daemontools.show")
    folders = {name: call("config.get", *DIRECTORIES[name]) for name in DIRECTORIES}
    addresses = call("grains.get", "ipv4", []) + call("grains.get", "ipv6", [])
    for name, settings in gateway["services"].items():
        record = records.get(name)
        if alone and record and _mere_want_of_svscan(record):
            continue
        world = {"call": call, "greeting": greeting, "addresses": addresses, **folders}
        # What is wrong further on may be so because of the first.
        first = itertools.islice(_service(name, settings, record, world, services), 1)
        yield from asked(name, lambda first=first: first)


def _mere_want_of_svscan(record):
    """Tell whether all that is wrong with a service has been told of svscan."""
    return record["state"] == "unsupervised" or (record["problem"] or "").startswith(_svscan.NOBODY)


def _service(name, settings, record, world, services):
    path, up = f"{PILLAR}:services:{name}", settings.get("state", "up") == "up"
    wanted = _servicedir.checked(name, settings, path, world["logs"], world["rules"])
    known = wrong = None
    if record and up:
        try:
            log = wanted["multilog"] and wanted["multilog"]["directory"]
            known = _servicehealth.figures(record, log)
        except (OSError, CommandExecutionError) as error:
            known, wrong = _servicehealth.figures(record, None), error
        services[name] = known

    def changes():
        return world["call"]("daemontools.plan", name, settings, path)["changes"]

    yield from _servicehealth.problems(name, wanted, record, known, changes)
    if wrong:
        yield f"{name}: log: cannot be asked: {wrong}"
    if known and world["greeting"]:
        folder = os.path.join(world["definitions"], name)
        wanted["addresses"] = world["addresses"]
        yield from _servicehealth.unwelcome(name, folder, wanted)


def _rules(gateway, call, notes):
    folder = call("config.get", *DIRECTORIES["rules"])
    read = {listener.get("rules") for listener in _listeners(gateway)}
    for name, settings in gateway["rules"].items():
        there = os.path.exists(os.path.join(folder, f"{name}.cdb"))
        # That there is none is what whoever reads it is in trouble for.
        if there or name not in read:
            yield from asked(name, _rule_set, name, settings, there, call, notes)


def _listeners(gateway):
    """Return the tcpservers that are meant to be up."""
    return [
        settings["tcpserver"]
        for settings in gateway["services"].values()
        if "tcpserver" in settings and settings.get("state", "up") == "up"
    ]


def _rule_set(name, settings, there, call, notes):
    path = f"{PILLAR}:rules:{name}"
    plan = call("tcprules.plan", name, settings, path)
    changes = plan["changes"]
    notes += plan["warnings"]
    # Whoever holds something against the settings knows what he does not expect any more.
    tried = _sites.expected(_sites.checked(settings, path)) if there and not plan["held"] else {}
    unexpected = [
        f"{address} gets no {verdict}"
        for verdict, addresses in tried.items()
        for address in addresses
        if call("tcprules.check", name, address)["verdict"] != verdict
    ]
    what = [f"the rules in force are not as declared ({', '.join(changes)})"] if changes else []
    if what + unexpected:
        yield f"{name}: {'; '.join(what + unexpected)} (state.apply ftpgw.rules)"


def _account_lines(gateway, call):
    found = call("ftpgw.plan_accounts")
    where, changing = f"{PILLAR}:accounts", []
    for name, entry in found["accounts"].items():
        changes = ", ".join(f"{what} {how}" for what, how in entry["changes"].items())
        if changes:
            changing.append(name)
            yield f"{where}:{name}: is not as declared: {changes} (state.apply ftpgw.accounts)"
        elif entry["state"] == "left over":
            yield f"{where}: does not name {name} any more ({REMOVE}, or: userdel {name})"
    others = ", ".join(found["files"] | found["groups"])
    if others and not changing:
        yield f"{where}: not as declared: {others} (state.apply ftpgw.accounts)"
    yield from found["endings"]
    pam = gateway["pam"]
    if pam["file"] and not set(pam["lines"]) <= set(_lines(pam["file"])):
        yield f"{where}: {pam['file']} admits others, too (state.apply ftpgw.accounts)"
    present = (name for name, entry in found["accounts"].items() if entry["state"] == "present")
    yield from asked("sshd", _sshd, next(present, None))


def _left_over(gateway, call):
    for kind, names in call("ftpgw.leftovers").items():
        for name in names:
            yield f"{PILLAR}:{kind}: does not name {name} any more, which lives on ({REMOVE})"


def _packet_filter(gateway, call):
    filter = gateway["filter"]
    if not (gateway["firewall"]["manage"] and "show" in filter):
        return
    # What has no use for a filter has no file of rules.
    needed = gateway["proxied"] or gateway.get("guarded") or gateway.get("limited")
    if not (needed or os.path.exists(filter["file"])):
        return
    wrong = _inforce.problem(filter["file"], call("ftpgw.filter", filter["file"], filter["show"]))
    boot = filter["boot"]
    if not wrong and not set(boot["lines"]) <= set(_lines(boot["file"])):
        wrong = f"{boot['file']} does not load {filter['file']} at a boot"
    if wrong:
        yield f"packet filter: {wrong} (state.apply ftpgw.firewall)"


def _passive_ports(gateway, call):
    for name, value, file in _variables(gateway):
        found = call("ftpgw.sysctl", name, file)
        if found["now"] != value:
            yield f"{name}: is {found['now']}, not {value} (state.apply ftpgw)"
        elif found["boot"] != value and found["by"] not in (None, file):
            yield f"{name}: after a boot it is {found['boot']} (take it out of {found['by']})"
        elif found["boot"] != value:
            yield f"{name}: is not {value} after a boot by {file} (state.apply ftpgw)"


def _variables(gateway):
    """Yield the variables of the kernel that are to have a value, and in which file."""
    if "passive_sysctl" in gateway and (gateway["proxied"] or gateway.get("guarded")):
        # With TLS the server has some of the passive ports, and the kernel the others.
        kept = gateway.get("passive_kernel", gateway["network"]["passive_ports"])
        ports = " ".join(map(str, kept))
        yield gateway["passive_sysctl"], ports, SYSCTLD
    for file, variables in gateway.get("boot", {}).get("variables", {}).items():
        if os.path.basename(file) == "sysctl.conf":
            for name, value in variables.items():
                yield name, str(value), file


def _inetd(gateway, call):
    """The next HUP, or a boot, may give inetd a port that is ours."""
    ports = {str(listener["port"]) for listener in _listeners(gateway)}
    known = ports | {name for port in ports for name in _names(port)}
    for path in [INETD, *sorted(glob.glob(f"{INETD.removesuffix('.conf')}.d/*"))]:
        first = [line.split(None, 1)[0] for line in _lines(path) if line.strip()]
        taken = sorted({word.rpartition(":")[2] for word in first} & known)
        if taken:
            yield f"inetd: {path} has lines for {', '.join(taken)} (state.apply ftpgw.inetd)"


def _names(port):
    """Yield the other name of a port: its number, or what /etc/services calls it."""
    with contextlib.suppress(OSError):
        yield socket.getservbyport(int(port)) if port.isdigit() else str(_listener.number(port))


def _sshd(account):
    """It must deny every account, also where a `Match` speaks of it."""
    program = shutil.which("sshd", path=SBIN)
    if not (program and account and os.path.exists(SSHD)):
        return
    whom = f"user={account},host=localhost,addr=127.0.0.1"
    done = subprocess.run(
        [program, "-T", "-f", SSHD, "-C", whom],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    # One that cannot be asked, before it has been started say, serves nobody.
    words = [line.lower().split() for line in done.stdout.splitlines()]
    denied = {line[1] for line in words if line[0] == "denygroups"}
    missing = {_accounts.GROUP, _accounts.LEFT} - denied
    if done.returncode == 0 and missing:
        groups = " ".join(sorted(missing))
        yield f"sshd: does not deny {groups} (state.apply ftpgw.accounts, or see Match in {SSHD})"


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


CHECKS = {
    "accounts": _account_lines,
    "packet filter": _packet_filter,
    "passive ports": _passive_ports,
    "inetd": _inetd,
    "leftovers": _left_over,
}
