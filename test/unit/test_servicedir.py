"""_servicedir: settings in, files out."""

from collections import OrderedDict

import _servicedir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError
from services import EVERYTHING, FTP_PROXY, OPEN_FTPD, PATH, checked, files, text


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


def test_directories_are_where_the_minion_has_them():
    found = _servicedir.checked("open-ftpd", OPEN_FTPD, PATH, "/logs", "/usr/local/etc/rules")
    assert found["tcpserver"]["rules"] == "/usr/local/etc/rules/ftp.cdb"
    assert found["multilog"]["directory"] == "/logs/open-ftpd"


def test_mappings_as_salt_has_them_are_read_and_refused_like_any_other():
    def salted(value):
        if isinstance(value, dict):
            return OrderedDict((key, salted(inner)) for key, inner in value.items())
        return value

    assert checked(salted(EVERYTHING)) == checked(EVERYTHING)
    wrong = salted({"command": ["x"], "multilog": {"size": 7}, "envdir": []})
    assert _servicedir.problems("x", wrong, PATH) == [
        f"{PATH}:envdir: expected a mapping of variables to text, got a list",
        f"{PATH}:multilog:size: expected a whole number from 4096 to 16777215, got 7",
    ]


@pytest.mark.parametrize("given", [OPEN_FTPD, FTP_PROXY, EVERYTHING, {"state": "absent"}])
def test_checked_settings_pass_the_check_unchanged(given):
    assert checked(checked(given)) == checked(given)


@pytest.mark.parametrize("pattern", ["+fatal: *", "-status: *", "+*fatal*", "+ *", "+", "-4*"])
def test_a_pattern_that_no_stamped_line_fits_is_refused(pattern):
    given = {"command": ["true"], "multilog": {"select": [pattern]}}
    [line] = _servicedir.problems("open-ftpd", given, PATH)
    assert line.startswith(f"{PATH}:multilog:select: expected a pattern such as '-*'")


def test_settings_given_are_not_altered():
    before = repr(EVERYTHING)
    files(EVERYTHING)
    assert repr(EVERYTHING) == before


