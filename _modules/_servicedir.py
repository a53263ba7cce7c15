"""
What the directory of a daemontools service holds: settings in, files out.

Nothing here touches a disk.  The settings carry the names of the programs of daemontools and
ucspi-tcp, with the options spelled out; the files are those that ``supervise`` looks for.
"""

import dataclasses
import re

import _check
import _runscript
from _check import Setting

# What svscan looks after, whoever made it; its logger is a service too.
ANY_NAME = re.compile(r"[^./\x00-\x20-][^/\x00-\x1f]*(/log)?")

_NAME = _check.word(
    r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,199}",
    "a name for a service (letters, digits and _ . + @ - only, not beginning with a dot or a "
    "dash, at most 200)",
)
_NAME_OF_ANY = _check.word(ANY_NAME.pattern, "the name of a service")
_HOST = r"[A-Za-z0-9:][A-Za-z0-9:._-]*"
_ACCOUNT = _check.word(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", "the name of an account")
_ABSOLUTE = _check.word(
    r"(/(?!\.{1,2}(/|$))[^/\x00-\x1f\x7f]+)+", "an absolute path without '..' or a final '/'"
)
_RULES = _check.either(_check.word(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", "a rule set"), _ABSOLUTE)
_LIMIT = _check.either(_check.number(0), _check.choice("hard"))
# multilog(8): a star matches "any string that does not include the next character".
_PATTERN = _check.word(
    r"[+-](\*( [^\x00-\x1f\x7f]*)?|@[^\x00-\x1f\x7f]*)",
    "a pattern such as '-*' or '+* fatal: *' (every line begins with a stamp and a space)",
)


def _is_port(value):
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, str):
        return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9+._-]*", value))
    return type(value) is int and 0 <= value <= 65535


_PORT = _check.kind(
    "a port from 0 to 65535 or its name",
    _is_port,
    {"type": ["integer", "string"], "minimum": 0, "maximum": 65535},
    read=lambda value: int(value) if str(value).isdigit() else value,
)
_ADDRESS = _check.kind(
    "an address, a host name or 0",
    lambda value: (
        (type(value) is int and value == 0)
        or (isinstance(value, str) and bool(re.fullmatch(_HOST, value)))
    ),
    {"anyOf": [{"const": 0}, {"type": "string", "pattern": f"^{_HOST}$"}]},
    read=str,
)
_SCRIPT = _check.kind(
    "a script that begins with '#!', without carriage returns and NUL",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"#![^\r\0]*", value)),
    {"type": "string", "pattern": r"^#![^\r\u0000]*$"},
    read=lambda value: value if value.endswith("\n") else f"{value}\n",
    secret=True,
)
# envdir(8): "Spaces and tabs at the end of t are removed."
_VARIABLES = _check.mapping(
    _check.word(r"[A-Za-z_][A-Za-z0-9_]*", "a variable of letters, digits and _"),
    _check.word(
        r"([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?",
        "one line of text without control characters and spaces at its end",
        secret=True,
    ),
    "variables to text",
)
_WORDS = _check.listing(_check.LINE, "words", least=1)


def _refuse_command(value, path):
    wrong = list(_WORDS.refuse(value, path))
    if not wrong and (not value[0] or value[0].startswith("-")):
        wrong = [f"{path}: expected a program first, got {_check.got(value[0])}"]
    return wrong


_COMMAND = dataclasses.replace(_WORDS, refuse=_refuse_command)

SOFTLIMIT = {
    "memory": Setting(_LIMIT, "Bytes for data, stack and locked memory each, and in total."),
    "data": Setting(_LIMIT, "Bytes of the data segment of each process."),
    "stack": Setting(_LIMIT, "Bytes of the stack of each process."),
    "locked": Setting(_LIMIT, "Bytes that each process may lock in memory."),
    "total": Setting(_LIMIT, "Bytes of all segments of each process together."),
    "open_files": Setting(_LIMIT, "How many files each process may have open."),
    "processes": Setting(_LIMIT, "How many processes the account may have."),
    "file_size": Setting(_LIMIT, "Bytes of each file that is written."),
    "core": Setting(_LIMIT, "Bytes of a core file."),
    "resident": Setting(_LIMIT, "Bytes of each process that stay in memory when it is scarce."),
    "cpu": Setting(_LIMIT, "Seconds of processor time of each process."),
}

