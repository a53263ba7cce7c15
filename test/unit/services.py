"""Services as they are described in tests, and what becomes of them."""

import shlex

import _servicedir

PATH = "ftpgw:services:open-ftpd"
OPEN_FTPD = {
    "softlimit": {"memory": 3500000},
    "tcpserver": {"address": 0, "port": "ftp", "concurrency": 29, "rules": "ftp"},
    "command": ["/usr/libexec/ftpd", "-A", "-S", "-U", "-4"],
}
FTP_PROXY = {
    "softlimit": {"memory": 3500000},
    "tcpserver": {"address": "127.0.0.1", "port": 8021, "concurrency": 91},
    "command": ["/usr/libexec/ftp-proxy", "-u", "ftpproxy", "-t", "240"],
}
EVERYTHING = {
    "umask": "022",
    "envdir": {"SITE": "acme", "SECRET": "it's $HOME `ls`"},
    "softlimit": dict.fromkeys(_servicedir.SOFTLIMIT, 4096) | {"cpu": "hard"},
    "tcpserver": {
        "address": "192.0.2.1",
        "port": 21,
        "remote_info": True,
        "remote_host": True,
        "paranoid": True,
        "delay": False,
        "ip_options": True,
        "local_name": "gw1.example",
        "concurrency": 5,
        "backlog": 6,
        "timeout": 7,
        "banner": "220 don't panic",
        "uid": 8,
        "gid": 9,
        "rules": "/etc/other.cdb",
    },
    "setuidgid": "nobody",
    "command": ["/bin/echo", "two words", "$HOME", "it's", "*", ""],
    "multilog": {"size": 4096, "files": 2, "select": ["-*", "+* fatal: *"]},
}


def checked(given, name="open-ftpd"):
    return _servicedir.checked(name, given, PATH, "/var/multilog", "/etc/tcprules")


def files(given, name="open-ftpd"):
    return _servicedir.files(name, checked(given, name))


def text(given, path="run"):
    return files(given)[path]["text"]


def exec_words(given, path="run"):
    """The words of the command that a script ends with."""
    return shlex.split(text(given, path).rpartition("\nexec ")[2].replace("\\\n", ""))
