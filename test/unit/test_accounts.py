"""The accounts that pillar declares: refused in one line each, which never tells a password."""

import datetime

import _accounts
import pytest
from salt.exceptions import SaltInvocationError

PATH = "ftpgw:accounts"
HASH = "$6$salt$" + "a" * 86
GIVEN = {"password": HASH}
HOME = "partner:home: expected a directory such as /home/partner, without '.' or '..', got"
UID = "partner:uid: expected a whole number from 1000 to 2147483647, got"
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
    ("partner", {**GIVEN, "home": "/home/a\x1b[2J"}, f"{HOME} '/home/a\\x1b[2J'"),
    ("partner", {**GIVEN, "home": "/home/a\t"}, f"{HOME} '/home/a\\t'"),
    ("partner", {**GIVEN, "uid": 2**32 - 1}, f"{UID} 4294967295"),
    ("partner", {**GIVEN, "until": "20270131"}, "partner:until: expected a day such as"),
    ("partner", {**GIVEN, "until": "1969-12-31"}, "partner:until: expected a day such as"),
    ("partner", {**GIVEN, "until": "0207-01-31"}, "partner:until: expected a day such as"),
    ("partner", {**GIVEN, "until": "9999-12-31"}, "partner:until: expected a day such as"),
    ("partner", {**GIVEN, "until": "2027-W04-7"}, "partner:until: expected a day such as"),
    ("partner", {**GIVEN, "uid": 0}, f"{UID} 0"),
    ("partner", {**GIVEN, "uid": True}, f"{UID} true"),
    (
        "partner",
        {**GIVEN, "until": "31.3.2027"},
        "partner:until: expected a day such as 2027-01-31",
    ),
    ("partner", {**GIVEN, "from": []}, "partner:from: expected a list of sites of the rules of op"),
    ("partner", {**GIVEN, "from": "acme"}, "partner:from: expected a list of sites of the rules o"),
    ("partner", {**GIVEN, "from": ["a\nb"]}, "partner:from: expected the name of a site, got 'a"),
    ("partner", {**GIVEN, "only": "read"}, "partner:only: expected upload or download, got 'read'"),
    *(
        ("partner", {**GIVEN, "quota": wrong}, "partner:quota: expected a size such as 500M or 2G")
        for wrong in (2, 0, True, "2", "2GB", "2 G", "0G", "-1G", "1.5G", "1234567T", "2G\n", HASH)
    ),
    ("partner", {**GIVEN, "purge": True}, "partner:purge: its home goes only with it (say state:"),
    ("partner", {**GIVEN, "purge": 1}, "partner:purge: expected true or false, got 1"),
    ("all", {**GIVEN, "from": ["acme"]}, "all:from: PAM takes this name for a word (choose"),
    ("Except", {**GIVEN, "from": ["acme"]}, "Except:from: PAM takes this name for a word (choose"),
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
    unsaid = {"purge": False}
    unsaid |= dict.fromkeys(("uid", "until", "from", "only", "quota", "sessions"))
    assert _accounts.checked(declared, PATH) == {
        "partner": {"state": "present", "password": HASH, "home": "/home/partner", **unsaid},
        "leaver": {"state": "absent", "password": None, "home": "/home/leaver", **unsaid},
    }


