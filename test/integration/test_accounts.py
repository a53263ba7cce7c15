"""An FTP password opens FTP, from where the rules say, and nothing else."""

import contextlib
import ftplib
import grp
import os
import pathlib
import pty
import pwd
import re
import shutil
import socket
import subprocess
import threading

import pytest
import salt.config
import salt.loader
import yaml
from clients import LAN, PARTNER, STRANGER, download, on, upload

PASSWORD = "salt and spirits"
SECRET = b"the inside network\n"
INSIDE = [LAN.source, 8080]
DOORS = ["password", "key"]


@pytest.fixture(scope="module")
def sshd(gateway):
    """Debian's own sshd, as it is after its installation, on a gateway that was there before."""
    gateway.apt_install("openssh-server")
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["/usr/sbin/sshd"], check=True)
    gateway.apply()
    gateway.person("colleague", "a colleague")
    yield gateway
    os.kill(int(pathlib.Path("/run/sshd.pid").read_text()), 15)


@pytest.fixture(scope="module")
def inside():
    """A server of the inside network that no one outside shall see."""
    with on("lan"):
        listener = socket.create_server(tuple(INSIDE))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                peer.sendall(SECRET)
                peer.close()

    threading.Thread(target=serve, daemon=True).start()
    yield
    listener.close()


def ssh(client, user, *what, password=None, key=None):
    """Let somebody try sshd with a password or a key, and return the finished process."""
    askpass = pathlib.Path("/run/askpass")
    askpass.write_text(f"#!/bin/sh\necho '{password}'\n")
    askpass.chmod(0o700)
    known = [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "NumberOfPasswordPrompts=1",
    ]
    way = (
        [f"IdentityFile={key}", "BatchMode=yes"]
        if key
        else ["PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"]
    )
    options = [f"-o{option}" for option in (*known, *way, f"BindAddress={client.source}")]
    command = [
        "ip",
        "netns",
        "exec",
        client.host,
        "ssh",
        *options,
        f"{user}@{client.server}",
        *what,
    ]
    askers = {**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    return subprocess.run(command, env=askers, capture_output=True, check=False, timeout=60)


def forwarded(client, user, **how):
    """Return what the inside network says to somebody who asks sshd to forward."""
    return ssh(client, user, "-W", ":".join(map(str, INSIDE)), **how).stdout


def test_sshd_serves_those_who_have_a_shell(sshd, inside):
    """Or else the tests below would say nothing."""
    assert ssh(LAN, "colleague", "id -un", password="a colleague").stdout == b"colleague\n"
    assert forwarded(STRANGER, "colleague", password="a colleague") == SECRET


def new_key(folder):
    """Make a key as somebody does at home, and return its path."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True
    )
    return folder / "key"


@pytest.fixture(params=DOORS)
def credential(request, tmp_path):
    """What somebody has who knows the password: that, and whatever key he uploads by FTP."""
    if request.param == "password":
        return {"password": PASSWORD}
    key = new_key(tmp_path)
    with LAN.session() as ftp:
        with contextlib.suppress(ftplib.error_perm):
            ftp.mkd(".ssh")
        upload(ftp, ".ssh/authorized_keys", key.with_suffix(".pub").read_bytes())
    assert pathlib.Path("/home/partner/.ssh/authorized_keys").is_file()
    return {"key": key}


@pytest.mark.parametrize("client", [LAN, PARTNER, STRANGER], ids=str)
def test_ssh_opens_nothing(sshd, inside, client, credential):
    """No command, and no way on to the inside network; not even from where FTP is admitted."""
    assert forwarded(client, "partner", **credential) == b""
    done = ssh(client, "partner", "id", **credential)
    assert b"Permission denied" in done.stderr
    assert done.stdout == b""


def test_sshd_says_why(sshd):
    """Whoever looks at the configuration of sshd finds the group."""
    effective = subprocess.run(["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=True)
    assert "denygroups ftpgw" in effective.stdout.splitlines()


@pytest.fixture
def configured(sshd):
    """Write a file of the administrator's; afterwards it is gone, and the gateway as it was."""
    file = pathlib.Path("/etc/ssh/sshd_config.d/other.conf")
    yield file.write_text
    file.unlink()
    sshd.apply("ftpgw.accounts")


def test_groups_that_others_deny_or_allow_change_nothing(sshd, configured):
    """What is denied adds up, and comes before what is allowed."""
    configured("DenyGroups staff\nAllowGroups partner ftpgw\n")
    assert not sshd.changed(sshd.apply("ftpgw.accounts"))
    assert b"Permission denied" in ssh(LAN, "partner", "id", password=PASSWORD).stderr


@pytest.mark.parametrize("test", [True, False])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "Match Address 9.9.9.0/24\n  DenyGroups staff\n",
            "/etc/ssh/sshd_config: DenyGroups below /etc/ssh/sshd_config.d/other.conf: Match "
            "Address 9.9.9.0/24 takes the place of ours (add ftpgw ftpgw-left to it)",
        ),
        (
            "Nonsense yes\n",
            "/etc/ssh/sshd_config: sshd does not accept this configuration: "
            "/etc/ssh/sshd_config.d/other.conf: line 1: Bad configuration option: Nonsense",
        ),
    ],
)
def test_where_sshd_would_not_deny_one_line_says_so(sshd, configured, text, problem, test):
    """And what is there stays as it is."""
    ours = pathlib.Path("/etc/ssh/sshd_config.d/ftpgw.conf")
    ours.unlink()
    configured(text)
    states = sshd.apply("ftpgw.accounts", test=test, check=False)
    assert states["ftpgw accounts are for FTP alone"]["comment"] == problem
    assert not ours.exists()