WRONG = [
    (None, ": expected a mapping of settings, got nothing"),
    ([], ": expected a mapping of settings, got a list"),
    ({}, ": needs 'command' (a list of words) or 'run' (a script)"),
    ({"comand": ["x"]}, ": unknown setting 'comand' (did you mean 'command'?)"),
    ({"enabeld": True}, ": unknown setting 'enabeld' (did you mean 'enabled'?)"),
    ({1: 2}, ": unknown setting 1"),
    ({"command": "ftpd -l"}, ":command: expected a list of words, got text"),
    ({"command": []}, ":command: expected a list of words, got an empty one"),
    (
        {"command": ["ftpd", -4]},
        ":command: expected one line of text without control characters, got -4 (quote it)",
    ),
    (
        {"command": ["ftpd", None]},
        ":command: expected one line of text without control characters, got nothing",
    ),
    (
        {"command": ["ftpd", True]},
        ":command: expected one line of text without control characters, got true (quote it)",
    ),
    (
        {"command": ["ftpd", "a\nb"]},
        ":command: expected one line of text without control characters, got 'a\\nb'",
    ),
    (
        {"command": ["ftpd", "\x00"]},
        ":command: expected one line of text without control characters, got '\\x00'",
    ),
    ({"command": ["-c", "x"]}, ":command: expected a program first, got '-c'"),
    ({"command": [""]}, ":command: expected a program first, got ''"),
    (
        {"run": "exec ftpd"},
        ":run: expected a script that begins with '#!', without carriage returns and NUL, got text",
    ),
    (
        {"run": ["#!/bin/sh"]},
        ":run: expected a script that begins with '#!', without carriage returns and NUL, ",
    ),
    (
        {"run": "#!/bin/sh\r\n"},
        ":run: expected a script that begins with '#!', without carriage returns and NUL, got text",
    ),
    (
        {"run": "#!/bin/sh\n", "command": ["x"]},
        ": 'run' is the whole script: put 'command' into it, or leave it out",
    ),
    (
        {"run": "#!/bin/sh\n", "envdir": {"A": "b"}},
        ": 'run' is the whole script: put 'envdir' into it, or leave it out",
    ),
    ({"state": "on"}, ":state: expected up, down or absent, got 'on'"),
    ({"state": True}, ":state: expected up, down or absent, got true"),
    ({"state": ["up"]}, ":state: expected up, down or absent, got a list"),
    (
        {"state": "down", "enabled": True, "command": ["x"]},
        ": 'state: down' with 'enabled: true' would start at the next boot",
    ),
    (
        {"state": "down", "setuidgid": "x"},
        ": needs 'command' (a list of words) or 'run' (a script)",
    ),
    ({"enabled": "yes"}, ":enabled: expected true or false, got 'yes'"),
    ({"enabled": 1}, ":enabled: expected true or false, got 1"),
    ({"umask": 18}, ":umask: expected three or four octal digits in quotes, got 18 (quote it)"),
    ({"umask": "089"}, ":umask: expected three or four octal digits in quotes, got '089'"),
    ({"softlimit": 3500000}, ":softlimit: expected a mapping of settings, got a number"),
    (
        {"softlimit": {"memory": -1}},
        ":softlimit:memory: expected a whole number of at least 0 or hard, got -1",
    ),
    (
        {"softlimit": {"memory": "3M"}},
        ":softlimit:memory: expected a whole number of at least 0 or hard, got '3M'",
    ),
    (
        {"softlimit": {"memory": True}},
        ":softlimit:memory: expected a whole number of at least 0 or hard, got true",
    ),
    (
        {"softlimit": {"memory": 1.5}},
        ":softlimit:memory: expected a whole number of at least 0 or hard, got 1.5",
    ),
    ({"softlimit": {"memry": 1}}, ":softlimit: unknown setting 'memry' (did you mean 'memory'?)"),
    ({"tcpserver": []}, ":tcpserver: expected a mapping of settings, got a list"),
    (
        {"tcpserver": {}, "command": ["x"]},
        ":tcpserver: needs 'port': The port to listen on, a number or a name.",
    ),
    (
        {"tcpserver": {"port": 21, "adress": 0}},
        ":tcpserver: unknown setting 'adress' (did you mean 'address'?)",
    ),
    (
        {"tcpserver": {"port": 21, "address": "-x"}},
        ":tcpserver:address: expected an address, a host name or 0, got '-x'",
    ),
    (
        {"tcpserver": {"port": 21, "address": 1}},
        ":tcpserver:address: expected an address, a host name or 0, got 1",
    ),
    (
        {"tcpserver": {"port": 21, "address": False}},
        ":tcpserver:address: expected an address, a host name or 0, got false",
    ),
    (
        {"tcpserver": {"port": 65536}},
        ":tcpserver:port: expected a port from 0 to 65535 or its name, got 65536",
    ),
    (
        {"tcpserver": {"port": "70000"}},
        ":tcpserver:port: expected a port from 0 to 65535 or its name, got '70000'",
    ),
    (
        {"tcpserver": {"port": -1}},
        ":tcpserver:port: expected a port from 0 to 65535 or its name, got -1",
    ),
    (
        {"tcpserver": {"port": "f tp"}},
        ":tcpserver:port: expected a port from 0 to 65535 or its name, got 'f tp'",
    ),
    (
        {"tcpserver": {"port": True}},
        ":tcpserver:port: expected a port from 0 to 65535 or its name, got true",
    ),
    (
        {"tcpserver": {"port": 21, "concurrency": 0}},
        ":tcpserver:concurrency: expected a whole number of at least 1, got 0",
    ),
    (
        {"tcpserver": {"port": 21, "rules": "etc/ftp.cdb"}},
        ":tcpserver:rules: expected a rule set or an absolute path without '..' or a final '/', ",
    ),
    (
        {"tcpserver": {"port": 21, "rules": "/etc/../x"}},
        ":tcpserver:rules: expected a rule set or an absolute path without '..' or a final '/', ",
    ),
    (
        {"tcpserver": {"port": 21, "paranoid": True}, "command": ["x"]},
        ":tcpserver: 'paranoid' means nothing without 'remote_host: true'",
    ),
    ({"setuidgid": "a b"}, ":setuidgid: expected the name of an account, got 'a b'"),
    ({"setuidgid": 0}, ":setuidgid: expected the name of an account, got 0 (quote it)"),
    ({"setuidgid": "-x"}, ":setuidgid: expected the name of an account, got '-x'"),
    ({"envdir": ["A=b"]}, ":envdir: expected a mapping of variables to text, got a list"),
    ({"envdir": {"A=B": "x"}}, ":envdir: expected a variable of letters, digits and _, got 'A=B'"),
    (
        {"envdir": {"../A": "x"}},
        ":envdir: expected a variable of letters, digits and _, got '../A'",
    ),
    (
        {"envdir": {"A": 1}},
        ":envdir:A: expected one line of text without control characters and spaces at its end, ",
    ),
    (
        {"envdir": {"A": "x\ny"}},
        ":envdir:A: expected one line of text without control characters and spaces at its end, ",
    ),
    (
        {"envdir": {"A": "x "}},
        ":envdir:A: expected one line of text without control characters and spaces at its end, ",
    ),
    (
        {"multilog": "/var/log"},
        ":multilog: expected true or false or a mapping of settings, got '/var/log'",
    ),
    ({"multilog": None}, ":multilog: expected true or false or a mapping of settings, got nothing"),
    (
        {"multilog": {"size": 4095}},
        ":multilog:size: expected a whole number from 4096 to 16777215, got 4095",
    ),
    (
        {"multilog": {"size": 16777216}},
        ":multilog:size: expected a whole number from 4096 to 16777215, got 16777216",
    ),
    ({"multilog": {"files": 1}}, ":multilog:files: expected a whole number of at least 2, got 1"),
    (
        {"multilog": {"directory": "./main"}},
        ":multilog:directory: expected an absolute path without '..' or a final '/', got './main'",
    ),
    (
        {"multilog": {"directory": "/"}},
        ":multilog:directory: expected an absolute path without '..' or a final '/', got '/'",
    ),
    (
        {"multilog": {"select": "-*"}},
        ":multilog:select: expected a list of patterns, got text",
    ),
    (
        {"multilog": {"select": ["*"]}},
        ":multilog:select: expected a pattern such as '-*' or '+* fatal: *' (every line begins "
        "with a stamp and a space), got '*'",
    ),
    (
        {"multilog": {"user": "x:y"}},
        ":multilog:user: expected false or the name of an account, got 'x:y'",
    ),
    ({"stable_for": 1}, ":stable_for: expected a whole number from 2 to 3600, got 1"),
    ({"greeting": 220}, ":greeting: expected the beginning of a line of text, got 220 (quote it)"),
    ({"greeting": ""}, ":greeting: expected the beginning of a line of text, got ''"),
    ({"greeting": "220\r\n"}, ":greeting: expected the beginning of a line of text, got "),
    ({"timeout": 0}, ":timeout: expected a whole number from 1 to 3600, got 0"),
    ({"timeout": True}, ":timeout: expected a whole number from 1 to 3600, got true"),
]


