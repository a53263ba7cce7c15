"""The accounts of a machine: what is read, and what is done in which order."""

import os
import pathlib
import pwd
import stat

import _puredb
import _userdb
import pytest
from salt.exceptions import CommandExecutionError

HASH = "$6$salt$" + "a" * 86
ACCOUNT = {
    "state": "present",
    "password": HASH,
    "home": "/home/partner",
    "uid": None,
    "purge": False,
    "until": None,
    "only": None,
    "sessions": None,
}
HEAD = "# The FTP accounts of this gateway, by ftpgw.\n"
LINUX = {
    "kernel": "Linux",
    "shell": "/usr/sbin/nologin",
    "access": None,
    "only": {},
    "puredb": "",
}
BSD = {**LINUX, "kernel": "OpenBSD", "shell": "/sbin/nologin", "passwords": ""}


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """The /etc/ftpchroot of a test."""
    path = tmp_path / "ftpchroot"
    monkeypatch.setattr(_userdb, "CHROOT_LIST", str(path))
    return path


@pytest.fixture
def system(tmp_path, listed):
    return {**LINUX, "passwords": str(tmp_path / "ftpgw.passwd")}


class TestRead:
    """What there is."""

    def test_everybody_is_known(self, listed):
        here = _userdb.read({})
        assert here["accounts"]["root"]["uid"] == 0
        assert here["groups"]["root"] == set()

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            (HEAD + "a\nb\n", {"a", "b"}),
            (HEAD + "a\n@\n", {"a"}),
            ("a\nb\n", set()),
            ("", set()),
            (None, set()),
        ],
    )
    def test_those_of_our_own_list_carry_our_mark(self, listed, text, names):
        """FreeBSD's line for everybody is no name; somebody else's list has none of ours."""
        if text is not None:
            listed.write_text(text)
        assert _userdb.read({})["confined"] == names

    def test_who_owns_a_home_and_what_is_beside_it(self, listed, tmp_path):
        (tmp_path / "home/partner").mkdir(parents=True)
        (tmp_path / "home/file").touch()
        os.chown(tmp_path / "home/partner", 1234, 0)
        os.chown(tmp_path / "home/file", 1235, 0)
        homes = {name: str(tmp_path / "home" / name) for name in ("partner", "file", "none")}
        declared = {name: {**ACCOUNT, "home": home} for name, home in homes.items()}
        here = _userdb.read(declared)
        assert here["owners"] == {homes["partner"]: 1234, homes["file"]: None, homes["none"]: None}
        assert here["beside"] == {1234, 1235}
        assert (here["links"], here["sizes"]) == (set(), {})

    def test_a_home_that_leads_elsewhere(self, listed, tmp_path):
        (tmp_path / "there").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "there")
        homes = {name: str(tmp_path / name) for name in ("there", "link")}
        declared = {name: {**ACCOUNT, "home": home} for name, home in homes.items()}
        assert _userdb.read(declared)["links"] == {homes["link"]}

    @pytest.mark.parametrize(
        ("sizes", "words"),
        [
            ([], "0 bytes in 0 files"),
            ([999], "999 bytes in 1 file"),
            ([1000, 500], "1 kB in 2 files"),
            ([5 * 10**6], "5 MB in 1 file"),
            ([3 * 10**9, 10**9], "4 GB in 2 files"),
        ],
    )
    def test_how_much_a_home_holds_that_is_to_go(self, listed, tmp_path, sizes, words):
        home = tmp_path / "home/gone"
        (home / "folder").mkdir(parents=True)
        for number, size in enumerate(sizes):
            with (home / "folder" / str(number)).open("wb") as file:
                file.truncate(size)
        gone = {**ACCOUNT, "state": "absent", "purge": True, "home": str(home)}
        assert _userdb.read({"gone": gone})["sizes"] == {str(home): words}

    def test_another_file_system_is_no_home_to_be_removed(self, listed):
        """Nor is a link, nor what is not there."""
        for home in ("/proc", "/proc/self", "/none/home"):
            gone = {**ACCOUNT, "state": "absent", "purge": True, "home": home}
            assert _userdb.read({"gone": gone})["sizes"] == {home: ""}

    def test_passwords_of_ftpd_alone(self, tmp_path):
        """And who has one in the system all the same."""
        file = tmp_path / "ftpgw.passwd"
        file.write_text(f"a:{HASH}\n")
        shadow = {"a": "!", "b": "*", "c": HASH, "d": "", "e": f"!{HASH}"}
        system = {**LINUX, "passwords": str(file)}
        found = _userdb.secrets(shadow, system, lambda name: {"passwd": shadow[name]}, "/none")
        assert found == {
            "passwords": {"a": HASH},
            "apart": True,
            "unlocked": {"c", "d"},
            "until": dict.fromkeys(shadow),
        }

    def test_passwords_of_the_system(self):
        found = _userdb.secrets(["a", "b"], BSD, lambda name: {"passwd": name * 3})
        assert (found["passwords"], found["apart"]) == ({"a": "aaa", "b": "bbb"}, False)

    def test_salt_is_asked_only_for_who_is_not_in_the_file_of_linux(self, tmp_path):
        """To load what it has for that takes long."""
        (tmp_path / "shadow").write_text(f"a:{HASH}:19700:0:99999:7:::\nb:!:19700::::::\n")
        asked = []

        def info(name):
            asked.append(name)
            return {"passwd": "*"}

        system = {**LINUX, "passwords": ""}
        found = _userdb.secrets(["a", "b", "c"], system, info, str(tmp_path / "shadow"))
        assert found["passwords"] == {"a": HASH, "b": "!", "c": "*"}
        assert asked == ["c"]

    @pytest.mark.parametrize(
        ("system", "expires", "until"),
        [
            (LINUX, "20909", "2027-03-31"),
            (LINUX, "1", "1970-01-01"),
            (LINUX, "0", "1969-12-31"),
            (LINUX, "99999999", "9999-12-31"),
            (LINUX, "", None),
            (LINUX, "-1", None),
            (BSD, 20909 * 86400, "2027-03-31"),
            (BSD, 20909 * 86400 - 1, "2027-03-31"),
            (BSD, 20909 * 86400 + 1, "2027-04-01"),
            (BSD, str(20909 * 86400), "2027-03-31"),
            (BSD, 0, None),
            (BSD, "", None),
        ],
    )
    def test_the_last_day_of_an_account(self, tmp_path, system, expires, until):
        """Linux counts days until it ends, a BSD seconds; a 0 of Linux is long ago."""
        if system is LINUX:
            (tmp_path / "shadow").write_text(f"a:!:19700:0:99999:7::{expires}:\n")
        found = _userdb.secrets(
            ["a"],
            {**system, "passwords": ""},
            lambda _: {"passwd": "*", "expire": expires},
            str(tmp_path / "shadow"),
        )
        assert found["until"] == {"a": until}