def typed(command, answer):
    """Run a command on a terminal, type an answer, and return all that is said."""
    ours, theirs = pty.openpty()
    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    with subprocess.Popen(["setsid", "--ctty", *command], **terminal) as process:
        os.close(theirs)
        said = os.read(ours, 1000)
        os.write(ours, f"{answer}\n".encode())
        with contextlib.suppress(OSError):  # the other side is closed
            while "login:" not in (said := said + os.read(ours, 1000)).decode().partition("\n")[2]:
                pass
        process.kill()
    os.close(ours)
    return said.decode()


def test_su_opens_nothing(sshd):
    """A person with an account on the gateway who knows the password becomes nobody else."""
    su = ["runuser", "-u", "colleague", "--", "su", "-s", "/bin/sh", "-c", "id -un", "partner"]
    said = typed(su, PASSWORD)
    assert "Authentication failure" in said
    assert "partner" not in said


def test_login_opens_nothing(sshd):
    """Not even to say that the account has no shell."""
    assert "Login incorrect" in typed(["login", "partner"], PASSWORD)


def test_cron_finds_nothing(gateway):
    """Wherever a crontab is uploaded to, that is below the home."""
    tables = pathlib.Path("/var/spool/cron/crontabs/partner"), pathlib.Path("/etc/cron.d/partner")
    with LAN.session() as ftp:
        for table in tables:
            for folder in reversed(table.parents[:-1]):
                with contextlib.suppress(ftplib.error_perm):
                    ftp.mkd(str(folder))
            upload(ftp, str(table), b"* * * * * touch /home/partner/cron-was-here\n")
            assert pathlib.Path(f"/home/partner{table}").is_file()
    assert not any(table.exists() for table in tables)
    for folder in ("etc", "var"):
        shutil.rmtree(f"/home/partner/{folder}")


ACCOUNTS = "ftpgw accounts are those of pillar"


def accounts(gateway, test=False):
    """Apply the accounts, and return the answer of their state."""
    return gateway.apply("ftpgw.accounts", test=test)[ACCOUNTS]


@pytest.fixture
def second(gateway, pillar):
    """A second account, with a file in its home; afterwards nothing of it is left."""
    with pillar() as ftpgw:
        ftpgw["accounts"]["second"] = dict(ftpgw["accounts"]["partner"])
    accounts(gateway)
    with LAN.session("second") as ftp:
        upload(ftp, "file.bin", b"of the second")
    yield pathlib.Path("/home/second")
    with pillar() as ftpgw:
        for name in ("aaa", "second"):
            ftpgw["accounts"][name] = {"state": "absent", "purge": True}
    accounts(gateway)


@pytest.fixture
def forgotten(second, gateway, pillar):
    """That account, when pillar names it no more; and what the state says."""
    with pillar() as ftpgw:
        del ftpgw["accounts"]["second"]
    foretold = accounts(gateway, test=True)
    assert foretold["changes"]["second"] == {"account": "left over: opens nothing any more"}
    done = accounts(gateway)
    assert (done["result"], done["changes"]) == (True, foretold["changes"])
    return done


