"""An account that belongs to sites, that ends, or that may do only some things: by real log-ins."""

import contextlib
import datetime
import ftplib
import pathlib
import subprocess

import gateway as gw
import pytest
from clients import LAN, NEIGHBOUR, PARTNER, STRANGER, Client, download, upload

PASSWORD = "salt and spirits"
ACCESS = pathlib.Path("/etc/ftpgw/access")
USERS = pathlib.Path("/etc/ftpgw/users")
STATE = "ftpgw accounts are those of pillar"
# Inside the network of another site, and of one of its own.
GUEST = Client("wan", "9.9.9.77", "203.0.113.1")
SITES = {
    "loopback": {"allow": ["127.0.0.0/16"]},
    "lan": {"allow": ["192.168.0.0/24"]},
    "acme": {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"]},
    "guest": {"allow": ["9.9.9.64/26"]},
}


def day(days):
    """Return the day of the system, which has that of UTC, in so many days."""
    return str((datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days)).date())


def logs_in(client, name):
    """Return whether an account gets in with its password."""
    try:
        client.session(name, PASSWORD).close()
    except ftplib.error_perm as error:
        return not str(error).startswith("530 ")
    return True


def accounts(test=False, check=True):
    return gw.apply("ftpgw.accounts", test=test, check=check)[STATE]


def declare(**settings):
    """Have pillar say something of the account `limited`, and apply it."""
    with gw.pillar() as ftpgw:
        hashed = ftpgw["accounts"]["partner"]["password"]
        ftpgw["accounts"]["limited"] = {"password": hashed, **settings}
    return accounts()


@pytest.fixture(scope="module", autouse=True)
def vsftpd(gateway):
    """The gateway of pillar.example with vsftpd and one more site."""
    before = gw.PILLAR.read_text()
    subprocess.run(
        ["ip", "-n", "wan", "address", "replace", "9.9.9.77/32", "dev", "lo"], check=True
    )
    with gateway.pillar() as ftpgw:
        ftpgw["server"] = "vsftpd"
        ftpgw["rules"]["ftp"]["sites"] = SITES
        ftpgw["accounts"]["limited"] = dict(ftpgw["accounts"]["partner"])
    gateway.apply()
    yield
    with gateway.pillar() as ftpgw:
        ftpgw["accounts"]["limited"] = {"state": "absent", "purge": True}
    gateway.apply()
    gw.PILLAR.write_text(before)
    gateway.apply()


@pytest.fixture(autouse=True)
def _unlimited(vsftpd):
    """Each test says what it limits; the next one finds nothing of it."""
    yield
    declare()
    assert [logs_in(client, "limited") for client in (LAN, PARTNER, GUEST)] == [True] * 3


