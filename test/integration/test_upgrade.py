"""
A gateway of the interface before comes to this one, with its own pillar, while clients are there.

It is that of 4230e89, the last commit of that interface:

    git archive 4230e89 _modules _states ftpgw pillar.example | xz -9e >test/data/4230e89.tar.xz
"""

import os
import pathlib
import shutil
import subprocess
import tarfile

import gateway as gw
import outside
import pytest
from clients import LAN, PARTNER, STRANGER, SURFER, download, download_while, upload

REPOSITORY = pathlib.Path(__file__).parents[2]
BEFORE = "4230e89"
TREE = REPOSITORY / f"test/data/{BEFORE}.tar.xz"
SALT = pathlib.Path("/srv/salt")
SHIPPED = ("_modules", "_states", "ftpgw")
# What `git rev-parse 4230e89:NAME` prints, whoever has its history.
IDS = {
    "_modules": "f4ed2d12625978c4dbcc61360b67bf014129f7d0",
    "_states": "df43802083c6580812552015203f47f5c4c6a5f0",
    "ftpgw": "f305e0522b3b579d8a2858cfebe3f73dc9b96681",
    "pillar.example": "bfad983fa85ec439845fdd0ba848ddf482731791",
}
LARGE = os.urandom(1 << 20) * 16


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The formula as it was."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(TREE) as archive:
        archive.extractall(folder)  # noqa: S202
    return folder


def test_what_was_before_is_what_that_commit_has(before, tmp_path):
    """By the names that git makes of what is in it, so that nobody needs the history."""
    own = ["-c", "core.autocrlf=false", "-c", "core.fileMode=true"]

    def git(*words):
        command = ["git", *own, f"--git-dir={tmp_path}/git", f"--work-tree={before}", *words]
        done = subprocess.run(command, cwd=before, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert {path.name for path in before.iterdir()} == IDS.keys()
    git("init", "--quiet")
    git("add", "--force", ".")
    tree = git("write-tree")
    assert {name: git("rev-parse", f"{tree}:{name}") for name in IDS} == IDS


def serve(formula):
    """Have the file server of the gateway offer another formula."""
    for name in SHIPPED:
        (SALT / name).unlink()
        (SALT / name).symlink_to(formula / name)
    # Salt goes by the list of files that it has for some seconds.
    shutil.rmtree("/var/cache/salt/minion/file_lists", ignore_errors=True)


def meanwhile(clients, deed):
    """Do something in the middle of downloads of all clients; returns their sessions."""
    if not clients:
        return deed() and []
    ftp, others = clients[0].session(), []
    upload(ftp, "large.bin", LARGE)
    received = download_while(ftp, "large.bin", lambda: others.extend(meanwhile(clients[1:], deed)))
    assert received == LARGE
    return [ftp, *others]


def test_no_session_is_lost_and_the_pillar_of_before_does(before):
    """
    Downloads go on, and so do sessions; but data is guarded now, and where the kernel has not read
    along from the first word, another passive or proxied transfer needs another log-in.
    """
    old, new = (before / "pillar.example").read_text(), gw.PILLAR.read_text()
    gw.salt_call("state.apply", "ftpgw.clean")
    serve(before)
    gw.PILLAR.write_text(old)
    gw.call("saltutil.sync_all")
    gw.apply()
    serve(REPOSITORY)
    with outside.servers(("ftpd", "-l", "-a", "pam")):
        sessions = meanwhile([LAN, PARTNER, SURFER], gw.apply)
        for ftp in sessions:
            assert ftp.voidcmd("NOOP").startswith("200")
            with pytest.raises(ConnectionRefusedError):
                ftp.nlst()
        *direct, _ = sessions
        for ftp in direct:
            ftp.set_pasv(False)
            assert download(ftp, "large.bin") == LARGE
        assert [ftp.quit()[:3] for ftp in sessions] == ["221", "221", "221"]
    # The server outside was the package that the gateway had, and is gone with it.
    with outside.servers():
        for client in (LAN, PARTNER, SURFER):
            with client.session() as ftp:
                assert download(ftp, "large.bin") == LARGE
    assert gw.changed(gw.apply()) == set()
    assert STRANGER.greeting() == b""
    # Tests before this one have started services again and again.
    gw.forget_starts()
    assert gw.call("ftpgw.health")["problems"] == []
    gw.PILLAR.write_text(new)
    gw.apply()
