"""
Services under daemontools: what they are doing, and orders to them by name.

Takes the place of the module that Salt 3008 removed, and can be Salt's service provider, for one
state (``provider: daemontools``) or for a minion (``providers: {service: daemontools}``).  The log
of a service is a service too: ``NAME/log``.

Minion configuration: ``daemontools.service_dir`` is the directory that svscan watches, found by
itself if not set; ``daemontools.definition_dir`` is where the links in it point, ``/var/svc.d``.
"""

import contextlib
import logging
import os

import _check
import _files
import _glance
import _listener
import _multilog
import _restarts
import _servicechange
import _servicedir
import _serving
import _sessions
import _supervise
import _svscan
from salt.exceptions import CommandExecutionError, SaltInvocationError

LOG = logging.getLogger(__name__)

__func_alias__ = {"exit_": "exit"}
__outputter__ = {"show": "yaml", "status": "txt"}

# For how many seconds a service must be up before it counts as up, and how long to wait for it.
STABLE_FOR = 2
TIMEOUT = 15


def plan(name, settings, path=None, trial=False):
    """
    Return what separates a service from its settings, to the line; nothing is touched.

    name
        The service.

    settings
        A mapping, as for the state daemontools.declared: docs/services.md has them all.

    path
        Where the settings stand, to begin error messages with; the name by default.

    trial
        Whether its daemon is tried against its ``greeting`` as well, where that changes nothing:
        the service is up, and each of its clients gets this very program already.

    Returns a mapping: ``changes`` (``{what: how}``, empty where nothing is to be done; a value of
    ``envdir`` is never shown), ``wanted`` (up, down, kept down, absent), ``now`` (what the service
    does), ``settled`` (whether it has done so for long enough) and ``tried`` (whether its daemon
    was, or None where there is nothing to try).  Raises SaltInvocationError with a line for every
    wrong setting, and CommandExecutionError where somebody else's files are in the way, or where
    the trial failed.

    CLI Example: ``salt '*' daemontools.plan hello '{command: [/usr/local/bin/hello]}'``
    """
    with _told_of(name):
        return _servicechange.plan(name, *_goal(name, settings, path), trial)


def apply(name, settings, path=None):
    """
    Make a service what its settings say, and wait until it is so.

    name, settings, path
        As for daemontools.plan.

    Returns what is left to do, as daemontools.plan does.  Raises as that does, and
    CommandExecutionError for what could not be done.

    CLI Example: ``salt '*' daemontools.apply hello '{command: [/usr/local/bin/hello]}'``
    """
    with _told_of(name):
        goal = _goal(name, settings, path)
        note = _servicechange.apply(name, *goal)
        left = _servicechange.plan(name, *goal)
    return left | {"now": f"{left['now']}, {note}" if note else left["now"]}


def link(name, settings, path=None, test=False):
    """
    Link a new service that is to be up, but keep it down, so that svscan finds it early.

    name, settings, path
        As for daemontools.plan.

    test
        Whether to return only what would change.

    Returns the changes, as daemontools.plan does; a service that is linked already is left alone.
    It is started by daemontools.apply.  Raises as that does.

    CLI Example: ``salt '*' daemontools.link hello '{command: [/usr/local/bin/hello]}' test=True``
    """
    with _told_of(name):
        return _servicechange.link(name, *_goal(name, settings, path), test)


def files(name, settings, path=None):
    """
    Return the files that a service with these settings has, without writing any.

    name, settings, path
        As for daemontools.plan.

    Returns ``{path: {"mode": MODE, "text": TEXT}}``; the text of a variable is not shown.  Raises
    SaltInvocationError with a line for every wrong setting.

    CLI Example: ``salt '*' daemontools.files hello '{command: [/usr/local/bin/hello]}'``
    """
    made = _servicedir.files(name, _checked(name, settings, path))
    secret = {file: {**made[file], "text": None} for file in made if file.startswith("env/")}
    return made | secret