def members(group):
    """Return who is in a group."""
    return set(grp.getgrnam(group).gr_mem)


class TestLeftOver:
    """An account that pillar names no more."""

    def test_it_is_told_of_by_every_run(self, gateway, forgotten):
        """Which need not change anything for that."""
        again = accounts(gateway)
        assert (again["result"], again["changes"]) == (True, {})
        for state in (forgotten, again):
            [line] = state["warnings"]
            assert line.startswith("ftpgw:accounts: does not name second any more")
            assert "/home/second stays" in line

    def test_it_opens_nothing(self, sshd, forgotten, inside, tmp_path):
        """Not FTP, and by a key that it had uploaded before not ssh."""
        with pytest.raises(ftplib.error_perm):
            LAN.session("second")
        key = new_key(tmp_path)
        (pathlib.Path("/home/second/.ssh")).mkdir()
        shutil.copy(key.with_suffix(".pub"), "/home/second/.ssh/authorized_keys")
        assert forwarded(LAN, "second", key=key) == b""
        assert (members("ftpgw"), members("ftpgw-left")) == ({"partner"}, {"second"})

    def test_it_comes_back_to_what_was_its_own(self, gateway, forgotten, pillar):
        with pillar() as ftpgw:
            ftpgw["accounts"]["second"] = dict(ftpgw["accounts"]["partner"])
        assert "warnings" not in accounts(gateway)
        with LAN.session("second") as ftp:
            assert download(ftp, "file.bin") == b"of the second"
        assert (members("ftpgw"), members("ftpgw-left")) == ({"partner", "second"}, set())

    def test_it_is_removed_where_pillar_says_so(self, gateway, second, pillar):
        """And its sessions end; its home stays."""
        live = LAN.session("second")
        with pillar() as ftpgw:
            del ftpgw["accounts"]["second"]
            ftpgw["leftovers"] = "remove"
        assert accounts(gateway)["changes"]["second"] == {"account": "removed"}
        with pytest.raises((EOFError, OSError, ftplib.Error)):
            live.voidcmd("NOOP")
        assert "second" not in pathlib.Path("/etc/passwd").read_text()
        assert (second / "file.bin").exists()

    def test_clean_takes_it_too(self, gateway, forgotten):
        done = gateway.call("state.single", "ftpgw.no_accounts", "ftpgw accounts are gone")
        [state] = done.values()
        removed = {"account": "removed"}
        assert (state["changes"]["partner"], state["changes"]["second"]) == (removed, removed)
        accounts(gateway)


def test_a_person_in_our_group_is_only_taken_out_of_it(gateway, sshd):
    """Even where what is left over is removed: it was not made for FTP."""
    subprocess.run(["usermod", "-aG", "ftpgw", "colleague"], check=True)
    assert accounts(gateway)["changes"] == {"colleague": {"groups": "without ftpgw"}}
    assert members("ftpgw") == {"partner"}
    assert pathlib.Path("/etc/passwd").read_text().count("colleague:x:") == 1


class TestHomes:
    """A home stays with its number, and nobody else gets it."""

    def test_after_clean_each_has_its_own_again(self, gateway, second, pillar):
        """Also when one that is new comes first in pillar."""
        gateway.call("state.single", "ftpgw.no_accounts", "ftpgw accounts are gone")
        with pillar() as ftpgw:
            ftpgw["accounts"] = {"aaa": ftpgw["accounts"]["partner"], **ftpgw["accounts"]}
        accounts(gateway)
        owners = {home.name: home.owner() for home in pathlib.Path("/home").iterdir()}
        assert [owners[name] for name in ("aaa", "partner", "second")] == [
            "aaa",
            "partner",
            "second",
        ]
        assert (second / "file.bin").owner() == "second"

    def test_while_one_is_away_nobody_gets_its_number(self, gateway, second, pillar):
        with pillar() as ftpgw:
            away = ftpgw["accounts"].pop("second")
            ftpgw["accounts"]["second"] = {"state": "absent"}
            ftpgw["accounts"]["aaa"] = away
        accounts(gateway)
        with pytest.raises(KeyError):
            (second / "file.bin").owner()
        with pillar() as ftpgw:
            ftpgw["accounts"]["second"] = away
        accounts(gateway)
        assert (second / "file.bin").owner() == "second"

    def test_that_of_another_is_refused(self, gateway, second, mistaken):
        """In one line, before anything is touched."""
        with mistaken() as ftpgw:
            ftpgw["accounts"]["aaa"] = {**ftpgw["accounts"]["second"], "home": "/home/colleague"}
        states = gateway.apply(check=False)
        [comment] = [state["comment"] for state in states.values() if state["result"] is False]
        assert comment.startswith("ftpgw:accounts:aaa:home: /home/colleague belongs to colleague (")