class TestFiles:
    """What ftpd reads."""

    def test_only_those_who_are_present(self, system, listed):
        declared = {"b": ACCOUNT, "a": ACCOUNT, "gone": {**ACCOUNT, "state": "absent"}}
        assert _userdb.files(declared, system) == {
            str(listed): (HEAD + "a\nb\n", 0o644),
            system["passwords"]: (f"a:{HASH}\nb:{HASH}\n", 0o600),
        }

    def test_on_freebsd_everybody_is_confined(self, listed):
        """There, an ftpd that cannot start PAM asks for a password and for nothing else."""
        made = _userdb.files({"a": ACCOUNT}, {**BSD, "kernel": "FreeBSD"})
        assert made == {str(listed): (HEAD + "a\n@\n", 0o644)}

    def test_what_an_account_may_has_files_of_its_own(self, system, listed, tmp_path):
        """And those that nobody has any more are told apart, to go."""
        folder = tmp_path / "users"
        folder.mkdir()
        (folder / "a").touch()
        (folder / "old").touch()
        only = {"file": f"{folder}/{{account}}", "upload": ["x=NO", "y=NO"], "download": ["z=NO"]}
        declared = {"a": {**ACCOUNT, "only": "upload"}, "b": ACCOUNT}
        more = {**system, "access": ("/access", "all\n"), "only": only}
        made = _userdb.files(declared, more)
        assert made[str(folder / "a")] == ("x=NO\ny=NO\n", 0o644)
        assert made["/access"] == ("all\n", 0o600)
        assert str(folder / "b") not in made
        assert _userdb.stale(made, more) == [str(folder / "old")]
        assert _userdb.stale(made, system) == []

    def test_a_data_base_of_pure_ftpd_has_those_who_are_there(self, system, tmp_path):
        """Who has no number yet is not in it, nor who is absent."""
        user, path = pwd.getpwall()[1], str(tmp_path / "accounts.pdb")
        there = {user.pw_name: {**ACCOUNT, "home": "/home/x", "sessions": 2}, "nobody-yet": ACCOUNT}
        declared = {**there, pwd.getpwall()[2].pw_name: {**ACCOUNT, "state": "absent"}}
        made, mode = _userdb.files(declared, {**system, "puredb": path})[path]
        said = _puredb.account(HASH, user.pw_uid, user.pw_gid, "/home/x", 2)
        assert (made, mode) == (_puredb.made({user.pw_name: said}), 0o600)
        pathlib.Path(path).write_bytes(made)
        pathlib.Path(path).chmod(mode)
        assert _userdb.is_written(path, made, mode)
        assert not _userdb.is_written(path, made[:-1], mode)

    def test_a_file_is_written_when_text_mode_and_owner_are_right(self, tmp_path):
        file = tmp_path / "file"
        assert not _userdb.is_written(str(file), "text", 0o600)
        file.write_text("text")
        file.chmod(0o600)
        assert _userdb.is_written(str(file), "text", 0o600)
        assert not _userdb.is_written(str(file), "other", 0o600)
        assert not _userdb.is_written(str(file), "text", 0o644)
        (tmp_path / "link").symlink_to(file)
        assert not _userdb.is_written(str(tmp_path / "link"), "text", 0o600)
        os.chown(file, 1234, -1)
        assert not _userdb.is_written(str(file), "text", 0o600)