def show(name=None):
    """
    Return the record of a service, or those of all of them, for programs.

    name
        A service, or ``NAME/log``.  The command fails where there is no such service.

    Without a name, returns ``{name: record}``.  A record has ``state`` (up, starting, down, paused,
    failed, unsupervised, missing, denied, unreadable), ``pid``, ``since``, ``seconds``, ``want``,
    ``enabled``, ``problem`` and ``log``; and ``clients`` and ``limit``, the places of a tcpserver
    that are taken and those that there are.  A problem ends with what svscan or supervise said last
    of the service, where svscanboot runs and still shows it (Linux).

    CLI Example: ``salt '*' daemontools.show --out=json``, ``salt gw1 daemontools.show hello/log``
    """
    folder = _directory()
    if name is None:
        watched = _svscan.watches(folder)
        records = {
            service: _completed(record, f"{folder}/{service}", watched)
            for service, record in _supervise.read_all(folder).items()
        }
        return _svscan.explained(records)
    path = _path(name)
    record = _supervise.read(path)
    if record["state"] == "missing":
        __context__["retcode"] = 1
    return _completed(record, path, _svscan.watches(folder))


def problems():
    """
    List what is wrong with the services, one line each; an empty list where all is well.

    Each line begins with the service, and ends with what to type where that is known.  Where there
    is one, the exit status is 1.

    CLI Example: ``salt '*' daemontools.problems``
    """
    found = _glance.problems(show())
    if found:
        __context__["retcode"] = 1
    return found


def status(name=None, sig=None):
    """
    Return a line for each service, those in trouble first; or whether one is up.

    name
        A service.  It is up when it has been so for 2 seconds; one that has just been started is
        waited for.  A paused service, and one that dies again and again, is not up, but it is not
        dead either: the state service.dead is told that it is there.

    sig
        Look for a process with this in its command line instead, as Salt's other providers do.

    Without a name, returns text, of which ``salt`` prints each line with the minion in front: name,
    state, for how long, places taken and places in all, and a problem, which ``!!`` precedes.
    Programs ask daemontools.show.

    CLI Example: ``salt '*' daemontools.status``, ``salt '*' daemontools.status open-ftpd``
    """
    if name is None:
        return _glance.text(show())
    if sig:
        return bool(__salt__["status.pid"](sig))
    try:
        path = _path(name)
    except CommandExecutionError:
        return False
    record = _supervise.read(path)
    # What asks before it stops a service wants to know whether there is anything to stop.
    if __salt__["daemontools.asked_by"]() == "dead":
        return record["pid"] is not None or record["want"] == "up"
    if record["state"] != "up":
        return False
    return _supervise.settle(path, STABLE_FOR, STABLE_FOR + 1)["stable"]


def asked_by():
    """
    Return which state of Salt's ``service`` asked last in this run, for example ``dead``, or None.

    As a service provider this module is loaded once more, apart from where Salt says so.

    CLI Example: ``salt '*' daemontools.asked_by``
    """
    return __context__.get("service.state")


def pid(name):
    """
    Return the pid of a service, or None.

    CLI Example: ``salt '*' daemontools.pid open-ftpd``
    """
    return _supervise.read(_path(name))["pid"]


def svc(name, letters):
    """
    Give orders to a service by their letters, from left to right.

    name
        The service.

    letters
        Some of u, d, o, p, c, h, a, i, t, k, x, as for svc(8); with daemontools-encore also q, 1,
        2, w.

    Returns True when supervise has them.  Raises CommandExecutionError when it cannot be reached.

    CLI Example: ``salt '*' daemontools.svc open-ftpd h``
    """
    with _told_of(name):
        known = _supervise.letters(_path(name))
        if not letters or not isinstance(letters, str) or set(letters) - set(known):
            raise SaltInvocationError(f"{name}: {letters!r} is not made of the letters {known}")
        return _supervise.order(_path(name), letters)


def _signal(verb, letter, deed):
    def send(name):
        return svc(name, letter)

    send.__doc__ = f"""
    {deed}

    Returns True when supervise has the order.  Raises CommandExecutionError otherwise.

    CLI Example: ``salt '*' daemontools.{verb} open-ftpd``
    """
    return send


