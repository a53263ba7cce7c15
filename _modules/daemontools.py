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
import re

from salt.exceptions import CommandExecutionError, SaltInvocationError

LOG = logging.getLogger(__name__)

__func_alias__ = {"exit_": "exit"}
__outputter__ = {"status": "yaml"}

FOLDERS = ("log/supervise", "log", "env", "supervise")
NAME = re.compile(r"[^./\x00-\x20-][^/\x00-\x1f]*(/log)?")
LETTERS = re.compile(r"[udopchaitkx]+")
# For how many seconds a service must be up before it counts as up, and how long to wait for it.
STABLE_FOR = 2
TIMEOUT = 15


def definition(name):
    """
    Return the directory where the files of a service are, or will be.

    CLI Example: ``salt '*' daemontools.definition open-ftpd``
    """
    folder = __salt__["config.get"]("daemontools.definition_dir", "/var/svc.d")
    return os.path.join(folder, name)


def directory(name, settings):
    """
    Return the files that a service with these settings has, without writing any.

    name
        The service.

    settings
        Its settings, as for the state daemontools.supervised.

    Returns ``{path: {"mode": MODE, "text": TEXT}}``.  Raises SaltInvocationError for a wrong
    setting.

    CLI Example: ``salt '*' daemontools.directory hello '{command: [/usr/local/bin/hello]}'``
    """
    checked = __salt__["servicedir.settings"](name, settings)
    return __salt__["servicedir.render"](name, checked)


def show(name):
    """
    Return the record of a service, as daemontools.status shows it.

    CLI Example: ``salt '*' daemontools.show open-ftpd/log``
    """
    return __salt__["supervise.read"](_path(name))


def status(name=None, sig=None):
    """
    Return the records of all services, or whether one is up.

    name
        A service.  It is up when it has been so for 2 seconds; one that has just been started is
        waited for.  A paused service, and one that dies again and again, is not up.

    sig
        Look for a process with this in its command line instead, as Salt's other providers do.

    Without a name, returns ``{name: record}``.  A record has ``state`` (up, down, paused, failed,
    unsupervised, missing, denied, unreadable), ``pid``, ``since``, ``seconds``, ``want``,
    ``enabled``, ``problem`` and ``log``.

    CLI Example: ``salt '*' daemontools.status``, ``salt '*' daemontools.status open-ftpd``
    """
    if name is None:
        return __salt__["supervise.read_all"](_directory())
    if sig:
        return bool(__salt__["status.pid"](sig))
    try:
        path = _path(name)
    except CommandExecutionError:
        return False
    if __salt__["supervise.read"](path)["state"] != "up":
        return False
    return __salt__["supervise.settle"](path, STABLE_FOR, STABLE_FOR + 1)["stable"]


def pid(name):
    """
    Return the pid of a service, or None.

    CLI Example: ``salt '*' daemontools.pid open-ftpd``
    """
    return show(name)["pid"]


def svok(name):
    """
    Return whether a service is supervised.

    CLI Example: ``salt '*' daemontools.svok open-ftpd``
    """
    return __salt__["supervise.answers"](_path(name))


def svc(name, letters):
    """
    Give orders to a service by their letters, from left to right.

    name
        The service.

    letters
        Some of u, d, o, p, c, h, a, i, t, k, x, as for svc(8).

    Returns True when supervise has them.  Raises CommandExecutionError when it cannot be reached.

    CLI Example: ``salt '*' daemontools.svc open-ftpd h``
    """
    if not isinstance(letters, str) or not LETTERS.fullmatch(letters):
        raise SaltInvocationError(f"{name}: {letters!r} is not made of the letters udopchaitkx")
    try:
        return __salt__["supervise.order"](_path(name), letters)
    except CommandExecutionError as error:
        raise CommandExecutionError(f"{name}: {error.message}")


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
    try:
        svc(name, "d")
        return _down(name, timeout)
    except CommandExecutionError as error:
        LOG.error("%s", error.message)
        return False


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
    before = pid(name)
    svc(name, "tcu")
    return _stable(name, timeout, unlike=before)


def full_restart(name, timeout=TIMEOUT):
    """
    Stop a service, wait until it is down, and start it.

    CLI Example: ``salt '*' daemontools.full_restart open-ftpd``
    """
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
        return os.access(os.path.join(_path(name), "run"), os.X_OK)
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
    return available(name) and not os.path.lexists(os.path.join(_path(name), "down"))


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
        os.unlink(os.path.join(_path(name), "down"))
    return enabled(name)