TCPSERVER = {
    "address": Setting(
        _ADDRESS, "The address of this machine to listen on; 0 is all of them.", default="0"
    ),
    "port": Setting(_PORT, "The port to listen on, a number or a name.", needed=True),
    "verbose": Setting(
        _check.FLAG, "Whether every connection is logged, with its address.", default=True
    ),
    "remote_info": Setting(
        _check.FLAG, "Whether the ident server of a client is asked for its user.", default=False
    ),
    "remote_host": Setting(
        _check.FLAG, "Whether the name of a client is looked up in the DNS.", default=False
    ),
    "paranoid": Setting(
        _check.FLAG,
        "Whether the name of a client counts only if it leads back to its address.",
        default=False,
    ),
    "delay": Setting(
        _check.FLAG, "Whether small packets may wait for more (no TCP_NODELAY).", default=True
    ),
    "ip_options": Setting(
        _check.FLAG, "Whether IP options of a client, such as source routes, stand.", default=False
    ),
    "local_name": Setting(
        _check.word(_HOST, "a host name or 0"),
        "The name of this machine as the daemon is told it; it is not looked up in the DNS.",
        default="0",
    ),
    "concurrency": Setting(
        _check.number(1), "How many clients at the same time; tcpserver serves 40 if not told."
    ),
    "backlog": Setting(
        _check.number(1), "How many connections may wait to be accepted; 20 if not told."
    ),
    "timeout": Setting(
        _check.number(1), "Seconds to wait for an ident server (`remote_info`); 26 if not told."
    ),
    "banner": Setting(_check.LINE, "A line that a client gets before the daemon starts."),
    "uid": Setting(
        _check.number(1), "The number of the user as whom tcpserver goes on once bound."
    ),
    "gid": Setting(
        _check.number(1), "The number of the group as which tcpserver goes on once bound."
    ),
    "rules": Setting(
        _RULES,
        "The rule set that says who may connect, or the path of a cdb; everybody may if there is "
        "none.",
    ),
}

MULTILOG = {
    "user": Setting(
        _check.either(_check.choice(False), _ACCOUNT),
        "The account that writes the log and owns it; false is that of supervise.",
        default="multilog",
    ),
    "directory": Setting(
        _ABSOLUTE, "Where the log is; if not said, NAME below `daemontools.log_dir`."
    ),
    "size": Setting(
        _check.number(4096, 16777215),
        "Bytes after which a file is finished and the next begun; multilog takes 99999 if not "
        "told.",
    ),
    "files": Setting(
        _check.number(2), "How many files are kept, the current one too; 10 if not told."
    ),
    "select": Setting(
        _check.listing(_PATTERN, "patterns"),
        "Which lines are kept: -PATTERN drops and +PATTERN takes again, the last that fits.",
    ),
    "alert": Setting(
        _check.FLAG, "Whether svscan shows the first 200 bytes of every line that is kept.", False
    ),
    "status": Setting(_ABSOLUTE, "A file for the first 1000 bytes of the last line that is kept."),
    "processor": Setting(
        _check.LINE,
        "A command of sh that every finished file goes through, as the account of the log.",
    ),
}