up = _signal("up", "u", "Start a service, and again whenever it dies.")
down = _signal("down", "d", "Stop a service with TERM, and do not start it again.")
once = _signal("once", "o", "Start a service, but not again when it dies.")
pause = _signal("pause", "p", "Send STOP to a service.")
cont = _signal("cont", "c", "Send CONT to a service.")
hup = _signal("hup", "h", "Send HUP to a service.")
alarm = _signal("alarm", "a", "Send ALRM to a service.")
interrupt = _signal("interrupt", "i", "Send INT to a service.")
term = _signal("term", "t", "Send TERM to a service.")
kill = _signal("kill", "k", "Send KILL to a service.")
exit_ = _signal("exit", "x", "Let supervise exit when the service dies.")


def start(name, timeout=TIMEOUT):
    """
    Start a service, and wait until it has been up for 2 seconds.

    name
        The service.

    timeout
        How many seconds to wait at most.

    Returns True.  Raises CommandExecutionError if it did not stay up.

    CLI Example: ``salt '*' daemontools.start open-ftpd``
    """
    _seconds(timeout)
    svc(name, "uc")
    return _stable(name, timeout)


def stop(name, timeout=TIMEOUT):
    """
    Stop a service, and wait until it is down.  It starts at boot as before.

    name
        The service.

    timeout
        How many seconds to wait at most.

    Returns whether it is down; the minion's log says why not.

    CLI Example: ``salt '*' daemontools.stop open-ftpd``
    """
    _seconds(timeout)
    try:
        svc(name, "d")
        return _down(name, timeout)
    except CommandExecutionError as error:
        LOG.error("%s", error.message)
        return False


def drain(name, timeout=300):
    """
    Take a service under tcpserver down without ending anybody: nobody new gets in.

    name
        The service.

    timeout
        How many seconds to wait at most for those who are connected to leave.

    Returns the addresses of those who are connected still, an empty list where all have left.  The
    service stays down until daemontools.start, the next state.apply or a boot.  Raises
    CommandExecutionError where it is no service under tcpserver, or does not end.

    CLI Example: ``salt '*' daemontools.drain ftp-proxy timeout=600``
    """
    _seconds(timeout)
    with _told_of(name):
        port = _serving.port(_path(name), _supervise.read(_path(name)))
        if port is None:
            raise CommandExecutionError("there is no tcpserver in its run script")
        svc(name, "d")
        _down(name, TIMEOUT)
        try:
            left = _sessions.wait(_sessions.read({name: _listener.number(port)}), timeout)
        except LookupError as error:
            raise CommandExecutionError(f"is down; who is connected is not known: {error}")
        return sorted(session["address"] for session in left)


def restart(name, timeout=TIMEOUT):
    """
    Send TERM to a service, and wait until another process has been up for 2 seconds.

    name
        The service; one that is down is started.

    timeout
        How many seconds to wait at most.

    Returns True.  Raises CommandExecutionError if there is no new process or it did not stay up.

    CLI Example: ``salt '*' daemontools.restart open-ftpd``
    """
    _seconds(timeout)
    before = pid(name)
    svc(name, "tcu")
    return _stable(name, timeout, unlike=before)


def full_restart(name, timeout=TIMEOUT):
    """
    Stop a service, wait until it is down, and start it.

    CLI Example: ``salt '*' daemontools.full_restart open-ftpd``
    """
    _seconds(timeout)
    svc(name, "d")
    return _down(name, timeout) and start(name, timeout)


def reload(name):
    """
    Send HUP to a service that is up.

    Returns whether it was.

    CLI Example: ``salt '*' daemontools.reload open-ftpd``
    """
    return pid(name) is not None and svc(name, "h")


def force_reload(name):
    """
    Send HUP to a service that is up, or start it.

    CLI Example: ``salt '*' daemontools.force_reload open-ftpd``
    """
    return reload(name) or start(name)


def available(name):
    """
    Return whether there is such a service: a directory with a ``run`` where svscan looks.

    CLI Example: ``salt '*' daemontools.available open-ftpd``
    """
    try:
        return os.access(_run(name), os.X_OK)
    except CommandExecutionError:
        return False


