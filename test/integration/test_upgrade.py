"""
A gateway of the interface before comes to this one, with its own pillar, while clients are there.

It is built here from 4230e89, the last commit of that interface, which the history of this
repository holds. A clone that is not shallow has it; where it is missing all the same, or the
repository is no clone at all, this fails in CI, and elsewhere is skipped with the reason.
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
SALT = pathlib.Path("/srv/salt")
SHIPPED = ("_modules", "_states", "ftpgw")
LARGE = os.urandom(1 << 20) * 16


def git(*words):
    own = ["-c", f"safe.directory={REPOSITORY}", "-C", REPOSITORY]
    return subprocess.run(["git", *own, *words], capture_output=True, check=False)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The formula as it was."""
    done = git("archive", BEFORE)
    if done.returncode:
        shallow = git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        why = f"{BEFORE} is not in this clone (git fetch --unshallow): {done.stderr.decode()}"
        if os.environ.get("CI") == "true" and not shallow:
            pytest.fail(why)
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder)  # noqa: S202
    return folder


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
