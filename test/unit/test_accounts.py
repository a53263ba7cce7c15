"""The accounts that pillar declares: refused in one line each, which never tells a password."""

import _accounts
import pytest
from salt.exceptions import SaltInvocationError

PATH = "ftpgw:accounts"
HASH = "$6$salt$" + "a" * 86
GIVEN = {"password": HASH}
HOME = "partner:home: expected a directory such as /home/partner, without '.' or '..', got"
UID = "partner:uid: expected a whole number of at least 1000, got"
WRONG = [
    ("partner", {}, "partner:password: missing (make a hash with: openssl passwd -6)"),
    ("partner", {"password": "secret"}, "partner:password: expected a crypt hash"),
    ("partner", {"password": 12345678}, "partner:password: expected a crypt hash"),
    ("partner", {"password": None}, "partner:password: expected a crypt hash"),
    ("partner", {"password": HASH + ":0"}, "partner:password: expected a crypt hash"),
    ("partner", {"password": HASH + "\n"}, "partner:password: expected a crypt hash"),
    ("partner", {**GIVEN, HASH: 1}, "partner: unknown setting a password hash"),
    ("partner", {**GIVEN, "pasword": HASH}, "partner: unknown setting 'pasword' (did you mean"),
    ("partner", {**GIVEN, "state": HASH}, "partner:state: expected present or absent, got a pas"),
    ("partner", {**GIVEN, "uid": HASH}, f"{UID} a password hash"),
    ("partner", None, "partner: expected settings such as password: HASH, got nothing"),
    ("partner", [HASH], "partner: expected settings such as password: HASH, got a list"),
    ("partner", HASH, "partner: expected settings such as password: HASH, got text"),
    ("partner", {**GIVEN, "home": "/"}, f"{HOME} '/'"),
    ("partner", {**GIVEN, "home": "/etc"}, f"{HOME} '/etc'"),
    ("partner", {**GIVEN, "home": "home/x"}, f"{HOME} 'home/x'"),
    ("partner", {**GIVEN, "home": "/home/../etc"}, f"{HOME} '/home/../etc'"),
    ("partner", {**GIVEN, "home": "/home/a:b"}, f"{HOME} '/home/a:b'"),
    ("partner", {**GIVEN, "uid": 0}, f"{UID} 0"),
    ("partner", {**GIVEN, "uid": True}, f"{UID} true"),
    ("partner", {"state": "absnet"}, "partner:state: expected present or absent, got 'absnet'"),
    ("a:b", GIVEN, " expected an account name (at most 32 letters, digits, _ . -), got 'a:b'"),
    ("a\nb", GIVEN, " expected an account name (at most 32 letters, digits, _ . -), got 'a\\nb'"),
    ("partner\n", GIVEN, " expected an account name (at most 32 letters, digits, _ . -), got 'par"),
    ("-partner", GIVEN, " expected an account name (at most 32 letters, digits, _ . -), got '-pa"),
    (HASH, {}, " expected an account name (at most 32 letters, digits, _ . -), got a password ha"),
    (7, GIVEN, " expected an account name (at most 32 letters, digits, _ . -), got 7"),
    ("root", GIVEN, "root: this name is not for an FTP account (choose another one)"),
    ("nobody", {"state": "absent"}, "nobody: this name is not for an FTP account"),
    ("anonymous", GIVEN, "anonymous: this name is not for an FTP account"),
    ("ftp", GIVEN, "ftp: this name is not for an FTP account"),
]


@pytest.mark.parametrize(("name", "given", "problem"), WRONG)
def test_a_wrong_account_is_refused_in_one_line(name, given, problem):
    [line] = _accounts.problems({name: given}, PATH)
    assert line.startswith(f"{PATH}:{problem}")
    assert "secret" not in line
    assert "$6$" not in line


@pytest.mark.parametrize("accounts", [[HASH], HASH, 3])
def test_what_is_no_mapping_is_refused_by_its_type(accounts):
    [line] = _accounts.problems(accounts, PATH)
    assert line.startswith(f"{PATH}: expected a mapping of accounts to settings, got ")
    assert "$6$" not in line


def test_every_wrong_account_is_named():
    wrong = {"a": {}, "b": GIVEN, "c": None}
    with pytest.raises(SaltInvocationError) as refused:
        _accounts.checked(wrong, PATH)
    assert [line.split(":")[2] for line in str(refused.value).splitlines()] == ["a", "c"]


@pytest.mark.parametrize("method", ["1", "5", "6", "y", "2b"])
def test_the_hashes_that_crypt_makes_are_hashes(method):
    """MD5, SHA-256, SHA-512, yescrypt and bcrypt look alike enough."""
    hashed = f"${method}$rounds=5000$abc./DEF$0123456789"
    assert _accounts.problems({"partner": {"password": hashed}}, PATH) == []


def test_defaults_are_filled_in():
    declared = {"partner": GIVEN, "leaver": {"state": "absent"}}
    assert _accounts.checked(declared, PATH) == {
        "partner": {"state": "present", "password": HASH, "home": "/home/partner", "uid": None},
        "leaver": {"state": "absent", "password": None, "home": "/home/leaver", "uid": None},
    }
