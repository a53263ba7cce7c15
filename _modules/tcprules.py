"""
Who may connect: the rules by which tcpserver admits clients.

A rule set is two files in the directory ``tcprules.dir`` of the minion configuration (default
/etc/tcprules): ``NAME.rules`` is for people, ``NAME.cdb`` is what tcpserver reads. docs/rules.md
describes the settings that make both.
"""

import contextlib
import datetime
import os
import time
from itertools import chain

import _addresslist
import _check
import _cidr
import _holds
import _multilog
import _rulefiles
import _rules
import _ruleslint
import _sessions
import _sites
import _tcpcdb
import _tcpserver
import _verdicts
from salt.exceptions import CommandExecutionError, SaltInvocationError

_OLD = " (the old rules stand)"
# How often the minion looks, once the time of something has come, in seconds.
_LOOKS = 20


def render(name, settings, path=None):
    """
    Return the text of the ``.rules`` file that settings make, without writing anything.

    name
        The name of the rule set.

    settings
        A mapping of ``sites``, ``default``, ``admits``, ``expect`` and ``state``, as docs/rules.md
        describes it.

    path
        The pillar path with which errors begin; default: the name.

    Raises SaltInvocationError with a line for all that is wrong.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.render ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    path = path or name
    checked = _sites.checked(settings, path)
    lists = _addresslist.contents(checked, path, __salt__["cp.cache_file"])
    groups = _sites.groups(checked, lists, path)
    return _sites.text(name, groups, checked["default"], path)


def plan(name, settings, path=None):
    """
    Return what settings would do to a rule set: whose verdict changes, and which rules.

    name, settings, path
        As for ``tcprules.render``.

    Returns ``changes``, a mapping such as ``{"acme": {"deny -> allow": ["9.9.9.0/24"]}}``, and
    ``lines``, the rules that go (``-9.9.9.13:deny``) and that come (``+9.9.9.:allow``); both are
    empty where all is as it should be. ``revoked`` has the addresses whose sessions would be ended
    (``revoke: end``); ``held`` tells what revert and deny hold against the settings, ``warnings``
    that too, which lists have ended, and of denied clients that stay.

    Raises SaltInvocationError with a line for all that is wrong.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.plan ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    with _in_one_line(name):
        planned = _plan(name, settings, path)
        denied, warnings = _denied(name, settings, planned)
    lines = _verdicts.lines(planned["old"], planned["text"]) if planned["changes"] else []
    return {
        "changes": planned["changes"],
        "lines": lines,
        "revoked": _addresses(denied),
        "held": planned["held"],
        "warnings": planned["warnings"] + warnings,
    }


def install(name, settings, path=None):
    """
    Make both files of a rule set as settings have them, and try them before they are in force.

    name, settings, path
        As for ``tcprules.render``.

    Returns the ``changes``, ``revoked`` and ``warnings`` as ``tcprules.plan`` tells them; and a
    ``problem`` where something went wrong when the new rules had come into force.

    Raises SaltInvocationError with a line for all that is wrong, and CommandExecutionError where
    anything else fails; the old rules then stand.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.install ftp '{"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}'
    """
    with _in_one_line(name, _OLD):
        planned = _plan(name, settings, path)
        done = _rulefiles.install(name, planned, _directory())
    if done["changes"] and not planned["text"]:
        # What was held went along.
        try:
            _ended_in_time(name)
        except OSError as error:
            done = {"problem": f"{name}: {_rulefiles.said(error)}", **done}
    # Only now: whoever is sent away would come back at once.
    denied, warnings = _denied(name, settings, planned)
    ended = _sessions.end(denied) if denied else []
    return {**done, "revoked": _addresses(ended), "warnings": planned["warnings"] + warnings}


def compile(name, test=False):
    """
    Make the cdb of a rule set from its ``.rules`` file as it stands.

    name
        The rule set, or the absolute path of its ``.rules`` file.

    test
        Only tell what would change.

    Returns the ``changes`` as ``tcprules.plan`` tells them, empty where the cdb has just the
    records that the file makes; as ``warnings`` what ``tcprules.lint`` has to say about the file;
    and a ``problem`` where something went wrong when the new cdb had come into force.

    Raises CommandExecutionError where tcprules refuses a line; the old cdb stays in force.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.compile ftp
        salt gw1 tcprules.compile ftp test=True
    """
    with _in_one_line(name):
        answer = {"changes": _rulefiles.uncompiled(name, _directory()), "warnings": _lint(name)}
    with _in_one_line(name, _OLD):
        return answer if test else {**answer, **_rulefiles.compile(name, _directory())}