def missing(name):
    """
    Return whether there is no such service.

    CLI Example: ``salt '*' daemontools.missing open-ftpd``
    """
    return not available(name)


def get_all():
    """
    Return the names of all services.

    CLI Example: ``salt '*' daemontools.get_all``
    """
    try:
        return sorted(filter(available, os.listdir(_directory())))
    except CommandExecutionError:
        return []


def enabled(name, **kwargs):
    """
    Return whether a service starts at boot: there is one, and it has no ``down`` file.

    CLI Example: ``salt '*' daemontools.enabled open-ftpd``
    """
    return available(name) and not os.path.lexists(_down_file(name))


def disabled(name, **kwargs):
    """
    Return whether a service does not start at boot.

    CLI Example: ``salt '*' daemontools.disabled open-ftpd``
    """
    return not enabled(name)


def enable(name, **kwargs):
    """
    Let a service start at boot: remove its ``down`` file.  It is not started now.

    Raises CommandExecutionError if there is no such service.

    CLI Example: ``salt '*' daemontools.enable open-ftpd``
    """
    if not available(name):
        raise CommandExecutionError(f"{name}: no such service")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_down_file(name))
    return enabled(name)


def disable(name, **kwargs):
    """
    Keep a service from starting at boot: make a ``down`` file.  It is not stopped now.

    Returns whether it is so; the minion's log says why not.

    CLI Example: ``salt '*' daemontools.disable open-ftpd``
    """
    try:
        _files.put(_down_file(name), "", 0o644)
        return disabled(name)
    except (CommandExecutionError, OSError) as error:
        LOG.error("%s: cannot make a down file: %s", name, error)
        return False


def get_enabled():
    """
    Return the names of the services that start at boot.

    CLI Example: ``salt '*' daemontools.get_enabled``
    """
    return [name for name in get_all() if enabled(name)]


def get_disabled():
    """
    Return the names of the services that do not start at boot.

    CLI Example: ``salt '*' daemontools.get_disabled``
    """
    return [name for name in get_all() if disabled(name)]


def get_running():
    """
    Return the names of the services that have a process.

    CLI Example: ``salt '*' daemontools.get_running``
    """
    return [name for name, record in show().items() if record["state"] == "up"]


def log(name, lines=20, since=None, grep=None):
    """
    Return the last lines of the log of a service, each with its local time in front.

    name
        The service.

    lines, since, grep
        At most so many lines, no older than ``1h`` or ``2026-11-23T12:00``,
        only those in which a regular expression is found.

    CLI Example: ``salt '*' daemontools.log open-ftpd lines=50 since=1h grep=deny``
    """
    with _told_of(name):
        folder = _multilog.directory(_path(name))
        return _multilog.read(folder, lines, since, grep)


def rotate(name, timeout=5):
    """
    Let the logger of a service finish its current file now.

    name
        The service.

    timeout
        How many seconds to wait for the finished file at most.

    Returns the name of that file, or None if nothing had been written since the last one.

    CLI Example: ``salt '*' daemontools.rotate open-ftpd``
    """
    _seconds(timeout)
    with _told_of(name):
        return _multilog.rotate(_path(name), timeout)


def firstboot(**kwargs):
    """
    Raise CommandExecutionError: that is systemd's.

    CLI Example: ``salt '*' daemontools.firstboot``
    """
    raise CommandExecutionError("daemontools has nothing to do at a first boot")


def execs():
    """
    Return the program of each service, by name.

    CLI Example: ``salt '*' daemontools.execs``
    """
    return {name: _run(name) for name in get_all()}


def _always(verb, answer, reason):
    """Return a function of Salt's service provider to which there is but one answer."""

    def function(name=None, runtime=False):
        return answer

    function.__doc__ = f"""
    Return {answer}: {reason}.

    CLI Example: ``salt '*' daemontools.{verb}``
    """
    return function


