"""An FTP password opens FTP, from where the rules say, and nothing else."""

import contextlib
import ftplib
import os
import pathlib
import pty
import shutil
import socket
import subprocess
import threading

import pytest
from clients import LAN, PARTNER, STRANGER, on, upload

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


@pytest.fixture(params=DOORS)
def credential(request, tmp_path):
    """What somebody has who knows the password: that, and whatever key he uploads by FTP."""
    if request.param == "password":
        return {"password": PASSWORD}
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
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