def check(name, ip, host=None, info=None):
    """
    Return whether a client may connect, and by which rule of which site.

    name
        The rule set, or the absolute path of one of its files.

    ip
        The client's address.

    host, info
        The client's name and what its ident server says, for a tcpserver that asks for them.

    Returns a mapping: ``verdict`` and ``env`` as tcpserver takes them from the cdb; ``rule`` and
    ``site`` as they stand in the ``.rules`` file; ``warnings`` where one of these is in doubt. For
    scripts, ``salt-call`` exits with 1 if the client is denied.

    Raises CommandExecutionError where there is no cdb to ask.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.check ftp 9.9.9.9
    """
    with _in_one_line(name):
        answer = _answer(name, ip, host, info)
    if answer["verdict"] == "deny":
        __context__["retcode"] = 1
    return answer


def lookup(ip):
    """
    Return what every rule set says about an address.

    ip
        The address.

    Returns a mapping of the names of the rule sets to what ``tcprules.check`` returns.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.lookup 9.9.9.9
    """
    found = {}
    for name, cdb in _rulefiles.cdbs(_directory()):
        with _in_one_line(name):
            found[name] = _answer(cdb, ip)
    return found


def dump(name, sites=False):
    """
    Return the records of a cdb as the lines that would make them.

    name
        The rule set, or the absolute path of its ``.cdb`` file.

    sites
        Return the lines of the ``.rules`` file instead, with the comments that name the sites,
        where the cdb was made of it.

    Raises CommandExecutionError where there is no such cdb.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.dump ftp
    """
    if sites:
        return _meant(name).splitlines()
    cdb = _rulefiles.paths(name, _directory())[1]
    with _in_one_line(name):
        return _rules.dump(_tcpcdb.records(cdb))


def lint(name=None, text=None):
    """
    Return which rules do not mean what they seem to, and what was probably meant.

    name
        The rule set, or the absolute path of its ``.rules`` file.

    text
        Lines to look at instead of a file.

    Returns a list of lines for people; an empty one where nothing is wrong.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.lint ftp
        salt gw1 tcprules.lint text='192.168.0:allow'
    """
    if text is not None:
        return _ruleslint.lint(text, ipv6=_tcpserver.speaks_ipv6())
    with _in_one_line(name):
        return _lint(name)


def diff(old, new):
    """
    Return whose verdict differs between two rule sets, by site and by range of addresses.

    old, new
        The name of a rule set, for the rules in force; or the absolute path of a ``.rules`` file,
        for what it would do; or a list of lines, as ``tcprules.dump`` returns them elsewhere.
        ``new`` may be a number of ``tcprules.history``: what would change if these rules came back.

    Returns a mapping such as ``{"acme": {"deny -> allow": ["9.9.9.0/24"]}}``.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.diff ftp /root/ftp.rules
        salt gw1 tcprules.diff ftp 2
    """
    if isinstance(new, int):
        with _in_one_line(old):
            held = {**_rulefiles.held(old, _directory()), "again": None}
            return _rulefiles.replan(old, new, held, _directory())["changes"]
    return _verdicts.difference(_meant(old), _meant(new))


def digest(name=None):
    """
    Return a digest of what rules mean: equal where they admit the same clients.

    name
        The rule set, or the absolute path of one of its files; all of them by default.

    The order of the lines, comments, variables, and how networks are cut into rules are no part of
    it. Returns text, or ``{name: text}``. 200,000 addresses take a second.

    CLI Example:

    .. code-block:: bash

        salt '*' tcprules.digest ftp
    """
    if name is not None:
        return _verdicts.digest(_meant(name))
    return {name: digest(cdb) for name, cdb in _rulefiles.cdbs(_directory())}


def history(name):
    """
    List the last settings of a rule set that were in force, the newest first, which has number 0.

    name
        The rule set.

    Returns a list of mappings: ``number``, for ``tcprules.diff`` and ``tcprules.revert``, and
    ``since``, when they came into force. The last ten are kept.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.history ftp
    """
    moments = _rulefiles.past(name, _directory())
    return [{"number": n, "since": _multilog.said(moment)} for n, moment in enumerate(moments)]