SERVICE = _check.table(
    {
        "state": Setting(
            _check.choice("up", "down", "absent"),
            "What the service shall be, for `daemontools.declared`.",
            default="up",
        ),
        "enabled": Setting(
            _check.FLAG, "Whether it starts at boot: yes, but for `state: down`, if not said."
        ),
        "umask": Setting(
            _check.word(r"[0-7]{3,4}", "three or four octal digits in quotes"),
            "The permissions that its new files lack, such as '022'; those of svscan if not said.",
        ),
        "softlimit": Setting(
            _check.table(SOFTLIMIT), "What it may use at most; `hard` is the system's own limit."
        ),
        "tcpserver": Setting(
            _check.table(TCPSERVER), "How tcpserver listens, and starts the command for clients."
        ),
        "setuidgid": Setting(_ACCOUNT, "The account as which the command runs; root if not said."),
        "envdir": Setting(
            _VARIABLES, "Variables of its environment; their values are secret, in files of root."
        ),
        "command": Setting(
            _COMMAND, "The program and its arguments, word by word; no shell changes them."
        ),
        "run": Setting(_SCRIPT, "A whole script instead of all that makes one."),
        "multilog": Setting(
            _check.either(_check.FLAG, _check.table(MULTILOG)),
            "How its output is logged; false is not at all.",
            default=True,
        ),
        "greeting": Setting(
            _check.word(r"[^\x00-\x1f\x7f]+", "the beginning of a line of text"),
            "What it says first to a client begins with this: its daemon is tried before anything "
            "is replaced, and asked once it has been started.",
        ),
        "stable_for": Setting(
            _check.number(2, 3600),
            "Seconds that it must have been up, as one process, to count as up; 3 if not said, "
            "but a moment where `tcpserver` or `greeting` tells when it is ready (Linux).",
        ),
        "timeout": Setting(
            _check.number(1, 3600),
            "Seconds that a start, a stop or a greeting may take.",
            default=15,
        ),
        "kill_after": Setting(
            _check.number(1, 3600),
            "Seconds after which a process that ignores TERM gets KILL; never if not said, but for "
            "`state: absent`.",
        ),
    },
)

# What a whole `run` script stands for.
PARTS = ("command", "umask", "softlimit", "tcpserver", "setuidgid", "envdir")


def problems(name, settings, path):
    """
    Return a line for everything that is wrong with a service.

    path
        Where the settings stand, with which every line begins.
    """
    wrong = _check.problems(SERVICE, settings, path)
    mere = not wrong and settings.get("state") == "down" and not is_run(settings)
    names = _NAME_OF_ANY if mere else _NAME
    return _check.problems(names, name, path) + (wrong or list(_contradictions(settings, path)))


def checked(name, settings, path, log_dir, rules_dir):
    """
    Return the settings of a service with the defaults filled in.

    log_dir, rules_dir
        Where loggers write, and where rule sets are.

    Raises SaltInvocationError with all `problems`.
    """
    _check.refuse_all(problems(name, settings, path))
    found = SERVICE.read(settings)
    found.setdefault("enabled", found["state"] != "down")
    if found["multilog"]:
        given = {} if found["multilog"] is True else found["multilog"]
        folder = {"directory": f"{log_dir}/{name}"}
        found["multilog"] = folder | _check.table(MULTILOG).read(given)
    rules = found.get("tcpserver", {}).get("rules", "/")
    if not rules.startswith("/"):
        found["tcpserver"]["rules"] = f"{rules_dir}/{rules}.cdb"
    return found


def is_run(settings):
    """Tell whether settings say what to run."""
    return "run" in settings or "command" in settings


def files(name, settings):
    """
    Return the files of a service as ``{path: {"mode": MODE, "text": TEXT}}``.

    settings
        As returned by `checked`; with nothing to run there are no files.
    """
    if not is_run(settings):
        return {}
    made = {
        f"env/{variable}": {"mode": "0600", "text": f"{value}\n"}
        for variable, value in settings.get("envdir", {}).items()
    }
    if settings["multilog"]:
        made["log/run"] = {"mode": "0755", "text": _runscript.logger(settings["multilog"])}
    if not settings["enabled"]:
        made["down"] = {"mode": "0644", "text": ""}
    script = settings.get("run") or _runscript.service(name, settings)
    made["run"] = {"mode": "0755", "text": script}
    return made


def _contradictions(settings, path):
    state = settings.get("state", "up")
    parts = [key for key in PARTS if key in settings]
    if "run" in settings:
        for key in parts:
            yield f"{path}: 'run' is the whole script: put {key!r} into it, or leave it out"
    elif "command" not in settings and (state == "up" or (state == "down" and parts)):
        yield f"{path}: needs 'command' (a list of words) or 'run' (a script)"
    if state == "down" and settings.get("enabled"):
        yield f"{path}: 'state: down' with 'enabled: true' would start at the next boot"
    options = settings.get("tcpserver", {})
    for key, needed in (("paranoid", "remote_host"), ("timeout", "remote_info")):
        if options.get(key) and not options.get(needed):
            yield f"{path}:tcpserver: {key!r} means nothing without '{needed}: true'"