@pytest.mark.parametrize("until", ["2027-03-31", datetime.date(2027, 3, 31)])
def test_a_day_is_the_same_with_quotes_and_without(until):
    checked = _accounts.checked({"partner": {**GIVEN, "until": until}}, PATH)
    assert checked["partner"]["until"] == "2027-03-31"


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
    "links": set(),
    "sizes": {},
    "beside": {0, 1000, 1001},
    "passwords": {"partner": HASH},
    "apart": True,
    "unlocked": set(),
    "until": {},
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

    @pytest.mark.parametrize(
        ("home", "whose"),
        [
            ("/home/person/ftp", "/home/person, the home of person"),
            ("/home/nested", "/home/nested/a, the home of inner"),
            ("/home/persona", None),
            ("/usr/games/ftp", None),
        ],
    )
    def test_a_home_inside_another_or_around_it(self, home, whose):
        """Whoever has the outer one could put a link in the place of the inner one."""
        accounts = {
            **MACHINE["accounts"],
            "inner": {"uid": 1010, "home": "/home/nested/a", "shell": "/bin/sh"},
            "games": {"uid": 5, "home": "/usr/games", "shell": "/usr/sbin/nologin"},
        }
        lines = misfits({**MACHINE, "accounts": accounts}, new={**GIVEN, "home": home})
        told = f"{PATH}:new:home: {home} is inside {whose}, or around it"
        assert lines == ([told] if whose else [])

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_two_homes_of_pillar_are_apart(self, state):
        inner = {**GIVEN, "home": "/srv/ftp/a/b"}
        if state == "absent":
            inner = {"state": "absent", "purge": True, "home": "/srv/ftp/a/b"}
        twins = {"a": {**GIVEN, "home": "/srv/ftp/a"}, "b": inner}
        told = f"{PATH}:b:home: /srv/ftp/a/b is inside the home of a"
        assert _accounts.problems(twins, PATH) == [told]

    def test_a_home_that_is_a_link(self):
        machine = {**MACHINE, "links": {"/home/partner"}}
        told = f"{PATH}:partner:home: /home/partner is a link (say the directory itself)"
        assert misfits(machine, partner=GIVEN) == [told]
        assert misfits(machine, partner={"state": "absent", "purge": True}) == [told]
        assert misfits(machine, partner={"state": "absent"}) == []

    def test_pam_does_not_tell_capitals_from_others(self):
        """So one of the two would come from where the other may."""
        twins = {"Partner": {**GIVEN, "from": ["acme"]}, "partner": GIVEN}
        told = f"{PATH}:partner:from: PAM takes it for Partner (choose another name)"
        assert _accounts.problems(twins, PATH) == [told]
        assert _accounts.problems({"Partner": GIVEN, "partner": GIVEN}, PATH) == []

    @pytest.mark.parametrize(
        ("name", "owner", "uid", "refused"),
        [
            ("partner", 1001, None, False),
            ("partner", 1005, None, True),
            ("partner", 0, None, True),
            ("gone", 1005, None, False),
            ("gone", 1005, 1005, False),
            ("gone", 1005, 1006, True),
            ("gone", 1000, None, True),
            ("gone", 33, None, True),
            ("gone", 0, None, True),
            ("gone", None, None, False),
        ],
    )
    def test_only_the_accounts_own_home_goes_with_it(self, name, owner, uid, refused):
        """Not what root has, either: a path that is mistyped is soon one of the system's."""
        home = "/srv/ftp/gone"
        given = {"state": "absent", "purge": True, "home": home} | ({"uid": uid} if uid else {})
        accounts = {**MACHINE["accounts"]}
        if name == "partner":
            accounts["partner"] = {**accounts["partner"], "home": home}
        machine = {
            **MACHINE,
            "accounts": accounts,
            "owners": {home: owner},
            "sizes": {home: "1 kB"},
        }
        told = f"{PATH}:{name}:purge: {home} is not this account's, but belongs to uid {owner}"
        assert misfits(machine, **{name: given}) == ([told] if refused else [])

    def test_the_home_that_goes_is_the_one_it_has(self):
        """Or else that one would stay, and nobody would know."""
        moved = {"partner": {**MACHINE["accounts"]["partner"], "home": "/srv/ftp/partner"}}
        machine = {**MACHINE, "accounts": MACHINE["accounts"] | moved}
        [line] = misfits(machine, partner={"state": "absent", "purge": True})
        assert line.startswith(f"{PATH}:partner:purge: its home is /srv/ftp/partner (say that ")

    def test_another_file_system_does_not_go(self):
        machine = {**MACHINE, "sizes": {"/home/partner": ""}}
        [line] = misfits(machine, partner={"state": "absent", "purge": True})
        assert line.startswith(f"{PATH}:partner:purge: /home/partner is mounted, or has")


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

    @pytest.mark.parametrize(
        ("until", "there", "told"),
        [
            ("2027-03-31", None, "2027-03-31 instead of no end"),
            ("2027-03-31", "2027-03-30", "2027-03-31 instead of 2027-03-30"),
            (None, "2027-03-30", "no end instead of 2027-03-30"),
            ("2027-03-31", "2027-03-31", None),
            (None, None, None),
        ],
    )
    def test_the_last_day_is_that_of_pillar(self, until, there, told):
        """Also where it says none, and somebody has said one to the system."""
        given = {**GIVEN, **({"until": until} if until else {})}
        machine = {**MACHINE, "until": {"partner": there}}
        expected = {"until": told} if told else {}
        assert changes(machine=machine, partner=given)["partner"] == expected
        new = changes(partner=GIVEN, new=given)["new"]
        assert new.get("until") == until

    def test_the_home_of_a_leaver_goes_where_pillar_says_so(self):
        """With how much is lost; and then there is nothing more to be done."""
        machine = {**MACHINE, "sizes": {"/home/partner": "5 MB in 3 files"}}
        given = {"state": "absent", "purge": True}
        assert changes(machine=machine, partner=given)["partner"] == {
            "account": "removed",
            "directory": "/home/partner removed, with 5 MB in 3 files",
        }
        assert changes(gone=given)["gone"] == {}

    def test_where_ftpd_asks_the_system_its_password_is_not_locked(self):
        machine = {**MACHINE, "apart": False, "unlocked": {"partner"}}
        assert changes(machine=machine, partner=GIVEN)["partner"] == {}

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

    @pytest.mark.parametrize(
        ("today", "told"),
        [
            ("2027-03-16", None),
            ("2027-03-17", "2027-03-31 is soon its last day"),
            ("2027-03-31", "2027-03-31 is soon its last day"),
            ("2027-04-01", "2027-03-31 has passed: it cannot log in any more"),
        ],
    )
    def test_an_account_that_ends(self, today, told):
        declared = _accounts.checked({"a": {**GIVEN, "until": "2027-03-31"}, "b": GIVEN}, PATH)
        lines = list(_accounts.endings(declared, PATH, datetime.date.fromisoformat(today)))
        said = f"{PATH}:a:until: {told} (say another day, or absent)"
        assert lines == ([said] if told else [])

    def test_one_that_is_gone_ends_no_more(self):
        gone = {"state": "absent", "until": "2020-01-01"}
        assert list(_accounts.endings(_accounts.checked({"a": gone}, PATH), PATH)) == []