def disable(name, **kwargs):
    """
    Keep a service from starting at boot: make a ``down`` file.  It is not stopped now.

    Returns whether it is so; the minion's log says why not.

    CLI Example: ``salt '*' daemontools.disable open-ftpd``
    """
    try:
        with open(os.path.join(_path(name), "down"), "a"):
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
    return [name for name, record in status().items() if record["state"] == "up"]


def link(name, timeout=10):
    """
    Link a service where svscan looks, and wait until it and its log are supervised.

    name
        The service; its files are in the directory that daemontools.definition names.

    timeout
        How many seconds to wait at most; svscan looks every 5.

    CLI Example: ``salt '*' daemontools.link open-ftpd``
    """
    return _scan("link", name, timeout)


def unlink(name, timeout=10):
    """
    Remove the link of a service, and end its processes and those of its log.

    CLI Example: ``salt '*' daemontools.unlink open-ftpd``
    """
    return _scan("unlink", name, timeout)


def relink(name, timeout=10):
    """
    Unlink a service and link it again, so that svscan notices a ``log`` that came or went.

    It is down for up to 12 seconds.

    CLI Example: ``salt '*' daemontools.relink open-ftpd``
    """
    return _scan("relink", name, timeout)


def remove(name, timeout=10):
    """
    Unlink a service and remove the files that Salt wrote.  Its logs stay.

    CLI Example: ``salt '*' daemontools.remove open-ftpd``
    """
    if __salt__["svscan.directory"]():
        _scan("unlink", name, timeout)
    __salt__["filetree.remove"](definition(name), FOLDERS)
    return True


def log(name, lines=20, since=None, grep=None):
    """
    Return the last lines of the log of a service, each with its local time in front.

    name
        The service.

    lines, since, grep
        As for multilog.read: at most so many lines, no older than ``1h`` or ``2026-11-23T12:00``,
        only those in which a regular expression is found.

    CLI Example: ``salt '*' daemontools.log open-ftpd lines=50 since=1h grep=deny``
    """
    folder = __salt__["multilog.directory"](_path(name))
    return __salt__["multilog.read"](folder, lines, since, grep)


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
    return __salt__["multilog.rotate"](_path(name), timeout)


def mask(name, runtime=False):
    """
    Raise CommandExecutionError: daemontools has no masks.

    CLI Example: ``salt '*' daemontools.mask open-ftpd``
    """
    raise CommandExecutionError(f"{name}: daemontools has no masks (disable it, or unlink it)")


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
    return {name: os.path.join(_path(name), "run") for name in get_all()}


def _always(verb, answer, reason):
    """Return a function of Salt's service provider to which there is but one answer."""

    def function(name=None, runtime=False):
        return answer

    function.__doc__ = f"""
    Return {answer}: {reason}.

    CLI Example: ``salt '*' daemontools.{verb}``
    """
    return function


offline = _always("offline", False, "there is no other root directory than this one")
masked = _always("masked", False, "daemontools has no masks")
unmask = _always("unmask", True, "no service is masked")
get_static = _always("get_static", [], "every service can be enabled and disabled")
systemctl_reload = _always("systemctl_reload", True, "supervise reads run at every start")


def _path(name):
    """Return where svscan sees a service."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise CommandExecutionError(f"{name!r}: no such service (that is no name of one)")
    return os.path.join(_directory(), name)


def _directory():
    folder = __salt__["svscan.directory"]()
    if folder and os.path.isdir(folder):
        return folder
    raise CommandExecutionError(
        f"there is no {folder or '/service'} for svscan "
        "(install daemontools, or set daemontools.service_dir)"
    )


def _scan(deed, name, timeout):
    __salt__["servicedir.service_name"](name)
    try:
        return __salt__[f"svscan.{deed}"](_path(name), definition(name), timeout)
    except (CommandExecutionError, OSError) as error:
        raise CommandExecutionError(f"{name}: {error}")


def _stable(name, timeout, unlike=None):
    record = __salt__["supervise.settle"](_path(name), STABLE_FOR, timeout, unlike)
    if record["stable"]:
        return True
    if record["starts"] > 1:
        raise CommandExecutionError(f"{name}: does not stay up (see daemontools.log {name})")
    raise CommandExecutionError(
        f"{name}: not up within {timeout} s ({record['problem'] or 'the old process goes on'})"
    )


def _down(name, timeout):
    if __salt__["supervise.wait"](_path(name), "down", timeout):
        return True
    raise CommandExecutionError(f"{name}: did not end within {timeout} s of TERM")
