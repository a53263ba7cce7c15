"""ftpgw: what the whole pillar must be before anything is touched."""

import os
import pathlib

import pytest
import yaml
from salt.exceptions import CommandExecutionError, SaltInvocationError

from _modules import ftpgw

ROOT = pathlib.Path(__file__).parents[2]
HASH = "$6$salt$" + "a" * 86
ACCOUNTS = [
    ("partner", {}, "ftpgw:accounts:partner:password: missing"),
    ("partner", {"password": "secret"}, "ftpgw:accounts:partner:password: not a crypt hash"),
    ("partner", {"password": 12345678}, "ftpgw:accounts:partner:password: not a crypt hash"),
    ("partner", {"password": HASH + ":0"}, "ftpgw:accounts:partner:password: not a crypt hash"),
    ("partner", {"password": HASH + "\n"}, "ftpgw:accounts:partner:password: not a crypt hash"),
    ("partner", {"passwd": HASH}, "ftpgw:accounts:partner: unknown setting 'passwd' (did you mean"),
    ("partner", None, "ftpgw:accounts:partner: expected settings"),
    ("partner", [HASH], "ftpgw:accounts:partner: expected settings"),
    ("partner", {"password": HASH, "home": "/"}, "ftpgw:accounts:partner:home: expected"),
    ("partner", {"password": HASH, "home": "/etc"}, "ftpgw:accounts:partner:home: expected"),
    ("partner", {"password": HASH, "home": "home/x"}, "ftpgw:accounts:partner:home: expected"),
    ("partner", {"password": HASH, "home": "/home/../etc"}, "ftpgw:accounts:partner:home: '/home"),
    ("partner", {"password": HASH, "home": "/home/a:b"}, "ftpgw:accounts:partner:home: expected"),
    ("partner", {"password": HASH, "uid": 0}, "ftpgw:accounts:partner:uid: expected a number"),
    ("partner", {"password": HASH, "uid": True}, "ftpgw:accounts:partner:uid: expected a number"),
    ("partner", {"state": "absnet"}, "ftpgw:accounts:partner:state: expected present or absent"),
    ("a:b", {"password": HASH}, "ftpgw:accounts: 'a:b' is no account name"),
    ("a\nb", {"password": HASH}, "ftpgw:accounts: 'a\\nb' is no account name"),
    ("partner\n", {"password": HASH}, "ftpgw:accounts: 'partner\\n' is no account name"),
    ("-partner", {"password": HASH}, "ftpgw:accounts: '-partner' is no account name"),
    (7, {"password": HASH}, "ftpgw:accounts: 7 is no account name"),
]


@pytest.mark.parametrize(("name", "given", "problem"), ACCOUNTS)
def test_a_wrong_account_is_refused_in_one_line(name, given, problem):
    """The line begins with the pillar path and never tells a password."""
    with pytest.raises(SaltInvocationError) as caught:
        ftpgw.accounts({name: given})
    message = str(caught.value)
    assert message.startswith(problem)
    assert "\n" not in message
    assert "secret" not in message
    assert HASH not in message


def test_every_wrong_account_is_named():
    """Two mistakes are two lines, so that one run shows them all."""
    with pytest.raises(SaltInvocationError) as caught:
        ftpgw.accounts({"a": {}, "b": {"password": HASH}, "c": None})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[2] for line in lines] == ["a", "c"]


@pytest.mark.parametrize("method", ["1", "5", "6", "y", "2b"])
def test_the_hashes_that_crypt_makes_are_hashes(method):
    """MD5, SHA-256, SHA-512, yescrypt and bcrypt look alike enough."""
    ftpgw.accounts({"partner": {"password": f"${method}$rounds=5000$abc./DEF$0123456789"}})


def test_a_home_has_a_default():
    """An account lives below /home unless it says otherwise."""
    assert ftpgw.accounts({"partner": {"password": HASH}})["partner"]["home"] == "/home/partner"


def test_every_setting_of_the_files_is_known():
    """What defaults.yaml and pillar.example say is what the check knows."""
    used = set(yaml.safe_load((ROOT / "pillar.example").read_text())["ftpgw"])
    used |= set(yaml.safe_load((ROOT / "ftpgw/defaults.yaml").read_text()))
    assert used == set(ftpgw.SETTINGS)


@pytest.fixture
def problems(monkeypatch):
    """`problems` with a given pillar and with the other modules' checks always content."""

    def run(pillar, services=None, rules=None):
        monkeypatch.setattr(ftpgw, "__pillar__", {"ftpgw": pillar}, raising=False)
        content = {"servicedir.settings": lambda *_: {}, "tcprules.settings": lambda *_: {}}
        monkeypatch.setattr(ftpgw, "__salt__", content, raising=False)
        return ftpgw.problems({"services": services or {}, "rules": rules or {}})

    return run