class Calls(list):
    """Salt's functions, and what the files of ftpd were when each was called."""

    def __init__(self, listed, system):
        super().__init__()
        self.files = [listed, system["passwords"]]

    def __call__(self, name, *arguments, **settings):
        there = [os.path.exists(path) for path in self.files]
        self.append((name, *arguments, *there))
        return name == "group.info" and arguments[0] == "there"


def entry(state, **changes):
    return {"state": state, "home": "/home/partner", "uid": 1234, "changes": changes}


def test_an_account_is_confined_before_it_can_log_in_and_until_it_is_gone(
    system, listed, monkeypatch
):
    """First the password goes, then the account, then the confinement; the other way round."""
    calls = Calls(listed, system)
    monkeypatch.setattr(_userdb.subprocess, "run", lambda *_, **__: None)
    planned = {
        "new": entry("present", account="made with uid 1234", password="set"),
        "same": entry("present"),
        "leaver": entry("absent", account="removed"),
        "forgotten": entry("left over", account="left over: opens nothing any more"),
        "guest": entry("stranger", groups="without ftpgw"),
    }
    _userdb.apply(planned, {"new": ACCOUNT, "same": ACCOUNT}, system, calls)
    assert calls == [
        ("group.info", "ftpgw", False, False),
        ("group.add", "ftpgw", False, False),
        ("group.info", "ftpgw-left", False, False),
        ("group.add", "ftpgw-left", False, False),
        ("user.delete", "leaver", False, True),
        ("group.adduser", "ftpgw-left", "forgotten", False, True),
        ("group.deluser", "ftpgw", "forgotten", False, True),
        ("group.deluser", "ftpgw", "guest", False, True),
        ("user.add", "new", True, True),
    ]


def test_what_is_left_over_is_locked_and_then_its_sessions_end(system, listed, monkeypatch):
    """Or else one could begin between the two; a person in our group keeps his."""
    ran = []

    def run(command, **_):
        ran.append(command)
        return _userdb.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(_userdb.subprocess, "run", run)
    changes = {"account": "left over: opens nothing any more", "password of the system": "locked"}
    planned = {
        "forgotten": entry("left over", **changes),
        "guest": entry("stranger", groups="without ftpgw"),
    }
    _userdb.apply(planned, {}, system, Calls(listed, system))
    assert ran == [["chpasswd", "-e"], ["pkill", "-KILL", "-u", "forgotten"]]
    calls = Calls(listed, system)
    _userdb.apply(planned, {}, BSD, calls)
    assert calls.index(("shadow.set_password", "forgotten", "*", True, True)) < calls.index(
        ("group.deluser", "ftpgw", "forgotten", True, True)
    )