class TestFrom:
    """The right password is worth nothing from another site."""

    @pytest.mark.parametrize(
        ("sites", "admitted"),
        [
            (["acme"], [PARTNER]),
            (["lan"], [LAN, NEIGHBOUR]),
            (["guest"], [GUEST]),
            (["acme", "lan"], [LAN, NEIGHBOUR, PARTNER]),
            (["acme", "guest"], [PARTNER, GUEST]),
            (["loopback"], []),
        ],
        ids=str,
    )
    def test_an_account_logs_in_from_its_sites_alone(self, sites, admitted):
        """The smallest network that holds an address says of which site it is, as in the rules."""
        declare(**{"from": sites})
        everybody = [LAN, NEIGHBOUR, PARTNER, GUEST]
        assert [who for who in everybody if logs_in(who, "limited")] == admitted
        # And whoever has no such limit is not concerned.
        assert all(logs_in(who, "partner") for who in everybody)
        assert STRANGER.greeting() == b""

    def test_a_second_run_changes_nothing(self):
        assert declare(**{"from": ["acme"]})["changes"] == {str(ACCESS): "written"}
        assert accounts()["changes"] == {}

    def test_without_its_file_nobody_logs_in(self):
        """PAM's own module would then admit everybody."""
        declare(**{"from": ["acme"]})
        ACCESS.unlink()
        assert not any(logs_in(who, "limited") for who in (LAN, PARTNER))
        assert accounts()["changes"] == {str(ACCESS): "written"}
        assert logs_in(PARTNER, "limited")

    def test_a_site_that_has_ended_is_none(self):
        """Its list is empty from then on, here as in the rules."""
        ended = {**SITES, "acme": {**SITES["acme"], "allow_until": day(-1)}}
        with gw.pillar() as ftpgw:
            ftpgw["rules"]["ftp"]["sites"] = ended
        declare(**{"from": ["acme", "lan"]})
        assert "9.9.9." not in ACCESS.read_text()
        with gw.pillar() as ftpgw:
            ftpgw["rules"]["ftp"]["sites"] = SITES

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (
                {"accounts": {"limited": {"from": ["acmee"]}}},
                "ftpgw:accounts:limited:from: there is no ftpgw:rules:ftp:sites:acmee "
                "(did you mean 'acme'?)",
            ),
            (
                {"server": "inetutils", "accounts": {"limited": {"from": ["acme"]}}},
                "ftpgw:accounts:limited:from: inetutils cannot keep this (vsftpd or proftpd can)",
            ),
            (
                {"server": "inetutils", "accounts": {"limited": {"only": "upload"}}},
                "ftpgw:accounts:limited:only: inetutils cannot keep this (vsftpd or proftpd can)",
            ),
            (
                {
                    "pam": {"lines": [f"{it} required pam_deny.so" for it in ("auth", "account")]},
                    "accounts": {"limited": {"until": "2027-03-31"}},
                },
                "ftpgw:accounts:limited:until: ftpgw:pam may not ask for this",
            ),
            (
                {
                    "services": {"open-ftpd": {"command": ["/usr/sbin/pure-ftpd"]}},
                    "accounts": {"limited": {"until": "2027-03-31"}},
                },
                "and ftpgw:accounts:limited:until with it (leave one of them out)",
            ),
        ],
    )
    def test_what_cannot_be_kept_is_one_line(self, mistaken, change, told):
        with mistaken() as ftpgw:
            ftpgw["accounts"]["limited"] |= change.pop("accounts")["limited"]
            ftpgw |= change
        done = gw.salt_call("--out=json", "ftpgw.problems")
        assert (done.returncode, done.stdout.count("ftpgw:accounts:limited")) == (1, 1)
        assert told in done.stdout


class TestUntil:
    """The day after its last one, an account cannot log in any more."""

    @pytest.mark.parametrize(("days", "gets_in"), [(-1, False), (0, True), (1, True), (400, True)])
    def test_its_last_day_is_whole(self, days, gets_in):
        told = declare(until=day(days))
        assert told["changes"] == {"limited": {"until": f"{day(days)} instead of no end"}}
        assert logs_in(PARTNER, "limited") is gets_in
        assert accounts()["changes"] == {}
        line = f"ftpgw:accounts:limited:until: {day(days)} "
        assert [line in each for each in told.get("warnings", [])] == ([True] if days < 15 else [])
        problems = gw.salt_call("--out=json", "ftpgw.health").stdout
        assert (line in problems) is (days < 15)
        assert ("has passed" in problems) is (days < 0)

    def test_what_somebody_says_by_hand_is_undone_and_foretold(self):
        """Pillar decides, also where it says nothing."""
        subprocess.run(["chage", "-E", "1", "limited"], check=True)
        assert not logs_in(PARTNER, "limited")
        change = {"limited": {"until": "no end instead of 1970-01-01"}}
        assert accounts(test=True)["changes"] == change
        assert accounts()["changes"] == change
        assert logs_in(PARTNER, "limited")

    def test_so_it_is_with_the_other_server(self):
        """PAM's account stage asks, whoever calls it."""
        with gw.pillar() as ftpgw:
            ftpgw["server"] = "inetutils"
        gw.apply()
        for days in (-1, 0):
            declare(until=day(days))
            assert logs_in(PARTNER, "limited") is (days == 0)
        declare()
        with gw.pillar() as ftpgw:
            ftpgw["server"] = "vsftpd"
        gw.apply()


class TestOnly:
    """What one may do that may not do all."""

    def refused(self, ftp, *commands):
        for command in commands:
            with pytest.raises(ftplib.error_perm, match=r"^550 "):
                ftp.voidcmd(command)

    def test_upload(self):
        with LAN.session("limited") as ftp:
            upload(ftp, "before.bin", b"before")
        declare(only="upload")
        with LAN.session("limited") as ftp:
            upload(ftp, "new.bin", b"new")
            ftp.mkd("folder")
            for deed in (ftp.nlst, ftp.dir, lambda: download(ftp, "before.bin")):
                with pytest.raises(ftplib.error_perm):
                    deed()
            self.refused(ftp, "DELE before.bin", "RNFR before.bin", "RMD folder", "STAT .")
        assert pathlib.Path("/home/limited/new.bin").read_bytes() == b"new"

    def test_download(self):
        with LAN.session("limited") as ftp:
            upload(ftp, "there.bin", b"there")
        assert declare(only="download")["changes"] == {str(USERS / "limited"): "written"}
        with LAN.session("limited") as ftp:
            assert download(ftp, "there.bin") == b"there"
            assert "there.bin" in ftp.nlst()
            with pytest.raises(ftplib.error_perm):
                upload(ftp, "there.bin", b"other")
            self.refused(ftp, "DELE there.bin", "RNFR there.bin", "MKD folder", "APPE there.bin")
        assert accounts()["changes"] == {}
        assert declare()["changes"] == {str(USERS / "limited"): "removed"}


