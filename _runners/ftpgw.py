"""
The fleet of gateways, as its master sees it: one table each, and changes in waves.

Every gateway that is meant stands in every table, also one that does not answer. What is printed
is for people; with ``--out=json`` the key ``gateways`` holds what each of them said.
"""

import contextlib
import functools
import logging
import os
import signal
import sys
import time

import _alone
import _fleet
import _minions
import _report
import _rollout
import _tables
import _traffic
import _waves
import _written
from salt.exceptions import CommandExecutionError

# For how long the rules of before come back to a gateway that fails.
_REVERTS = {"stop": None, "revert": "2h"}


def rollout(
    tgt,
    canaries=(),
    wave="10%",
    sls="ftpgw",
    test=False,
    on_failure="stop",
    tgt_type="glob",
    timeout=None,
):
    """
    Apply states in waves, and stop at the first gateway that is not well.

    tgt, tgt_type
        the gateways, as ``salt`` means them

    canaries
        ids of gateways that come first, one by one, in this order

    wave
        how many come together afterwards, as a number or as a part of all, such as ``10%``

    sls
        the states to apply

    test
        only show what would change

    on_failure
        ``revert`` puts the rules of before in force again, for two hours, on each gateway that
        fails; ``stop`` leaves it as it is

    timeout
        seconds until a silent gateway is asked whether it is at work; by default the ``timeout``
        of the master

    Nothing begins unless every gateway answers and would not fail in a rehearsal. What would change
    is shown, equal changes once; only those that would change are touched. After each wave its
    gateways must be well (``ftpgw.health``). The last lines say who has the new, who the old, and
    who is between; exit status 1 if it stopped. It never begins while another one is going on.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.rollout 'gw*' canaries='[gw1, gw2]' wave=10%
        salt-run ftpgw.rollout 'gw*' test=True
    """
    ids, ask = _minions.matched(__opts__, tgt, tgt_type), _asking(timeout)
    strangers = _minions.strangers(__opts__, tgt, tgt_type, ids, ask)
    ids = [one for one in ids if one not in strangers]
    if isinstance(canaries, (list, tuple)):
        canaries = list(map(str, canaries))
    wrong = _waves.problem(ids, canaries, wave)
    if on_failure not in list(_REVERTS):
        wrong = f"on_failure: must be stop or revert, not {on_failure!r}"
    if not sls:
        # To a minion that is all of its states.
        wrong = f"sls: must name states such as ftpgw, not {sls!r}"
    if wrong:
        return _told([wrong], 1)
    revert, cached = _REVERTS[on_failure], __opts__["pillar_cache"]
    change = _rollout.Rollout(ids, canaries, wave, sls, revert, cached, ask, _say)
    what = f"a rollout to {tgt} (pid {os.getpid()}) has been at work since {time.strftime('%T')}"
    lock = os.path.join(__opts__["cachedir"], "ftpgw-rollout.lock")
    try:
        with _alone.alone(lock, what):
            return _run(change, test)
    except CommandExecutionError as error:
        return _told([f"nothing was touched: {error}"], 1)


def status(tgt="*", tgt_type="glob", timeout=None):
    """
    Show how each gateway is, those in trouble first.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    A gateway is well where ``ftpgw.health`` finds no problem; older modules are asked for
    ``daemontools.problems``. Last comes which of them have which version of the formula. Exit
    status 1 if one is not well.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.status
        salt-run ftpgw.status 'gw1*' --out=json
    """
    ids = _minions.matched(__opts__, tgt, tgt_type)
    found = {one: about for one, *about in _rollout.healths(_asking(timeout), ids)}
    problems = {one: lines for one, (lines, _) in found.items()}
    lines = _fleet.status(problems, {one: version for one, (_, version) in found.items()})
    return _told(lines, int(any(problems.values()) or not ids), problems)


def admits(address, tgt="*", tgt_type="glob", timeout=None):
    """
    Show which gateways let an address in, and by which rule of which site.

    address
        the address of a client

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    Exit status 1 if a gateway does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.admits 9.9.9.9
    """
    return _table(_fleet.admits, "tcprules.lookup", (tgt, tgt_type, timeout), str(address))


def drift(tgt="*", sls="ftpgw", tgt_type="glob", timeout=None):
    """
    Show what separates gateways from what pillar declares, the rarest difference first.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    sls
        the states that would be applied

    Nothing is changed but that a gateway with other modules gets those of the file server. Exit
    status 1 if there is a difference, or no answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.drift 'gw*'
    """
    return _table(_fleet.drift, "state.apply", (tgt, tgt_type, timeout), sls, test=True)


def compare(tgt="*", tgt_type="glob", timeout=None):
    """
    Show which gateways' rules mean something else, and for whom.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    Gateways are grouped by ``tcprules.digest``; of each group but the largest one gateway tells
    whose verdict differs from there. Exit status 1 if there is a difference, or no answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.compare 'gw*'
    """
    ids, ask = _minions.matched(__opts__, tgt, tgt_type), _asking(timeout)
    answers = dict(ask(ids, "tcprules.digest"))
    (lines, differs), _ = _minions.made(lambda told: _fleet.compare(told, ask), answers)
    return _told(lines, int(differs), {one: answer.value for one, answer in answers.items()})