def revert(name, number, until="2h"):
    """
    Put past rules in force again for a while, whatever the settings say.

    name
        The rule set.

    number
        Which, as ``tcprules.history`` counts them.

    until
        For how long: ``45m``, ``2h``, ``1d``, or until a time such as ``2026-11-26T08:00``. Runs of
        states until then keep them in force and say so. Then the minion, by its schedule, makes the
        rules what the settings say; without a running minion the next run of states does.
        ``tcprules.release`` does so at once.

    Returns the ``changes`` and ``warnings`` as ``tcprules.plan`` tells them.

    Raises SaltInvocationError for a wrong argument, and CommandExecutionError where anything else
    fails; the rules in force then stand.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.revert ftp 1 until=2h
    """
    if type(number) is not int or number < 0:
        raise SaltInvocationError(f"number: expected one of history, got {_check.got(number)}")
    moment = _holds.until(until, time.time())
    with _in_one_line(name, _OLD):

        def again(held):
            try:
                past = _rulefiles.past_settings(name, number, _directory())
            except IndexError:
                raise CommandExecutionError(f"there is no number {number} in its history")
            return {**held, "again": {**past, "until": moment}}

        return _held(name, again)


def deny(name, address, until="1d"):
    """
    Deny an address or a network at once and for a while, whatever the settings say.

    name
        The rule set.

    address
        Such as ``9.9.9.9`` or ``9.9.9.0/24``; with all that is inside.

    until
        As for ``tcprules.revert``.

    Sessions go on (see ``ftpgw.end``). Returns and raises as ``tcprules.revert`` does.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.deny ftp 9.9.9.9 until=1d
    """
    moment = _holds.until(until, time.time())
    blocks = _cidr.blocks([_tcpserver.known(str(address))])
    if 0 in blocks:
        raise SaltInvocationError("address: that is everyone (daemontools.drain, or state: down)")
    with _in_one_line(name, _OLD):
        denied = dict.fromkeys(chain.from_iterable(blocks.values()), moment)
        return _held(name, lambda held: {**held, "denied": {**held["denied"], **denied}})


def release(name, passed=False):
    """
    Make the rules what the settings say again: end all that revert and deny hold against them.

    name
        The rule set.

    passed
        End only what is past its time, as the minion does by itself.

    Returns and raises as ``tcprules.revert`` does.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.release ftp
    """
    with _in_one_line(name, _OLD):
        if passed and not _rulefiles.past(name, _directory()):
            # The rules are gone, and the minion would ask for this for ever.
            return {"changes": {}, "warnings": _ended_in_time(name)}
        if passed and not _rulefiles.is_sealed(name, _directory()):
            # Somebody keeps out whom pillar lets in, and nobody would read that he comes back.
            told = "its files were edited by hand, so the next run of states ends what is held"
            return {"changes": {}, "warnings": [f"{name}: {told}"]}
        return _held(name, lambda held: held if passed else _holds.NOTHING)


def from_cidr(cidr):
    """
    Return the address that a rule needs for a network.

    cidr
        The network, such as ``192.168.0.0/23``, or a single address.

    CLI Example:

    .. code-block:: bash

        salt gw1 tcprules.from_cidr 192.168.0.0/23
    """
    blocks = _cidr.blocks([_tcpserver.known(str(cidr))])
    addresses = _cidr.rules(list(chain.from_iterable(blocks.values())))
    if len(addresses) > 1:
        raise SaltInvocationError(f"{str(cidr)!r} needs {len(addresses)} rules")
    return addresses[0]


@contextlib.contextmanager
def _in_one_line(name, more=""):
    """Let what fails here fail in one line that begins with the name of the rules."""
    try:
        yield
    except (CommandExecutionError, OSError) as error:
        raise CommandExecutionError(f"{name}: {_rulefiles.said(error)}{more}")


def _held(name, change):
    done = _rulefiles.hold(name, change, _directory())
    if "problem" in done:
        raise CommandExecutionError(done["problem"])
    return {**done, "warnings": [*done["warnings"], *_ended_in_time(name)]}


def _ended_in_time(name):
    """Have the minion's schedule end what is held, or say that it will not."""
    # By now it may be more.
    job, end = f"tcprules {name}", _holds.first_end(_rulefiles.held(name, _directory()))
    # Without a master there is a schedule only within a minion that runs.
    runs = __opts__.get("file_client") != "local" or __opts__.get("__cli") == "salt-minion"
    if runs:
        __salt__["schedule.delete"](job)
    if end is None:
        return []
    if runs:
        added = __salt__["schedule.add"](
            job,
            function="tcprules.release",
            job_args=[name],
            job_kwargs={"passed": True},
            # It reads no zone: this is the minion's own time.
            after=datetime.datetime.fromtimestamp(end).isoformat(timespec="seconds"),
            seconds=_LOOKS,
            run_on_start=False,
            maxrunning=1,
            return_job=False,
        )
        if added["result"]:
            return []
    return [f"{name}: no minion runs here to end it then (the first run of states after it does)"]