class TestHomes:
    """What goes with an account, and what may be one."""

    def test_a_purged_one_goes_with_its_account(self):
        """It is foretold how much is lost, once; and links in it are not followed."""
        declare()
        with LAN.session("limited") as ftp:
            upload(ftp, "data.bin", bytes(5000))
        outside = pathlib.Path("/srv/outside")
        outside.mkdir(exist_ok=True)
        (outside / "stays").touch()
        pathlib.Path("/home/limited/link").symlink_to(outside)
        with gw.pillar() as ftpgw:
            ftpgw["accounts"]["limited"] = {"state": "absent", "purge": True}
        foretold = accounts(test=True)["changes"]
        said = foretold["limited"]["directory"]
        assert said.startswith("/home/limited removed, with ")
        assert pathlib.Path("/home/limited/data.bin").exists()
        assert accounts()["changes"] == foretold
        assert not pathlib.Path("/home/limited").exists()
        assert (outside / "stays").exists()
        assert accounts()["changes"] == {}

    def test_what_is_mounted_in_it_is_not_purged(self, mistaken, tmp_path):
        """A folder that several accounts see is on the same file system, mounted once more."""
        (tmp_path / "stays").touch()
        declare()
        shared = pathlib.Path("/home/limited/shared for all")
        shared.mkdir()
        subprocess.run(["mount", "--bind", tmp_path, shared], check=True)
        try:
            with mistaken() as ftpgw:
                ftpgw["accounts"]["limited"] = {"state": "absent", "purge": True}
            told = gw.salt_call("--out=json", "ftpgw.problems").stdout
            assert "limited:purge: /home/limited is mounted, or has something mounted in" in told
            assert gw.salt_call("state.apply", "ftpgw.accounts").returncode != 0
            assert (tmp_path / "stays").exists()
        finally:
            subprocess.run(["umount", shared], check=True)
            shared.rmdir()

    @pytest.mark.parametrize("settings", [{}, {"state": "absent", "purge": True}])
    def test_a_link_is_no_home(self, mistaken, settings, tmp_path):
        link = pathlib.Path("/home/linked")
        link.symlink_to(tmp_path)
        try:
            with mistaken() as ftpgw:
                hashed = ftpgw["accounts"]["partner"]
                ftpgw["accounts"]["linked"] = settings or dict(hashed)
            told = gw.salt_call("--out=json", "ftpgw.problems").stdout
            assert "ftpgw:accounts:linked:home: /home/linked is a link" in told
        finally:
            link.unlink()

    def test_what_root_or_another_has_is_not_purged(self, mistaken):
        for home in ("/var/lib", "/home/partner"):
            with mistaken() as ftpgw:
                gone = {"state": "absent", "purge": True, "home": home}
                ftpgw["accounts"]["gone"] = gone
                ftpgw["accounts"].pop("partner") if home == "/home/partner" else None
            done = gw.salt_call("--out=json", "ftpgw.problems")
            assert done.returncode == 1
            assert f"{home} is" in done.stdout
            assert pathlib.Path(home).is_dir()

    def test_a_number_and_a_home_survive_a_rebuild(self):
        """Of an account whose uid pillar says, on a machine that has forgotten it."""
        declare()
        uid = pathlib.Path("/home/limited").stat().st_uid
        with LAN.session("limited") as ftp:
            upload(ftp, "kept.bin", b"kept")
        subprocess.run(["userdel", "limited"], check=True)
        declare(uid=uid)
        with LAN.session("limited") as ftp:
            assert download(ftp, "kept.bin") == b"kept"