def figures(tgt="*", since="1d", by="site", service=None, tgt_type="glob", timeout=None):
    """
    Show how many were let in and refused, gateway by gateway and added up over all of them.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    since, by, service
        as for ``salt gw1 ftpgw.figures``

    Exit status 1 if a gateway does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.figures
        salt-run ftpgw.figures 'gw*' since=1h by=address
    """
    settings = {"service": service, "since": str(since), "by": by}
    make = functools.partial(_traffic.figures, by=by)
    return _table(make, "ftpgw.figures", (tgt, tgt_type, timeout), **settings)


def sessions(tgt="*", who=None, tgt_type="glob", timeout=None):
    """
    Show who is connected to which gateway, the oldest session first.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    who
        only those of this address, network, site or account

    Exit status 1 if a gateway does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.sessions
        salt-run ftpgw.sessions 'gw*' who=acme
    """
    return _table(_traffic.sessions, "ftpgw.sessions", (tgt, tgt_type, timeout), who)


def report(tgt="*", out=None, since="1d", drift=False, tgt_type="glob", timeout=None):
    """
    Write a page of the whole fleet: one file for a browser, which loads nothing from anywhere.

    tgt, tgt_type, timeout
        as for ``ftpgw.rollout``

    out
        the path of the file; whoever runs this alone may read it, unless it was there before

    since
        of how much of the logs connections are counted

    drift
        whether states are rehearsed as well, as ``ftpgw.drift`` does it, which takes longer

    What is not well stands first; then which site is admitted where, connections by hour, who was
    refused, sessions and places, and certificates that end. Exit status 1 if a gateway is not well
    or does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run ftpgw.report out=/root/fleet.html
        salt-run ftpgw.report 'gw*' out=/root/fleet.html since=12h drift=True
    """
    if not out:
        return _told(["out: the path of a file is needed, such as out=/root/fleet.html"], 1)
    ids, ask = _minions.matched(__opts__, tgt, tgt_type), _asking(timeout)
    answers = dict(ask(ids, "ftpgw.overview", since=str(since)))
    lines = None
    if drift:
        rehearsed = dict(ask(ids, "state.apply", "ftpgw", test=True))
        (lines, _), _ = _minions.made(_fleet.drift, rehearsed)
    page = functools.partial(_report.page, now=time.time(), since=since, drift=lines)
    text, answers = _minions.made(page, answers)
    try:
        _written.write(str(out), text)
    except OSError as error:
        return _told([f"{out}: {error.strerror}"], 1)
    bad = _report.unwell(answers)
    count = _tables.counted(len(ids), "gateway")
    told = f"{out}: {count}, {len(bad)} not well" if ids else _fleet.NOBODY
    return _told([told], int(bool(bad) or not ids))


def _table(make, function, who, *arguments, **settings):
    """Ask all the same, and return the table that is made of it."""
    tgt, tgt_type, timeout = who
    ids = _minions.matched(__opts__, tgt, tgt_type)
    answers = dict(_asking(timeout)(ids, function, *arguments, **settings))
    (lines, wrong), _ = _minions.made(make, answers)
    return _told(lines, int(wrong), {one: answer.value for one, answer in answers.items()})


def _run(change, test):
    """Run a rollout; neither a Ctrl-C nor a fault takes the report away."""
    why = ""
    try:
        change.run(test)
    except (KeyboardInterrupt, SystemExit):
        # A second one would.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        why = ", by hand"
    except Exception as error:
        logging.getLogger(__name__).info("ftpgw.rollout", exc_info=True)
        why = f", by a fault: {type(error).__name__}: {_minions.first_line(error)}"
    if test and not change.stopped:
        return _told(change.rehearsal(), 0, change.would_change)
    head = f"stopped {change.stopped}{why}" if change.stopped else "done"
    stands = {one: {"has": has, "told": told} for one, (has, told) in change.stands.items()}
    return _told(
        [head, *(f"  {line}" for line in change.table())], int(bool(change.stopped)), stands
    )


def _asking(timeout):
    return lambda ids, function, *arguments, **settings: _minions.ask(
        __opts__, timeout, ids, function, *arguments, **settings
    )


def _say(text):
    """Tell whoever watches; lines before it would make JSON none."""
    if not __opts__.get("output"):
        text = "\n".join(map(_tables.visible, text.split("\n")))
        # Who reads it by a pipe is told now; if he has gone, that is no reason to stop half-way.
        with contextlib.suppress(OSError):
            __jid_event__.fire_event({"text": text, "outputter": "ftpgw_lines"}, "progress")
            sys.stdout.flush()


def _told(lines, retcode, gateways=None):
    """Return what `salt-run` prints; an orchestration heeds the exit status in the context."""
    __context__["retcode"] = retcode
    more = {"gateways": gateways} if __opts__.get("output") and gateways is not None else {}
    text = "\n".join(map(_tables.visible, lines))
    return {"outputter": "ftpgw_lines", "text": text, "retcode": retcode, **more}