@pytest.mark.parametrize(("until", "days"), [("2027-03-31", 20909), (None, None)])
def test_the_system_is_told_the_day_after_the_last_one(system, listed, monkeypatch, until, days):
    ran, account = [], {**ACCOUNT, "until": until}

    def run(command, **_):
        ran.append(command)
        return _userdb.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(_userdb.subprocess, "run", run)
    planned = {"new": entry("present", until="changes")}
    _userdb.apply(planned, {"new": account}, system, Calls(listed, system))
    assert ran == [["chage", "-E", str(days or -1), "new"]]
    calls = Calls(listed, system)
    _userdb.apply(planned, {"new": account}, BSD, calls)
    assert calls[-1][:3] == ("shadow.set_expire", "new", 86400 * (days or 0))


def test_what_a_program_refuses_is_said(system, listed, monkeypatch):
    def run(command, **_):
        return _userdb.subprocess.CompletedProcess(command, 1, stderr="no room\nmore\n")

    monkeypatch.setattr(_userdb.subprocess, "run", run)
    planned = {"new": entry("present", until="changes")}
    with pytest.raises(CommandExecutionError, match=r"^new: chage: no room$"):
        _userdb.apply(planned, {"new": ACCOUNT}, system, Calls(listed, system))


def test_a_home_that_is_to_go_goes_after_its_account(system, listed, tmp_path, monkeypatch):
    """And nothing that a link in it leads to."""
    monkeypatch.setattr(_userdb.subprocess, "run", lambda *_, **__: None)
    home, other = tmp_path / "gone", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    (other / "file").touch()
    (home / "link").symlink_to(other)
    planned = {"gone": {**entry("absent", account="removed", directory="x"), "home": str(home)}}
    _userdb.apply(planned, {}, system, Calls(listed, system))
    assert (home.exists(), (other / "file").exists()) == (False, True)


def test_only_what_differs_is_changed(system, listed):
    calls = Calls(listed, system)
    changes = {"uid": "", "home": "", "shell": "", "groups": ""}
    _userdb.apply({"new": entry("present", **changes)}, {"new": ACCOUNT}, system, calls)
    assert [call[:3] for call in calls[2:]] == [
        ("user.chuid", "new", 1234),
        ("user.chhome", "new", "/home/partner"),
        ("user.chshell", "new", "/usr/sbin/nologin"),
        ("user.chgroups", "new", ["ftpgw"]),
    ]


def test_a_home_is_the_accounts_and_what_it_stands_in_is_not(system, listed, tmp_path):
    """It could put another home in the place of its own, and keep others out of theirs."""
    home = tmp_path / "srv/ftp/partner"
    games = pwd.getpwnam("games")
    _userdb.apply(
        {"games": {**entry("present", directory="made"), "home": str(home)}},
        {"games": ACCOUNT},
        system,
        Calls(listed, system),
    )
    assert (home.stat().st_uid, stat.S_IMODE(home.stat().st_mode)) == (games.pw_uid, 0o750)
    above = home.parent.stat()
    assert (above.st_uid, stat.S_IMODE(above.st_mode)) == (0, 0o755)


def test_on_a_bsd_salts_shadow_sets_the_password(listed, system):
    calls = Calls(listed, system)
    _userdb.apply({"new": entry("present", password="set")}, {"new": ACCOUNT}, BSD, calls)
    assert calls[-1][:3] == ("shadow.set_password", "new", HASH)


@pytest.mark.parametrize(
    ("own_file", "changes", "told"),
    [
        ("passwords", {"password": "changes"}, None),
        ("passwords", {"password of the system": "locked"}, "new:!\n"),
        ("", {"password": "changes"}, f"new:{HASH}\n"),
    ],
)
def test_on_linux_a_hash_is_told_by_a_pipe(system, listed, monkeypatch, own_file, changes, told):
    """No program has it as an argument, and the file is replaced as a whole, or not at all."""
    ran = []

    def run(command, **options):
        assert "$6$" not in " ".join(command)
        ran.append((command, options["input"]))
        return _userdb.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(_userdb.subprocess, "run", run)
    linux = {**system, "passwords": own_file and system["passwords"]}
    _userdb.apply(
        {"new": entry("present", **changes)}, {"new": ACCOUNT}, linux, Calls(listed, system)
    )
    assert ran == ([(["chpasswd", "-e"], told)] if told else [])
