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


MACHINE = {
    "accounts": {
        "root": {"uid": 0, "home": "/root", "shell": "/bin/bash"},
        "daemon": {"uid": 1, "home": "/", "shell": "/usr/sbin/nologin"},
        "nobody": {"uid": 65534, "home": "/nonexistent", "shell": "/usr/sbin/nologin"},
        "person": {"uid": 1000, "home": "/home/person", "shell": "/bin/bash"},
        "partner": {"uid": 1001, "home": "/home/partner", "shell": "/usr/sbin/nologin"},
    },
    "groups": {"ftpgw": {"partner"}, "sudo": {"person"}},
    "confined": set(),
    "owners": {"/home/partner": 1001, "/home/person": 1000},
    "beside": {0, 1000, 1001},
    "passwords": {"partner": HASH},
    "unlocked": set(),
}


def misfits(machine=MACHINE, **accounts):
    return list(_accounts.misfits(_accounts.checked(accounts, PATH), machine, PATH))


def plan(machine=MACHINE, remove=False, **accounts):
    declared = _accounts.checked(accounts, PATH)
    return _accounts.plan(declared, machine, "/usr/sbin/nologin", remove)


def changes(**what):
    return {name: entry["changes"] for name, entry in plan(**what).items()}


class TestMisfits:
    """Whom pillar cannot have."""

    @pytest.mark.parametrize("state", ["present", "absent"])
    @pytest.mark.parametrize("name", ["person", "daemon", "_nobody", "partner"])
    def test_an_account_that_was_not_made_for_ftp(self, name, state):
        """Whatever its number and its shell are; neither taken over nor removed."""
        accounts = MACHINE["accounts"] | {"_nobody": MACHINE["accounts"]["nobody"]}
        machine = {**MACHINE, "accounts": accounts, "groups": {"ftpgw": {"daemon"}}}
        [line] = misfits(machine, **{name: {**GIVEN, "state": state}})
        assert line.startswith(f"{PATH}:{name}: this account exists and was not made for FTP (uid ")

    @pytest.mark.parametrize(
        "mark",
        [
            {"groups": {"ftpgw": {"partner"}}},
            {"groups": {"ftpgw-left": {"partner"}}},
            {"groups": {}, "confined": {"partner"}},
        ],
    )
    def test_one_that_has_our_mark_is_ours(self, mark):
        assert misfits({**MACHINE, **mark}, partner=GIVEN) == []

    def test_a_number_that_another_has(self):
        [line] = misfits(new={**GIVEN, "uid": 1000})
        assert line == f"{PATH}:new:uid: person has it already"

    @pytest.mark.parametrize(
        ("owner", "uid", "whose"),
        [
            (1000, None, "person (uid 1000)"),
            (33, None, "uid 33"),
            (1005, 1006, "uid 1005"),
            (1005, None, None),
            (1005, 1005, None),
            (0, None, None),
            (None, None, None),
        ],
    )
    def test_a_home_that_belongs_to_another(self, owner, uid, whose):
        """What nobody owns any more is that of the account; what root has made is for it."""
        given = {**GIVEN, "home": "/srv/ftp/new", **({"uid": uid} if uid else {})}
        machine = {**MACHINE, "owners": {"/srv/ftp/new": owner}}
        lines = misfits(machine, new=given)
        told = f"{PATH}:new:home: /srv/ftp/new belongs to {whose} (choose another one, or chown it"
        assert [line[: len(told)] for line in lines] == ([told] if whose else [])

    def test_a_home_of_another_number_than_the_account_has(self):
        [line] = misfits({**MACHINE, "owners": {"/home/partner": 1005}}, partner=GIVEN)
        assert line.startswith(f"{PATH}:partner:home: /home/partner belongs to uid 1005 ")

    @pytest.mark.parametrize("key", ["uid", "home"])
    def test_two_accounts_cannot_have_one(self, key):
        value = {"uid": 1200, "home": "/srv/ftp/both"}[key]
        twins = {"a": {**GIVEN, key: value}, "b": {**GIVEN, key: value}}
        assert _accounts.problems(twins, PATH) == [f"{PATH}:b:{key}: a has it already"]
        twins["b"]["state"] = "absent"
        assert _accounts.problems(twins, PATH) == []