class TestLeftOver:
    """What pillar names no more."""

    def test_its_sessions_end_and_its_password_of_the_system_is_locked(self):
        declare()
        hashed = pathlib.Path("/etc/ftpgw.passwd").read_text().partition("limited:")[2].split()[0]
        subprocess.run(["usermod", "--password", hashed, "limited"], check=True)
        live, other = LAN.session("limited"), LAN.session()
        with gw.pillar() as ftpgw:
            del ftpgw["accounts"]["limited"]
        assert accounts()["changes"]["limited"] == {
            "account": "left over: opens nothing any more",
            "password of the system": "locked",
        }
        with pytest.raises((EOFError, OSError, ftplib.Error)):
            live.voidcmd("NOOP")
        other.voidcmd("NOOP")
        other.close()
        assert "\nlimited:!:" in pathlib.Path("/etc/shadow").read_text()
        assert not logs_in(LAN, "limited")


class TestPeople:
    """What is told to whom asks."""

    def test_each_account_is_told_of(self):
        """From the log, from who is connected, and from pillar; never its hash."""
        with LAN.session("limited") as ftp:
            upload(ftp, "big.bin", bytes(3 * 2**20))
        declare(until=day(30), **{"from": ["acme", "lan"], "only": "download"})
        with LAN.session("limited"):
            found = gw.call("ftpgw.accounts", "since=1h")
        told = found["limited"]
        assert told.pop("last_login").endswith(f" from {LAN.source}")
        assert told == {
            "state": "present",
            "from": "acme, lan",
            "until": day(30),
            "only": "download",
            "most": "any number of sessions",
            "home": "/home/limited",
            "uid": pathlib.Path("/home/limited").stat().st_uid,
            "hash": "SHA-512",
            "used": "3.0M",
            "sessions": 1,
        }
        assert (found["partner"]["from"], found["partner"]["until"]) == ("all sites", "no end")
        assert "$6$" not in str(found)
        assert "leaver" not in found

    def test_why_a_right_password_did_not_do_is_told(self):
        """So that nobody looks for another one."""
        declare(**{"from": ["lan"]})
        assert not logs_in(GUEST, "limited")
        [*_, failed] = gw.call("ftpgw.logins", "since=1h")
        assert (failed["account"], failed["reason"]) == ("limited", "site")
        declare(until=day(-1))
        assert not logs_in(GUEST, "limited")
        [*_, failed] = gw.call("ftpgw.logins", "since=1h")
        assert (failed["account"], failed["reason"]) == ("limited", "ended")

    @pytest.mark.parametrize(
        ("typed", "answer", "status"),
        [
            (f"{PASSWORD}\n", "True", 0),
            (PASSWORD, "True", 0),
            ("x\n", "False", 1),
            ("\n", "False", 1),
        ],
    )
    def test_a_password_is_checked_and_told_to_nobody(self, typed, answer, status):
        command = [
            "salt-call",
            "--local",
            "--retcode-passthrough",
            "--log-level=debug",
            "--out=txt",
        ]
        command += ["ftpgw.password", "partner"]
        done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == (f"local: {answer}\n", status)
        for secret in (PASSWORD, "$6$ftpgw"):
            assert secret not in done.stderr

    @pytest.mark.parametrize(
        ("name", "typed", "told"),
        [
            ("nobody", "x\n", "nobody: no account of this gateway"),
            ("partner", "", "no password on"),
        ],
    )
    def test_what_cannot_be_checked_is_one_line(self, name, typed, told):
        command = ["salt-call", "--local", "--retcode-passthrough", "ftpgw.password", name]
        done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False)
        assert done.returncode
        assert told in done.stderr + done.stdout
        assert "Traceback" not in done.stderr + done.stdout


def test_what_is_uploaded_is_never_run():
    """Whatever it is called, and wherever below the home: by vsftpd, by tcpserver, or by svscan."""
    witness = pathlib.Path("/home/limited/it-ran")
    script = b"#!/bin/sh\ntouch /home/limited/it-ran\n"
    names = ["run", "etc/ftpgw/users/limited", ".message", "bin/ls", "etc/ld.so.preload"]
    with LAN.session("limited") as ftp:
        for name in names:
            for folder in reversed(pathlib.PurePath(name).parents[:-1]):
                with contextlib.suppress(ftplib.error_perm):
                    ftp.mkd(str(folder))
            upload(ftp, name, script)
            with contextlib.suppress(ftplib.error_perm):
                ftp.sendcmd(f"SITE CHMOD 755 {name}")
            with contextlib.suppress(ftplib.error_perm):
                ftp.sendcmd(f"SITE EXEC {name}")
        ftp.nlst()
        for name in names:
            assert not (pathlib.Path("/home/limited") / name).stat().st_mode & 0o111
    assert not witness.exists()