@pytest.mark.parametrize(("given", "problem"), WRONG)
def test_a_wrong_setting_is_refused_in_one_line_with_its_path(given, problem):
    with pytest.raises(SaltInvocationError) as refusal:
        checked(given)
    assert str(refusal.value).startswith(PATH + problem)
    assert "\n" not in str(refusal.value)


def test_all_that_is_wrong_is_told_at_once():
    given = {"tcpserver": {"adress": 0}, "enabled": 1, "run": "#!/bin/sh\n", "umask": "022"}
    assert _servicedir.problems("a b", given, PATH) == [
        f"{PATH}: expected a name for a service (letters, digits and _ . + @ - only, not beginning "
        "with a dot or a dash, at most 200), got 'a b'",
        f"{PATH}:enabled: expected true or false, got 1",
        f"{PATH}:tcpserver: unknown setting 'adress' (did you mean 'address'?)",
        f"{PATH}:tcpserver: needs 'port': The port to listen on, a number or a name.",
    ]
    assert _servicedir.problems("ftpd", {"run": "#!/bin/sh\n", "umask": "022"}, PATH) == [
        f"{PATH}: 'run' is the whole script: put 'umask' into it, or leave it out"
    ]


@pytest.mark.parametrize(
    "table",
    [
        _servicedir.SERVICE.settings,
        _servicedir.TCPSERVER,
        _servicedir.MULTILOG,
        _servicedir.SOFTLIMIT,
    ],
)
def test_every_setting_has_a_meaning_in_one_sentence(table):
    for name, setting in table.items():
        assert setting.meaning.endswith("."), name
        assert ". " not in setting.meaning, name


NO_NAMES = ["", ".x", "-x", "a/b", "../x", "a b", "a\n", "x\0", "a:b", "\xe9", "a" * 201]


@pytest.mark.parametrize("name", ["cafe\u0301", "a b", "hello/log"])
def test_what_is_only_kept_down_may_have_any_name_that_svscan_takes(name):
    assert _servicedir.problems(name, {"state": "down"}, PATH) == []
    assert _servicedir.problems(name, {"state": "down", "command": ["x"]}, PATH)
    assert _servicedir.problems(f"../{name}", {"state": "down"}, PATH)


@pytest.mark.parametrize("name", [*NO_NAMES, None, 21, True, ["x"]])
def test_a_wrong_name_is_refused(name):
    with pytest.raises(SaltInvocationError, match="expected a name for a service"):
        checked({"command": ["x"]}, name)


def test_a_refusal_does_not_tell_a_secret():
    with pytest.raises(SaltInvocationError) as refusal:
        checked({"command": ["x"], "envdir": {"KEY": "hunter2\n"}})
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
        | st.dictionaries(
            st.sampled_from([*_servicedir.SERVICE.settings, *_servicedir.TCPSERVER]), inner
        )
    ),
    max_leaves=8,
)


def outcome(given):
    try:
        return files(given)
    except SaltInvocationError as refusal:
        return str(refusal)


@given(st.dictionaries(st.sampled_from([*_servicedir.SERVICE.settings]), ANYTHING) | ANYTHING)
def test_anything_is_either_rendered_or_refused_line_by_line(given):
    result = outcome(given)
    if isinstance(result, str):
        assert all(line.startswith(PATH) for line in result.split("\n"))
    else:
        assert ("run" in result) is bool({"run", "command"} & given.keys())
