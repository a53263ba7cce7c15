"""servicedir and runscript: settings in, files out."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

from _modules import runscript, servicedir

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
    "softlimit": dict.fromkeys(servicedir.SOFTLIMIT, 4096) | {"cpu": "hard"},
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


@pytest.fixture(autouse=True)
def _loaded(monkeypatch):
    functions = {
        "config.get": lambda key, default=None: default,
        "runscript.service": runscript.service,
        "runscript.logger": runscript.logger,
    }
    monkeypatch.setattr(servicedir, "__salt__", functions, raising=False)


def files(given, name="open-ftpd"):
    return servicedir.render(name, servicedir.settings(name, given, PATH))


def text(given, path="run"):
    return files(given)[path]["text"]


def exec_words(given, path="run"):
    """The words of the command that a script ends with."""
    return shlex.split(text(given, path).rpartition("\nexec ")[2].replace("\\\n", ""))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            OPEN_FTPD,
            "softlimit -m 3500000 tcpserver -v -RH -l0 -c 29 -x /etc/tcprules/ftp.cdb 0 ftp "
            "/usr/libexec/ftpd -A -S -U -4",
        ),
        (
            FTP_PROXY,
            "softlimit -m 3500000 tcpserver -v -RH -l0 -c 91 127.0.0.1 8021 "
            "/usr/libexec/ftp-proxy -u ftpproxy -t 240",
        ),
    ],
)
def test_the_services_of_the_page_are_rendered_word_for_word(given, words):
    assert exec_words(given) == words.split()


def test_a_run_script_reads_like_one_written_by_hand():
    assert (
        text(OPEN_FTPD)
        == """\
#!/bin/sh
# Written by Salt; change the settings instead.
exec 2>&1
echo "*** Starting open-ftpd service..."
exec softlimit -m 3500000 \\
    tcpserver -v -RH -l0 -c 29 -x /etc/tcprules/ftp.cdb 0 ftp \\
    /usr/libexec/ftpd -A -S -U -4
"""
    )


def test_the_logger_of_the_page_is_rendered_word_for_word():
    words = "setuidgid multilog multilog t /var/multilog/open-ftpd"
    assert exec_words(OPEN_FTPD, "log/run") == words.split()


def test_every_option_comes_out_in_its_place():
    rendered = text(EVERYTHING).partition('service..."\n')[2]
    assert (
        rendered
        == """\
exec envdir ./env \\
    softlimit -m 4096 -d 4096 -s 4096 -l 4096 -a 4096 -o 4096 -p 4096 -f 4096 -c 4096 -r 4096 \
-t = \\
    tcpserver -v -rh -p -D -o -lgw1.example -c 5 -b 6 -t 7 -B '220 don'"'"'t panic' -g 9 -u 8 \
-x /etc/other.cdb 192.0.2.1 21 \\
    setuidgid nobody \\
    /bin/echo 'two words' '$HOME' 'it'"'"'s' '*' ''