def _unmaskable(verb):
    """Return a function about masks, which Salt asks before it promises one."""

    def function(name, runtime=False):
        raise CommandExecutionError(f"{name}: daemontools has no masks (disable it, or unlink it)")

    function.__doc__ = f"""
    Raise CommandExecutionError: daemontools has no masks.

    CLI Example: ``salt '*' daemontools.{verb} open-ftpd``
    """
    return function


mask, masked, unmask = map(_unmaskable, ("mask", "masked", "unmask"))
offline = _always("offline", False, "there is no other root directory than this one")
get_static = _always("get_static", [], "every service can be enabled and disabled")
systemctl_reload = _always("systemctl_reload", True, "supervise reads run at every start")


@contextlib.contextmanager
def _told_of(name):
    """Let every error of the world begin with the service."""
    try:
        yield
    except OSError as error:
        text = ": ".join(filter(None, (name, error.filename, error.strerror)))
        raise CommandExecutionError(text)
    except CommandExecutionError as error:
        text = error.message
        raise CommandExecutionError(text if text.startswith(str(name)) else f"{name}: {text}")


def _completed(record, path, watched):
    """Return a record that also says what its log, its script and its tcpserver tell."""
    record["clients"], record["limit"], unserved = _serving.look(path, record)
    if record["log"]:
        record["problem"] = _restarts.problem(path, record)
    if not record["problem"]:
        record["problem"] = unserved if watched is not False else _svscan.NOBODY
    return record


def _path(name):
    """Return where svscan sees a service."""
    if not isinstance(name, str) or not _servicedir.ANY_NAME.fullmatch(name):
        raise CommandExecutionError(f"{name!r}: no such service (that is no name of one)")
    return os.path.join(_directory(), name)


def _run(name):
    """Return the program of a service; that of a logger may be all there is of it."""
    path = _path(name)
    return path if _supervise.program(path) else os.path.join(path, "run")


def _down_file(name):
    path = _path(name)
    return os.path.join(_supervise.program(path) or path, "down")


def _directory():
    folder = _scanned()
    if os.path.isdir(folder):
        return folder
    raise CommandExecutionError(_svscan.nowhere(folder))


def _scanned():
    configured = __salt__["config.get"]("daemontools.service_dir", None)
    return _svscan.directory(configured, __grains__["os_family"])


def _goal(name, settings, path):
    """Return what is wanted of a service, where its files are, and where svscan looks."""
    wanted, scanned = _checked(name, settings, path), _scanned()
    folder = __salt__["config.get"]("daemontools.definition_dir", "/var/svc.d")
    # What is only kept down may be anybody's service.
    folder = folder if _servicedir.is_run(wanted) or wanted["state"] == "absent" else scanned
    more = {
        "path": path or "",
        "addresses": __grains__.get("ipv4", []) + __grains__.get("ipv6", []),
    }
    return wanted | more, os.path.join(folder, name), scanned


def _checked(name, settings, path):
    log_dir = __salt__["config.get"]("daemontools.log_dir", "/var/multilog")
    rules_dir = __salt__["config.get"]("tcprules.dir", "/etc/tcprules")
    return _servicedir.checked(name, settings, str(path or name), log_dir, rules_dir)


def _stable(name, timeout, unlike=None):
    record = _supervise.settle(_path(name), STABLE_FOR, timeout, unlike)
    if record["stable"]:
        return True
    if record["starts"] > 1:
        raise CommandExecutionError(f"{name}: does not stay up (see daemontools.log {name})")
    reason = record["problem"] or f"the old process goes on: daemontools.kill {name}"
    raise CommandExecutionError(f"{name}: not up within {timeout} s ({reason})")


def _seconds(timeout):
    """Refuse what is no number of seconds, before anything is ordered."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout >= 0:
        raise SaltInvocationError(
            f"timeout: expected a number of seconds, got {_check.got(timeout)}"
        )


def _down(name, timeout):
    if _supervise.wait(_path(name), "down", timeout):
        return True
    raise CommandExecutionError(
        f"{name}: did not end within {timeout} s of TERM (daemontools.kill {name})"
    )