class TestNumbers:
    """Nobody gets what another has left."""

    def test_an_account_that_comes_back_has_its_number_again(self):
        machine = {**MACHINE, "owners": {"/home/back": 1007}, "beside": {1007, 1009}}
        planned = plan(machine, aaa=GIVEN, back=GIVEN, zzz=GIVEN)
        assert {name: entry["uid"] for name, entry in planned.items() if name != "partner"} == {
            "aaa": 1010,
            "back": 1007,
            "zzz": 1011,
        }

    def test_a_number_of_pillar_is_nobody_elses(self):
        planned = plan(a=GIVEN, b={**GIVEN, "uid": 1500}, c=GIVEN)
        assert [planned[name]["uid"] for name in "abc"] == [1501, 1500, 1502]

    def test_at_the_end_those_below_are_free(self):
        machine = {**MACHINE, "beside": {59999}}
        assert [entry["uid"] for entry in plan(machine, a=GIVEN, b=GIVEN).values()][:2] == [
            1002,
            1003,
        ]

    def test_the_first_account_of_a_machine(self):
        machine = {**MACHINE, "accounts": {}, "beside": {0, 65534}}
        assert plan(machine, a=GIVEN)["a"]["uid"] == 1000


class TestPlan:
    """What is to be done, said by name and never with a hash."""

    def test_nothing_where_all_is_right(self):
        assert changes(partner=GIVEN, leaver={"state": "absent"}) == {"partner": {}, "leaver": {}}

    def test_an_account_is_made(self):
        assert changes(partner=GIVEN, new=GIVEN)["new"] == {
            "account": "made with uid 1002",
            "password": "set",
            "directory": "/home/new made",
        }

    def test_each_difference_is_said(self):
        partner = {"uid": 1001, "home": "/old", "shell": "/bin/sh"}
        machine = {
            **MACHINE,
            "accounts": {**MACHINE["accounts"], "partner": partner},
            "groups": {"sudo": {"partner"}, "ftpgw": {"partner"}},
            "passwords": {},
            "unlocked": {"partner"},
        }
        assert changes(machine=machine, partner={**GIVEN, "uid": 1100})["partner"] == {
            "uid": "1100 instead of 1001",
            "home": "/home/partner instead of /old",
            "shell": "/usr/sbin/nologin instead of /bin/sh",
            "groups": "ftpgw instead of ftpgw,sudo",
            "password": "changes",
            "password of the system": "locked",
        }

    def test_a_leaver_is_removed(self):
        assert changes(partner={"state": "absent"})["partner"] == {"account": "removed"}

    @pytest.mark.parametrize("mark", ["ftpgw", "ftpgw-left", "confined"])
    def test_one_that_pillar_names_no_more_is_left_over(self, mark):
        """It leaves our group for another one, that sshd denies too; or it is removed."""
        groups, confined = ({}, {"partner"}) if mark == "confined" else ({mark: {"partner"}}, set())
        machine = {**MACHINE, "groups": groups, "confined": confined}
        [entry] = plan(machine).values()
        assert (entry["state"], entry["home"]) == ("left over", "/home/partner")
        told = {} if mark == "ftpgw-left" else {"account": "left over: opens nothing any more"}
        assert entry["changes"] == told
        [entry] = plan(machine, remove=True).values()
        assert entry["changes"] == {"account": "removed"}

    @pytest.mark.parametrize("remove", [False, True])
    def test_a_person_in_our_group_is_only_taken_out_of_it(self, remove):
        """Never removed; in the list or the other group it does no harm."""
        machine = {**MACHINE, "groups": {"ftpgw": {"person", "daemon", "no-account"}}}
        planned = plan(machine, remove=remove)
        assert {name: entry["changes"] for name, entry in planned.items()} == {
            "daemon": {"groups": "without ftpgw"},
            "person": {"groups": "without ftpgw"},
        }
        machine = {**MACHINE, "groups": {"ftpgw-left": {"person"}}, "confined": {"daemon"}}
        assert plan(machine, remove=remove) == {}

    def test_a_left_over_password_of_the_system_is_locked(self):
        machine = {**MACHINE, "groups": {"ftpgw-left": {"partner"}}, "unlocked": {"partner"}}
        assert changes(machine=machine) == {"partner": {"password of the system": "locked"}}


class TestWarnings:
    """What should not stay."""

    def test_a_weak_hash(self):
        md5 = "$1$abcdefgh$" + "a" * 22
        declared = _accounts.checked({"old": {"password": md5}, "new": GIVEN}, PATH)
        [line] = _accounts.warnings(declared, {}, PATH)
        assert line.startswith(f"{PATH}:old:password: MD5 is weak")
        assert "$1$" not in line

    def test_an_account_that_is_left_over(self):
        [line] = _accounts.warnings({}, plan(), PATH)
        assert line.startswith(f"{PATH}: does not name partner any more")
        assert "/home/partner stays" in line


def test_a_system_that_knows_bcrypt_only_gets_nothing_else():
    """It would take another hash, and never recognise the password."""
    bcrypt = {"password": "$2b$10$" + "a" * 53}
    [line] = _accounts.problems({"a": GIVEN, "b": bcrypt}, PATH, bcrypt=True)
    assert line == f"{PATH}:a:password: this system knows bcrypt only (make a hash with: encrypt)"