def test_what_people_are_told_of_an_account():
    """Of those that are there, or shall be; never a hash."""
    given = {
        "partner": {
            **GIVEN,
            "from": ["lan", "acme"],
            "until": "2027-03-31",
            "only": "upload",
            "sessions": 2,
        },
        "new": {**GIVEN, "until": "2020-01-01"},
        "gone": {"state": "absent"},
    }
    machine = {**MACHINE, "groups": {"ftpgw": {"partner", "person", "left"}}}
    left = {"uid": 1003, "home": "/home/left", "shell": "/usr/sbin/nologin"}
    machine["accounts"] = {**MACHINE["accounts"], "left": left}
    declared = _accounts.checked(given, PATH)
    planned = plan(machine, **given)
    day = datetime.date(2027, 3, 31)
    told = _accounts.described(planned, declared, machine, day)
    assert told["partner"] == {
        "state": "present",
        "from": "lan, acme",
        "until": "2027-03-31",
        "only": "upload",
        "most": 2,
        "home": "/home/partner",
        "uid": 1001,
        "hash": "SHA-512",
    }
    assert (told["new"]["state"], told["new"]["hash"]) == ("not made yet", "none")
    assert (told["left"]["state"], told["left"]["from"]) == ("left over", "all sites")
    assert told.keys() == {"partner", "new", "left"}
    after = _accounts.described(planned, declared, machine, day + datetime.timedelta(1))
    assert after["partner"]["state"] == "ended"


@pytest.mark.parametrize(
    ("home", "place"),
    [
        ("/home/partner", None),
        ("/usr/home/partner", None),
        ("/var/ftp", None),
        ("/service2/partner", None),
        ("/etc/cron.d", "/etc"),
        ("/service/partner", "/service"),
        ("/service/a/b/partner", "/service"),
        ("/var/svc.d", "/var/svc.d"),
        ("/linked/partner", "/service"),
        ("/srv/around", "/srv/around/salt"),
        ("/usr/local/sbin/partner", "/usr/local/sbin"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"state": "absent"}, {"state": "absent", "purge": True}])
def test_what_an_account_uploads_is_not_run(home, place, more):
    """Wherever the links above its home lead to; one that is gone has no home."""
    declared = _accounts.checked({"partner": {**GIVEN, **more, "home": home}}, PATH)
    folders = ["/service", "/var/svc.d", "/srv/around/salt"]
    found = list(
        _accounts.exposed(
            declared, folders, PATH, lambda path: path.replace("/linked", "/service/x")
        )
    )
    if not place or more == {"state": "absent"}:
        assert found == []
    else:
        [line] = found
        assert line.startswith(f"{PATH}:partner:home: {home} is not apart from {place}, where ")