def _plan(name, settings, path):
    fetch = __salt__["cp.cache_file"]
    return _rulefiles.plan(name, settings, path or name, _directory(), fetch)


def _denied(name, settings, planned):
    """Return the sessions that are to be ended when a plan is carried out, and what to say."""
    cdb = _rulefiles.paths(name, _directory())[1]
    ends = settings.get("revoke") == "end"
    if not (ends or planned["changes"]):
        return [], []
    try:
        scripts = _scripts()
        # Only of a tcpserver that asks neither for a name nor an ident server is the answer known.
        if len(_tcpserver.deaf(cdb, scripts)) < 2:
            return [], []
        readers = _tcpserver.readers(cdb, scripts)
        sessions = _sessions.read(_tcpserver.ports({name: scripts[name] for name in readers}))
        verdict = _rulefiles.verdicts(planned, name, _directory())
        denied = [session for session in sessions if verdict(session["address"]) == "deny"]
    except (LookupError, OSError, CommandExecutionError) as error:
        # The rules are none the worse for it.
        said = _rulefiles.said(error)
        return [], [f"{name}: whether somebody is connected who is denied is not known: {said}"]
    if ends or not denied:
        return denied, []
    return [], [
        f"{name}: {len(denied)} sessions of denied clients go on, from"
        f" {', '.join(_addresses(denied))} (ftpgw.end ADDRESS ends them, 'revoke: end' all)"
    ]


def _addresses(sessions):
    return sorted({session["address"] for session in sessions})


def _answer(name, ip, host=None, info=None):
    rules, cdb = _rulefiles.paths(name, _directory())
    ip = _cidr.address(_tcpserver.known(str(ip)))
    try:
        found = _tcpcdb.first(cdb, _rules.keys_for(ip, host, info))
    except FileNotFoundError:
        raise CommandExecutionError(f"there is no {cdb}, so tcpserver drops every client")
    if not found:
        return {"verdict": "allow", "rule": None, "site": None, "env": {}}
    key, data = found
    verdict, env = _rules.meaning(data)
    rule, site = _rulefiles.origin(rules, key) or (None, None)
    answer = {"verdict": verdict, "rule": rule, "site": site, "env": env}
    warnings = _doubts(rules, cdb, rule, data) + _unasked(cdb, key.decode(errors="replace"))
    return {**answer, "warnings": warnings} if warnings else answer


def _lint(name):
    deaf = _tcpserver.deaf(_rulefiles.paths(name, _directory())[1], _scripts())
    return _ruleslint.lint(_rulefiles.text(name, _directory()), deaf, _tcpserver.speaks_ipv6())


def _directory():
    return __salt__["config.get"]("tcprules.dir", "/etc/tcprules")


def _scripts():
    return _tcpserver.scripts(__salt__["config.get"]("daemontools.definition_dir", "/var/svc.d"))


def _doubts(rules, cdb, rule, data):
    """Say where the .rules file and the cdb tell different stories."""
    try:
        newer = os.stat(rules).st_mtime_ns > os.stat(cdb).st_mtime_ns
    except FileNotFoundError:
        return [f"there is no {rules} to tell the site"]
    if rule is None:
        return [f"{rules} has no such rule; the cdb was made of something else"]
    if not _says(rule, data):
        return [f"{rules} says something else; the cdb decides"]
    return [f"{rules} is newer than the cdb, and not yet compiled"] if newer else []


def _says(rule, data):
    # Somebody may have written what tcprules has yet to refuse.
    with contextlib.suppress(SaltInvocationError):
        return _rules.line(rule, _tcpserver.speaks_ipv6())[1] == data
    return False


def _unasked(cdb, key):
    """Say whether tcpserver can know of a client what a rule asks."""
    needed = {"info"} if "@" in key else set()
    needed |= {"host"} if "=" in key else set()
    if not needed.intersection(_tcpserver.deaf(cdb, _scripts()) if needed else ()):
        return []
    return ["tcpserver runs with -R or -H: it will not know enough to use this rule"]


def _meant(name):
    if isinstance(name, list):
        return "\n".join(map(str, name))
    with _in_one_line(name):
        if str(name).endswith(".rules"):
            return _rulefiles.text(name, _directory())
        text = _rulefiles.in_force(name, _directory())
        if text is None:
            raise CommandExecutionError("there is no cdb in force")
        return text
