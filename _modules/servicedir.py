"""
What the directory of a daemontools service holds: settings in, files out.

Nothing here touches a disk.  The settings carry the names of the programs of daemontools and
ucspi-tcp, with the options spelled out; the files are those that ``supervise`` looks for.
"""

import difflib
import os.path
import re

from salt.exceptions import SaltInvocationError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,199}")
ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
ADDRESS = re.compile(r"[A-Za-z0-9:][A-Za-z0-9:._-]*")
PORT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
UMASK = re.compile(r"[0-7]{3,4}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

WHOLE_SCRIPT = ("command", "umask", "softlimit", "tcpserver", "setuidgid", "envdir")


def settings(name, settings, pillar=None):
    """
    Return the settings of a service, checked and with the defaults filled in.

    name
        The service, for example ``open-ftpd``.

    settings
        A mapping: ``state`` (up, down or absent), ``enabled``, ``umask``, ``softlimit``,
        ``tcpserver``, ``setuidgid``, ``envdir``, ``command`` (a list of words), ``run`` (a
        whole script instead of these), ``multilog`` (a mapping, or false), ``stable_for`` and
        ``timeout`` in seconds.

    pillar
        Where the settings stand, to begin error messages with; the name by default.

    Raises SaltInvocationError for a setting that is unknown, missing, of the wrong type or at
    odds with another one.

    CLI Example:

    .. code-block:: bash

        salt '*' servicedir.settings hello '{command: [/usr/local/bin/hello]}'
    """
    path = str(name if pillar is None else pillar)
    service_name(name, path)
    checked = _table(SERVICE)(settings, path)
    checked = {"state": "up", "stable_for": 3, "timeout": 15, "multilog": True} | checked
    checked.setdefault("enabled", checked["state"] != "down")
    _refuse_contradictions(checked, path)
    if checked["multilog"]:
        checked["multilog"] = _logger(name, checked["multilog"])
    if "tcpserver" in checked:
        checked["tcpserver"] = _server(checked["tcpserver"], f"{path}:tcpserver")
    return checked


def service_name(name, path=None):
    """
    Return the name if a service may be called so.

    Raises SaltInvocationError otherwise, beginning with the given path or the name.

    CLI Example:

    .. code-block:: bash

        salt '*' servicedir.service_name open-ftpd
    """
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    return _refuse(
        path or name,
        f"{name!r} cannot name a service (letters, digits and _ . + @ - only, "
        "not beginning with a dot or a dash, at most 200)",
    )


def render(name, settings):
    """
    Return the files of a service directory as ``{path: {"mode": MODE, "text": TEXT}}``.

    name
        The service.

    settings
        Its settings as returned by servicedir.settings.

    CLI Example:

    .. code-block:: bash

        salt '*' daemontools.directory hello '{command: [/usr/local/bin/hello]}'
    """
    if not {"run", "command"} & settings.keys():
        return {}
    files = {
        f"env/{variable}": {"mode": "0600", "text": f"{value}\n"}
        for variable, value in settings.get("envdir", {}).items()
    }
    if settings["multilog"]:
        logger = __salt__["runscript.logger"](settings["multilog"])
        files["log/run"] = {"mode": "0755", "text": logger}
    if not settings["enabled"]:
        files["down"] = {"mode": "0644", "text": ""}
    script = settings.get("run") or __salt__["runscript.service"](name, settings)
    files["run"] = {"mode": "0755", "text": script}
    return files


def _refuse(path, problem):
    raise SaltInvocationError(f"{path}: {problem}")


def _word(pattern, what):
    def check(value, path):
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        return _refuse(path, f"must be {what}, not {value!r}")

    return check


def _number(low, high=None):
    def check(value, path):
        if type(value) is int and low <= value and (high is None or value <= high):
            return value
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        return _refuse(path, f"must be a whole number {limits}, not {value!r}")

    return check


def _choice(*words):
    def check(value, path):
        if isinstance(value, str) and value in words:
            return value
        return _refuse(path, f"must be {', '.join(words[:-1])} or {words[-1]}, not {value!r}")

    return check


def _flag(value, path):
    if isinstance(value, bool):
        return value
    return _refuse(path, f"must be true or false, not {value!r}")


def _table(checks):
    """Return a check for a mapping whose keys are those of ``checks``."""

    def check(value, path):
        if not isinstance(value, dict):
            _refuse(path, f"must be a mapping of settings, not {value!r}")
        for key in value:
            if key not in checks:
                close = difflib.get_close_matches(str(key), checks, 1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                _refuse(path, f"unknown setting {key!r}{hint}")
        return {key: checks[key](value[key], f"{path}:{key}") for key in checks if key in value}

    return check


def _text(value, path):
    if not isinstance(value, str):
        _refuse(path, f"must be text, not {value!r} (put it in quotes)")
    if CONTROL.search(value):
        _refuse(path, "must be one line without control characters")
    return value


def _words(value, path):
    if not isinstance(value, list) or not value:
        _refuse(path, f"must be a list of words, not {value!r}")
    words = [_text(word, path) for word in value]
    if not words[0] or words[0].startswith("-"):
        _refuse(path, f"must begin with a program, not {words[0]!r}")
    return words


def _script_text(value, path):
    if not isinstance(value, str) or not value.startswith("#!"):
        _refuse(path, "must be a script that begins with '#!'")
    if "\0" in value or "\r" in value:
        _refuse(path, "must not contain carriage returns or NUL")
    return value if value.endswith("\n") else f"{value}\n"


def _absolute(value, path):
    text = _text(value, path)
    if not text.startswith("/") or os.path.normpath(text) != text or text == "/":
        _refuse(path, f"must be an absolute path without '..' or a final '/', not {value!r}")
    return text


def _environment(value, path):
    """Check an envdir; its values are secrets, so no message shows one."""
    if not isinstance(value, dict):
        _refuse(path, "must be a mapping of variables to text")
    for variable, content in value.items():
        if not isinstance(variable, str) or not VARIABLE.fullmatch(variable):
            _refuse(path, f"{variable!r} cannot name a variable")
        if not isinstance(content, str):
            _refuse(f"{path}:{variable}", "must be text (put it in quotes)")
        # envdir(8): "Spaces and tabs at the end of t are removed."
        if CONTROL.search(content) or content != content.rstrip(" "):
            _refuse(
                f"{path}:{variable}",
                "must be one line without control characters and spaces at its end",
            )
    return dict(value)


def _limit(value, path):
    return value if value == "hard" else _number(0)(value, path)


def _address(value, path):
    return "0" if value == 0 and value is not False else _host(value, path)


def _port(value, path):
    if isinstance(value, str) and PORT_NAME.fullmatch(value):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and 0 <= value <= 65535:
        return value
    return _refuse(path, f"must be a port from 0 to 65535 or a service name, not {value!r}")


def _rules(value, path):
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    return _absolute(value, path)


def _patterns(value, path):
    if not isinstance(value, list):
        _refuse(path, f"must be a list of patterns, not {value!r}")
    for pattern in value:
        if _text(pattern, path)[:1] not in ("+", "-"):
            _refuse(path, f"a pattern begins with + or -, not as in {pattern!r}")
    return list(value)


def _log(value, path):
    return value if isinstance(value, bool) else _table(MULTILOG)(value, path)


def _log_account(value, path):
    return value if value is False else _account(value, path)


_account = _word(ACCOUNT, "the name of an account")
_host = _word(ADDRESS, "an address, a host name or 0")

SOFTLIMIT = (
    "memory",
    "data",
    "stack",
    "locked",
    "total",
    "open_files",
    "processes",
    "file_size",
    "core",
    "resident",
    "cpu",
)
MULTILOG = {
    "user": _log_account,
    "directory": _absolute,
    "size": _number(4096, 16777215),
    "files": _number(2),
    "select": _patterns,
}
TCPSERVER = {
    "address": _address,
    "port": _port,
    "verbose": _flag,
    "remote_info": _flag,
    "remote_host": _flag,
    "paranoid": _flag,
    "delay": _flag,
    "ip_options": _flag,
    "local_name": _word(ADDRESS, "a host name or 0"),
    "concurrency": _number(1),
    "backlog": _number(1),
    "timeout": _number(1),
    "banner": _text,
    "uid": _number(1),
    "gid": _number(1),
    "rules": _rules,
}
SERVICE = {
    "state": _choice("up", "down", "absent"),
    "enabled": _flag,
    "umask": _word(UMASK, "three or four octal digits in quotes"),
    "softlimit": _table(dict.fromkeys(SOFTLIMIT, _limit)),
    "tcpserver": _table(TCPSERVER),
    "setuidgid": _account,
    "envdir": _environment,
    "command": _words,
    "run": _script_text,
    "multilog": _log,
    # supervise takes a second to notice that a process has died.
    "stable_for": _number(2, 3600),
    "timeout": _number(1, 3600),
}


def _refuse_contradictions(checked, path):
    if "run" in checked:
        for key in WHOLE_SCRIPT:
            if key in checked:
                _refuse(path, f"'run' is the whole script: put '{key}' into it, or leave it out")
    elif "command" not in checked:
        parts = [key for key in WHOLE_SCRIPT if key in checked]
        if checked["state"] == "up" or (checked["state"] == "down" and parts):
            _refuse(path, "needs 'command' (a list of words) or 'run' (a script)")
    if checked["state"] == "down" and checked["enabled"]:
        _refuse(path, "'state: down' with 'enabled: true' would start at the next boot")


def _logger(name, options):
    folder = __salt__["config.get"]("daemontools.log_dir", "/var/multilog")
    given = {} if options is True else options
    return {"user": "multilog", "directory": f"{folder}/{name}"} | given


def _server(options, path):
    if "port" not in options:
        _refuse(path, "needs a 'port'")
    for key, needed in (("paranoid", "remote_host"), ("timeout", "remote_info")):
        if options.get(key) and not options.get(needed):
            _refuse(path, f"'{key}' means nothing without '{needed}: true'")
    rules = options.get("rules", "/")
    if not rules.startswith("/"):
        folder = __salt__["config.get"]("tcprules.dir", "/etc/tcprules")
        options = options | {"rules": f"{folder}/{rules}.cdb"}
    return {"address": "0"} | options