@pytest.mark.parametrize(
    ("pillar", "problem"),
    [
        ([], "ftpgw: expected settings, got []"),
        ("x", "ftpgw: expected settings, got 'x'"),
        ({"servces": {}}, "ftpgw: unknown setting 'servces' (did you mean 'services'?)"),
        ({"services": "x"}, "ftpgw:services: expected a mapping of names to settings, got 'x'"),
        ({"rules": []}, "ftpgw:rules: expected a mapping of names to settings, got []"),
        ({"accounts": ["a"]}, "ftpgw:accounts: expected a mapping of names to settings, got ['a']"),
        ({3: 4}, "ftpgw: unknown setting 3 (known: accounts, "),
        ({"shells": "/bin/sh"}, "ftpgw:shells: expected a list of text, got '/bin/sh'"),
        ({"packages": ["a", 3]}, "ftpgw:packages: expected a list of text, got ['a', 3]"),
        ({"login_group": ["a"]}, "ftpgw:login_group: expected text, got ['a']"),
        ({"service_dir": 3}, "ftpgw:service_dir: expected text, got 3"),
        ({"pam": {"lines": None}}, "ftpgw:pam:lines: expected a list of text, got None"),
        ({"daemontools": {"source": True}}, "ftpgw:daemontools:source: expected text, got True"),
        ({"daemontools": {"sorce": "a"}}, "ftpgw:daemontools: unknown setting 'sorce' (did you"),
    ],
)
def test_a_wrong_shape_is_one_line(problems, pillar, problem):
    """A mistake at the top is found before anything below it is looked at."""
    [line] = problems(pillar)
    assert line.startswith(problem)


def test_an_empty_pillar_key_is_nothing(problems):
    """`accounts:` with every line below it commented out is no mistake."""
    assert problems({"accounts": None, "services": None}) == []


def test_two_services_cannot_have_one_port(problems):
    """The line names the second and the first."""
    ftpd = {"tcpserver": {"address": 0, "port": "ftp"}}
    [line] = problems({}, services={"one": ftpd, "two": ftpd})
    assert line == "ftpgw:services:two:tcpserver: one listens on 0 port ftp already"


@pytest.mark.parametrize("state", ["down", "absent"])
def test_a_service_that_is_not_up_takes_no_port(problems, state):
    """A declared but stopped twin is allowed."""
    ftpd = {"tcpserver": {"address": 0, "port": "ftp"}}
    assert problems({}, services={"one": ftpd, "two": {**ftpd, "state": state}}) == []


def test_a_service_names_rules_that_exist(problems):
    """tcpserver refuses everybody when its rules are missing."""
    ftpd = {"tcpserver": {"port": "ftp", "rules": "fpt"}}
    [line] = problems({}, services={"one": ftpd}, rules={"ftp": {}})
    assert line.startswith("ftpgw:services:one:tcpserver:rules: there is no ftpgw:rules:fpt")
    assert "did you mean 'ftp'?" in line
    absolute = {"tcpserver": {"port": "ftp", "rules": "/elsewhere/ftp.cdb"}}
    assert problems({}, services={"one": absolute}) == []


def test_neighbours_are_the_services_that_are_not_ours(tmp_path):
    """Their packages must stay when ours would go."""
    for name in ("open-ftpd", "dnscache"):
        (tmp_path / name).mkdir()
    assert ftpgw.neighbours(str(tmp_path), ["open-ftpd"]) == ["dnscache"]
    assert ftpgw.neighbours(str(tmp_path / "none"), []) == []


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_the_directories_of_a_file_are_made(tmp_path, monkeypatch, umask):
    """For all to read, whoever asks; a path without one is here."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(umask)
    try:
        ftpgw.put(str(tmp_path / "a/b/file"), "")
        ftpgw.put("file", "")
    finally:
        os.umask(before)
    made = [tmp_path / path for path in ("a", "a/b", "a/b/file", "file")]
    assert [path.stat().st_mode & 0o7777 for path in made] == [0o755, 0o755, 0o644, 0o644]


def test_a_file_is_put_with_the_mode_that_is_said(tmp_path):
    """Or as it was before; what is in the way is one line."""
    file = tmp_path / "file"
    ftpgw.put(str(file), "a\n", 0o600)
    ftpgw.put(str(file), "b\n")
    assert (file.read_text(), file.stat().st_mode & 0o7777) == ("b\n", 0o600)
    with pytest.raises(CommandExecutionError) as caught:
        ftpgw.put(str(file / "no"), "c\n")
    assert str(caught.value) == f"{file}/no: Not a directory"