@pytest.mark.parametrize(
    ("limits", "site", "why"),
    [
        ({}, "lan", ""),
        ({"from": None, "until": None}, "lan", ""),
        ({"from": ["acme"], "until": "2027-03-31"}, "acme", ""),
        ({"from": ["acme"]}, "lan", "site"),
        ({"from": ["acme"]}, None, "site"),
        ({"from": ["acme"], "until": "2027-03-30"}, "lan", "ended"),
    ],
)
def test_why_an_account_cannot_log_in(limits, site, why):
    """Whatever its password is."""
    assert _accounts.barred(limits, lambda: site, datetime.date(2027, 3, 31)) == why


@pytest.mark.parametrize(
    ("hashed", "kind"),
    [("$1$abcdefgh$" + "a" * 22, "MD5 (weak)"), ("$y$j9T$abc$def", "yescrypt"), ("!", "none")],
)
def test_a_weak_hash_is_marked(hashed, kind):
    machine = {**MACHINE, "passwords": {"partner": hashed}}
    told = _accounts.described(plan(machine, partner=GIVEN), {}, machine)
    assert told["partner"]["hash"] == kind


SDB = {"sdb://v/a": HASH, "sdb://v/b": "$2b$10$" + "a" * 53, "sdb://v/no": "secret"}


class TestElsewhere:
    """A hash that pillar does not have itself."""

    def resolved(self, bcrypt=False, **passwords):
        accounts = {name: {"password": given} for name, given in passwords.items()}
        declared = _accounts.checked({**accounts, "gone": {"state": "absent"}}, PATH)
        return _accounts.resolved(declared, SDB.__getitem__, PATH, bcrypt)

    def test_it_is_as_if_it_stood_in_pillar(self):
        assert self.resolved(a="sdb://v/a", c=HASH) == self.resolved(a=HASH, c=HASH)

    @pytest.mark.parametrize("given", ["sdb://", "sdb://v", "sdb://v/", "sdb://v/a b", "sbd://v/a"])
    def test_what_names_no_entry_is_refused(self, given):
        [line] = _accounts.problems({"a": {"password": given}}, PATH)
        assert line.startswith(f"{PATH}:a:password: expected a crypt hash ")

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("sdb://v/no", "what sdb has there is no crypt hash"),
            ("sdb://v/none", "sdb cannot be asked: KeyError"),
        ],
    )
    def test_what_is_none_there_is_one_line_without_it(self, given, told):
        with pytest.raises(SaltInvocationError) as refused:
            self.resolved(a=given, b=given)
        lines = [f"{PATH}:{name}:password: {told}" for name in "ab"]
        assert str(refused.value).splitlines() == lines

    def test_a_system_that_knows_bcrypt_only_gets_nothing_else(self):
        """What pillar does not have is judged when it is there."""
        given = {"a": {"password": "sdb://v/a"}}
        assert _accounts.problems(given, PATH, bcrypt=True) == []
        assert self.resolved(bcrypt=True, b="sdb://v/b")["b"]["password"].startswith("$2b$")
        with pytest.raises(SaltInvocationError, match="a:password: this system knows bcrypt only"):
            self.resolved(bcrypt=True, a="sdb://v/a")


def test_a_system_that_knows_bcrypt_only_gets_nothing_else():
    """It would take another hash, and never recognise the password."""
    bcrypt = {"password": "$2b$10$" + "a" * 53}
    [line] = _accounts.problems({"a": GIVEN, "b": bcrypt}, PATH, bcrypt=True)
    assert line == f"{PATH}:a:password: this system knows bcrypt only (make a hash with: encrypt)"


@pytest.mark.parametrize(("memory", "refused"), [(64000000, 1), (68000000, 0), (None, 0)])
def test_a_hash_for_which_the_server_has_not_enough_memory_is_refused(memory, refused):
    """Whoever has the right password would be told that it is wrong."""
    scrypt = {"password": "$7$CU..../....saltsaltsalt$" + "a" * 43}
    assert _accounts.problems({"b": GIVEN}, PATH, memory=-1) == []
    found = _accounts.problems({"a": scrypt, "b": GIVEN}, PATH, memory=memory)
    told = f"{PATH}:a:password: to check this hash takes 67108864 bytes, and open-ftpd has 64000000"
    assert [line.partition(" (")[0] for line in found] == [told] * refused
    assert "salt$" not in "".join(found)
    if refused:
        with pytest.raises(SaltInvocationError, match="a:password: to check this hash takes"):
            _accounts.resolved(
                _accounts.checked({"a": {"password": "sdb://v/a"}}, PATH),
                {"sdb://v/a": scrypt["password"]}.__getitem__,
                PATH,
                memory=memory,
            )
