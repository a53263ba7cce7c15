"""
A gateway of the interface before comes to this one, with its own pillar, while clients are there.

It is that of 4230e89, the last commit of that interface:

    git archive 4230e89 _modules _states ftpgw pillar.example | xz -9e >test/data/4230e89.tar.xz
"""

import io
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
LARGE = os.urandom(1 << 20) * 16


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The formula as it was."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(TREE) as archive:
        archive.extractall(folder)  # noqa: S202
    return folder


def contents(archive):
    """Return what a tar holds: the mode of each file, and its bytes."""
    files = [member for member in archive if member.isfile()]
    return {file.name: (file.mode, archive.extractfile(file).read()) for file in files}


def git(*words):
    own = ["-c", f"safe.directory={REPOSITORY}", "-c", "tar.umask=0002", "-C", REPOSITORY]
    return subprocess.run(["git", *own, *words], capture_output=True, check=True).stdout


def test_what_was_before_is_what_that_commit_has():
    """Where the history ends before it, or there is none at all, there is nothing to compare."""
    clone = (REPOSITORY / ".git").exists()
    if not clone or git("rev-parse", "--is-shallow-repository") == b"true\n":
        pytest.skip(f"the history of {BEFORE} is not here")
    tar = git("archive", BEFORE, *SHIPPED, "pillar.example")
    with tarfile.open(fileobj=io.BytesIO(tar)) as commit, tarfile.open(TREE) as kept:
        assert contents(kept) == contents(commit)


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