def test_a_password_that_the_system_still_has_is_locked(gateway):
    """As after an upgrade from a release that had it there; FTP goes on with it."""
    hashed = pathlib.Path("/etc/ftpgw.passwd").read_text().strip().partition(":")[2]
    subprocess.run(["usermod", "--password", hashed, "partner"], check=True)
    assert accounts(gateway)["changes"] == {"partner": {"password of the system": "locked"}}
    assert "\npartner:!:" in pathlib.Path("/etc/shadow").read_text()
    LAN.session().close()


@pytest.fixture
def full(gateway):
    """Have /etc on a file system with little room; the answer leaves so many bytes of it free."""
    used = int(subprocess.check_output(["du", "-s", "--block-size=1", "/etc"]).split()[0])
    filling = pathlib.Path("/etc/.filling")

    def leave(free):
        filling.unlink(missing_ok=True)
        room = os.statvfs("/etc").f_bavail * os.statvfs("/etc").f_bsize
        filling.write_bytes(bytes(room - free))

    with gateway.small("/etc", used * 2):
        yield leave


@pytest.fixture
def state(gateway):
    """Apply the state of the accounts with another pillar, in this process: sixty times is soon."""
    opts = salt.config.minion_config("/etc/salt/minion")
    opts["grains"] = salt.loader.grains(opts)
    opts["pillar"] = yaml.safe_load(gateway.PILLAR.read_text())
    functions = salt.loader.minion_mods(opts)
    states = salt.loader.states(opts, functions, {}, None)

    def apply(hashed, own_file):
        ftpgw = opts["pillar"]["ftpgw"]
        ftpgw["passwords"], ftpgw["accounts"]["partner"]["password"] = own_file, hashed
        return states["ftpgw.accounts"](name=ACCOUNTS)

    return apply


@pytest.mark.parametrize("own", ["/etc/ftpgw.passwd", ""], ids=["own file", "shadow"])
def test_sixty_new_passwords_on_a_full_disk_lose_nothing(state, full, own):
    """The old one or the new one, of everybody; and the state tells which."""
    file = pathlib.Path(own or "/etc/shadow")
    short, long = "$5$salt$" + "a" * 43, "$6$salt$" + "a" * 86
    if not own:
        # So that it is the longer one for which there is no room.
        state(short, own)
        with file.open("a") as shadow:
            shadow.write(f"pad:{'*' * ((-file.stat().st_size - 40) % 4096)}:1::::::\n")
    [*before] = [line for line in file.read_text().splitlines() if "partner:" not in line]
    known, told, results = "", set(), set()
    for turn in range(60):
        hashed = (long, short)[turn % 2].replace("aa", f"{turn:02}")
        full(turn % 6 * 4096)
        done = state(hashed, own)
        known = hashed if done["result"] else known
        [now] = [line for line in file.read_text().splitlines() if "partner:" in line]
        assert known in now
        assert [line for line in file.read_text().splitlines() if line != now] == before
        told.add(done["result"] or bool(re.search("No space left|failure while", done["comment"])))
        results.add(done["result"])
    assert (told, results) == ({True}, {True, False})


HASH = "$6$" + "salt$" + "a" * 86
GIVEN = {"password": HASH}


def test_what_would_change_is_said_by_name(gateway, second, mistaken):
    """And how; the change is then what was said."""
    with mistaken() as ftpgw:
        accounts = ftpgw["accounts"]
        accounts["partner"]["password"] = HASH
        accounts["second"] = {"state": "absent"}
        accounts["third"] = GIVEN
    done = gateway.apply("ftpgw.accounts", test=True)[ACCOUNTS]
    uid = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60000) + 1
    assert (done["result"], done["changes"]) == (
        None,
        {
            "partner": {"password": "changes"},
            "second": {"account": "removed"},
            "third": {
                "account": f"made with uid {uid}",
                "password": "set",
                "directory": "/home/third made",
            },
            "/etc/ftpchroot": "written",
            "/etc/ftpgw.passwd": "written",
        },
    )
    assert HASH[:3] not in str(done)