"""
    )
    assert exec_words(EVERYTHING, "log/run") == [
        *["setuidgid", "multilog", "multilog", "t", "-*", "+* fatal: *", "s4096", "n2"],
        "/var/multilog/open-ftpd",
    ]


@pytest.mark.parametrize("path", ["run", "log/run"])
@pytest.mark.parametrize("given", [OPEN_FTPD, FTP_PROXY, EVERYTHING])
def test_scripts_satisfy_sh_and_shellcheck(given, path):
    # SC2016: a dollar in quotes is meant to stay a dollar.
    for checker in (["sh", "-n"], ["shellcheck", "--exclude=SC2016", "-"]):
        result = subprocess.run(checker, input=text(given, path), text=True, capture_output=True)
        assert result.returncode == 0, result.stdout + result.stderr


WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))


@given(WORDS)
@settings(max_examples=100, deadline=None)
def test_the_shell_hands_every_word_on_unchanged(words):
    script = text({"command": ["printf", "%s\\0", *words], "multilog": False})
    result = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True)
    echo, _, printed = result.stdout.partition(b"\n")
    assert echo == b"*** Starting open-ftpd service..."
    assert printed.decode().split("\0")[:-1] == (words or [""])


def test_a_literal_script_stays_as_it_is():
    assert text({"run": "#!/usr/bin/perl\nprint 1;\n"}) == "#!/usr/bin/perl\nprint 1;\n"


def test_a_literal_script_ends_with_a_newline():
    assert text({"run": "#!/bin/sh\nexec sleep 9"}) == "#!/bin/sh\nexec sleep 9\n"


def test_values_of_the_environment_are_private_and_not_in_run():
    rendered = files(EVERYTHING)
    assert rendered["env/SECRET"] == {"mode": "0600", "text": "it's $HOME `ls`\n"}
    assert "$HOME `ls`" not in rendered["run"]["text"]


def test_a_service_without_variables_has_no_envdir():
    assert "envdir" not in text({"command": ["true"], "envdir": {}})


@pytest.mark.parametrize(
    ("given", "down"),
    [
        ({}, False),
        ({"enabled": False}, True),
        ({"state": "down"}, True),
        ({"state": "down", "enabled": False}, True),
    ],
)
def test_only_a_service_that_is_not_enabled_has_a_down_file(given, down):
    assert ("down" in files({"command": ["true"], **given})) is down


@pytest.mark.parametrize("state", ["down", "absent"])
def test_a_service_with_nothing_to_run_has_no_files(state):
    assert files({"state": state}) == {}


def test_a_service_without_multilog_has_no_logger():
    assert list(files({"command": ["true"], "multilog": False})) == ["run"]


def test_a_logger_without_an_account_runs_as_its_supervise():
    words = exec_words({"command": ["true"], "multilog": {"user": False}}, "log/run")
    assert words == ["multilog", "t", "/var/multilog/open-ftpd"]


def test_directories_come_from_the_minion_configuration(monkeypatch):
    here = {"tcprules.dir": "/usr/local/etc/rules", "daemontools.log_dir": "/logs"}
    monkeypatch.setitem(servicedir.__salt__, "config.get", lambda key, default: here[key])
    checked = servicedir.settings("open-ftpd", OPEN_FTPD)
    assert checked["tcpserver"]["rules"] == "/usr/local/etc/rules/ftp.cdb"
    assert checked["multilog"]["directory"] == "/logs/open-ftpd"


@pytest.mark.parametrize("given", [OPEN_FTPD, FTP_PROXY, EVERYTHING, {"state": "absent"}])
def test_checked_settings_pass_the_check_unchanged(given):
    checked = servicedir.settings("open-ftpd", given, PATH)
    assert servicedir.settings("open-ftpd", checked, PATH) == checked


def test_settings_given_are_not_altered():
    before = repr(EVERYTHING)
    files(EVERYTHING)
    assert repr(EVERYTHING) == before


WRONG = [
    (None, ": must be a mapping of settings, not None"),
    ([], ": must be a mapping of settings, not []"),
    ({}, ": needs 'command' (a list of words) or 'run' (a script)"),
    ({"comand": ["x"]}, ": unknown setting 'comand' (did you mean 'command'?)"),
    ({"enabeld": True}, ": unknown setting 'enabeld' (did you mean 'enabled'?)"),
    ({1: 2}, ": unknown setting 1"),
    ({"command": "ftpd -l"}, ":command: must be a list of words, not 'ftpd -l'"),
    ({"command": []}, ":command: must be a list of words, not []"),
    ({"command": ["ftpd", -4]}, ":command: must be text, not -4 (put it in quotes)"),
    ({"command": ["ftpd", None]}, ":command: must be text, not None (put it in quotes)"),
    ({"command": ["ftpd", True]}, ":command: must be text, not True (put it in quotes)"),
    ({"command": ["ftpd", "a\nb"]}, ":command: must be one line without control characters"),
    ({"command": ["ftpd", "\0"]}, ":command: must be one line without control characters"),
    ({"command": ["-c", "x"]}, ":command: must begin with a program, not '-c'"),
    ({"command": [""]}, ":command: must begin with a program, not ''"),
    ({"run": "exec ftpd"}, ":run: must be a script that begins with '#!'"),
    ({"run": ["#!/bin/sh"]}, ":run: must be a script that begins with '#!'"),
    ({"run": "#!/bin/sh\r\n"}, ":run: must not contain carriage returns or NUL"),
    (
        {"run": "#!/bin/sh\n", "command": ["x"]},
        ": 'run' is the whole script: put 'command' into it, or leave it out",
    ),
    (
        {"run": "#!/bin/sh\n", "envdir": {"A": "b"}},
        ": 'run' is the whole script: put 'envdir' into it, or leave it out",
    ),
    ({"state": "on"}, ":state: must be up, down or absent, not 'on'"),
    ({"state": True}, ":state: must be up, down or absent, not True"),
    ({"state": ["up"]}, ":state: must be up, down or absent, not ['up']"),
    (
        {"state": "down", "enabled": True, "command": ["x"]},
        ": 'state: down' with 'enabled: true' would start at the next boot",
    ),
    (
        {"state": "down", "setuidgid": "x"},
        ": needs 'command' (a list of words) or 'run' (a script)",
    ),
    ({"enabled": "yes"}, ":enabled: must be true or false, not 'yes'"),
    ({"enabled": 1}, ":enabled: must be true or false, not 1"),
    ({"umask": 18}, ":umask: must be three or four octal digits in quotes, not 18"),
    ({"umask": "089"}, ":umask: must be three or four octal digits in quotes, not '089'"),
    ({"softlimit": 3500000}, ":softlimit: must be a mapping of settings, not 3500000"),
    ({"softlimit": {"memory": -1}}, ":softlimit:memory: must be a whole number of at least 0, "),
    ({"softlimit": {"memory": "3M"}}, ":softlimit:memory: must be a whole number of at least 0, "),
    ({"softlimit": {"memory": True}}, ":softlimit:memory: must be a whole number of at least 0, "),
    ({"softlimit": {"memory": 1.5}}, ":softlimit:memory: must be a whole number of at least 0, "),
    (
        {"softlimit": {"memry": 1}},
        ":softlimit: unknown setting 'memry' (did you mean 'memory'?)",
    ),
    ({"tcpserver": []}, ":tcpserver: must be a mapping of settings, not []"),
    ({"tcpserver": {}, "command": ["x"]}, ":tcpserver: needs a 'port'"),
    (
        {"tcpserver": {"adress": 0}},
        ":tcpserver: unknown setting 'adress' (did you mean 'address'?)",
    ),
    (
        {"tcpserver": {"address": "-x"}},
        ":tcpserver:address: must be an address, a host name or 0, not '-x'",
    ),
    ({"tcpserver": {"address": 1}}, ":tcpserver:address: must be an address, a host name or 0, "),
    ({"tcpserver": {"address": False}}, ":tcpserver:address: must be an address, a host name or"),
    ({"tcpserver": {"port": 65536}}, ":tcpserver:port: must be a port from 0 to 65535 or a "),
    ({"tcpserver": {"port": "70000"}}, ":tcpserver:port: must be a port from 0 to 65535 or a "),
    ({"tcpserver": {"port": -1}}, ":tcpserver:port: must be a port from 0 to 65535 or a "),
    ({"tcpserver": {"port": "f tp"}}, ":tcpserver:port: must be a port from 0 to 65535 or a "),
    ({"tcpserver": {"port": True}}, ":tcpserver:port: must be a port from 0 to 65535 or a "),
    ({"tcpserver": {"concurrency": 0}}, ":tcpserver:concurrency: must be a whole number of at "),
    (
        {"tcpserver": {"rules": "etc/ftp.cdb"}},
        ":tcpserver:rules: must be an absolute path without '..' or a final '/', not 'etc/ftp.cdb'",
    ),
    ({"tcpserver": {"rules": "/etc/../x"}}, ":tcpserver:rules: must be an absolute path without"),
    (
        {"tcpserver": {"port": 21, "paranoid": True}, "command": ["x"]},
        ":tcpserver: 'paranoid' means nothing without 'remote_host: true'",
    ),
    ({"setuidgid": "a b"}, ":setuidgid: must be the name of an account, not 'a b'"),
    ({"setuidgid": 0}, ":setuidgid: must be the name of an account, not 0"),
    ({"setuidgid": "-x"}, ":setuidgid: must be the name of an account, not '-x'"),
    ({"envdir": ["A=b"]}, ":envdir: must be a mapping of variables to text"),
    ({"envdir": {"A=B": "x"}}, ":envdir: 'A=B' cannot name a variable"),
    ({"envdir": {"../A": "x"}}, ":envdir: '../A' cannot name a variable"),
    ({"envdir": {"A": 1}}, ":envdir:A: must be text (put it in quotes)"),
    ({"envdir": {"A": "x\ny"}}, ":envdir:A: must be one line without control characters and"),
    ({"envdir": {"A": "x "}}, ":envdir:A: must be one line without control characters and"),
    ({"multilog": "/var/log"}, ":multilog: must be a mapping of settings, not '/var/log'"),
    ({"multilog": None}, ":multilog: must be a mapping of settings, not None"),
    ({"multilog": {"size": 4095}}, ":multilog:size: must be a whole number from 4096 to 16777215"),
    ({"multilog": {"size": 16777216}}, ":multilog:size: must be a whole number from 4096 to "),
    ({"multilog": {"files": 1}}, ":multilog:files: must be a whole number of at least 2, not 1"),
    ({"multilog": {"directory": "./main"}}, ":multilog:directory: must be an absolute path "),
    ({"multilog": {"directory": "/"}}, ":multilog:directory: must be an absolute path without"),
    ({"multilog": {"select": "-*"}}, ":multilog:select: must be a list of patterns, not '-*'"),
    (
        {"multilog": {"select": ["*"]}},
        ":multilog:select: a pattern begins with + or -, not as in '*'",
    ),
    ({"multilog": {"user": "x:y"}}, ":multilog:user: must be the name of an account, not 'x:y'"),
    ({"stable_for": 1}, ":stable_for: must be a whole number from 2 to 3600, not 1"),
    ({"timeout": 0}, ":timeout: must be a whole number from 1 to 3600, not 0"),
    ({"timeout": True}, ":timeout: must be a whole number from 1 to 3600, not True"),
]


@pytest.mark.parametrize(("given", "problem"), WRONG)
def test_a_wrong_setting_is_refused_in_one_line_with_its_path(given, problem):
    with pytest.raises(SaltInvocationError) as refusal:
        servicedir.settings("open-ftpd", given, PATH)
    assert str(refusal.value).startswith(PATH + problem)
    assert "\n" not in str(refusal.value)


NO_NAMES = ["", ".x", "-x", "a/b", "../x", "a b", "a\n", "x\0", "a:b", "\xe9", "a" * 201]


@pytest.mark.parametrize("name", [*NO_NAMES, None, 21, True, ["x"]])
def test_a_wrong_name_is_refused(name):
    with pytest.raises(SaltInvocationError, match=r"cannot name a service"):
        servicedir.settings(name, {"command": ["x"]})


def test_a_refusal_does_not_tell_a_secret():
    with pytest.raises(SaltInvocationError) as refusal:
        servicedir.settings("x", {"command": ["x"], "envdir": {"KEY": "hunter2\n"}})
    assert "hunter2" not in str(refusal.value)


ANYTHING = st.recursive(
    st.sampled_from(["up", "down", "absent"])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*servicedir.SERVICE, *servicedir.TCPSERVER]), inner)
    ),
    max_leaves=8,
)


def outcome(given):
    try:
        return files(given)
    except SaltInvocationError as refusal:
        return str(refusal)


@given(st.dictionaries(st.sampled_from([*servicedir.SERVICE]), ANYTHING) | ANYTHING)
def test_anything_is_either_rendered_or_refused_in_one_line(given):
    result = outcome(given)
    if isinstance(result, str):
        assert result.startswith(PATH)
        assert "\n" not in result
    else:
        assert ("run" in result) is bool({"run", "command"} & given.keys())
