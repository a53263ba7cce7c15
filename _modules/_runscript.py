"""
The scripts that supervise runs: settings in, text out.

The settings are those that servicedir.settings returns, checked and complete.  A script reads like
one written by hand: plain values, quoted only where needed, and one program a line.
"""

import shlex

WRITTEN = "# Written by Salt; change the settings instead."

# softlimit(8) and tcpserver(1): the letters of the options that take a value.
SOFTLIMIT = {
    "memory": "m",
    "data": "d",
    "stack": "s",
    "locked": "l",
    "total": "a",
    "open_files": "o",
    "processes": "p",
    "file_size": "f",
    "core": "c",
    "resident": "r",
    "cpu": "t",
}
TCPSERVER = {
    "concurrency": "c",
    "backlog": "b",
    "timeout": "t",
    "banner": "B",
    "gid": "g",
    "uid": "u",
    "rules": "x",
}


def service(name, settings):
    """
    Return the ``run`` script of a service.

    name
        The service.

    settings
        Its settings as returned by servicedir.settings, with a ``command``.
    """
    before = ["exec 2>&1"]
    if "umask" in settings:
        before.append(f"umask {settings['umask']}")
    before.append(f'echo "*** Starting {name} service..."')
    commands = [["envdir", "./env"]] if settings.get("envdir") else []
    commands += _limits(settings)
    if "tcpserver" in settings:
        commands.append(_tcpserver(settings["tcpserver"]))
    return _script([*commands, *_daemon(settings)], before)


def daemon(settings):
    """
    Return the words by which each client gets a daemon: the ``run`` script without its tcpserver.

    settings
        As for `service`; the variables of ``envdir`` are left to the caller.
    """
    return [str(word) for words in (*_limits(settings), *_daemon(settings)) for word in words]


def logger(options):
    """
    Return the ``log/run`` script of a service.

    options
        The setting ``multilog`` as returned by servicedir.settings.
    """
    words = ["setuidgid", options["user"]] if options["user"] else []
    words += ["multilog", "t", *options.get("select", [])]
    if options["alert"]:
        words.append("e")
    if "status" in options:
        words.append(f"={options['status']}")
    if "size" in options:
        words.append(f"s{options['size']}")
    if "files" in options:
        words.append(f"n{options['files']}")
    if "processor" in options:
        words.append(f"!{options['processor']}")
    return _script([[*words, options["directory"]]])


def _script(commands, before=()):
    """Return a shell script: the only place where words become shell text."""
    lines = (" ".join(shlex.quote(str(word)) for word in command) for command in commands)
    return "\n".join(["#!/bin/sh", WRITTEN, *before, "exec " + " \\\n    ".join(lines), ""])


def _limits(settings):
    return [_softlimit(settings["softlimit"])] if settings.get("softlimit") else []


def _daemon(settings):
    account = [["setuidgid", settings["setuidgid"]]] if "setuidgid" in settings else []
    return [*account, settings["command"]]


def _softlimit(limits):
    words = ["softlimit"]
    for key, value in limits.items():
        words += [f"-{SOFTLIMIT[key]}", "=" if value == "hard" else value]
    return words


def _tcpserver(options):
    look_up = ("r" if options["remote_info"] else "R") + ("h" if options["remote_host"] else "H")
    flags = {
        "-v": options["verbose"],
        f"-{look_up}": True,
        "-p": options["paranoid"],
        "-D": not options["delay"],
        "-o": options["ip_options"],
        f"-l{options['local_name']}": True,
    }
    words = ["tcpserver", *(flag for flag, wanted in flags.items() if wanted)]
    for key, letter in TCPSERVER.items():
        if key in options:
            words += [f"-{letter}", options[key]]
    return [*words, options["address"], options["port"]]
