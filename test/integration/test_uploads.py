"""Whatever somebody uploads, the gateway does not run it: by real uploads, to each server."""

import ftplib
import os
import pathlib
import platform
import subprocess

import gateway as gw
import pytest
from clients import LAN, upload

# It notes that it ran, as a program and as a library, by the path that it has in its cage.
CODE = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void ran(void) { close(open("/ran", O_CREAT, 0600)); }
int main(void) { return 0; }
"""
LIBRARIES = [f"{above}lib/{platform.machine()}-linux-gnu" for above in ("", "usr/")]
HOME = pathlib.Path("/home/partner")
# Whoever is asked for the name of this number knows none, and the next one is asked.
NOBODYS = 54321


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A program that needs nothing, and a library."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "code.c").write_text(CODE)
    for name, options in (("program", ["-static"]), ("library", ["-shared", "-fPIC"])):
        command = ["gcc", *options, "-o", folder / name, folder / "code.c"]
        subprocess.run(command, check=True)
    return {name: (folder / name).read_bytes() for name in ("program", "library")}


LOOKUPS = pathlib.Path("/etc/nsswitch.conf")
# As far as a gateway with that server may have it: a library that is no part of glibc is asked.
ANY = "passwd: files uploaded\ngroup: files\nhosts: files uploaded\n"
SAFE = {
    **dict.fromkeys(("vsftpd", "pure-ftpd"), ANY),
    "proftpd": "passwd: files uploaded\ngroup: files uploaded\nhosts: files uploaded\n",
    "inetutils": "passwd: files uploaded\ngroup: files uploaded\nhosts: files dns\n",
}


@pytest.fixture
def lookups():
    """The file that says who is asked for names; afterwards it is what it was."""
    before = LOOKUPS.read_text()
    yield LOOKUPS
    LOOKUPS.write_text(before)


@pytest.fixture
def server(request, gateway, pillar, lookups):
    """A gateway with that server."""
    with pillar() as ftpgw:
        ftpgw["server"] = request.param
    gateway.apply()
    lookups.write_text(SAFE[request.param])
    yield request.param
    subprocess.run(["rm", "-rf", *(HOME / name for name in ("bin", "lib", "etc", "usr", "ran"))])


def test_the_code_of_this_test_notes_that_it_ran(code, tmp_path):
    """Or else the next one would say nothing."""
    (tmp_path / "program").write_bytes(code["program"])
    (tmp_path / "program").chmod(0o755)
    subprocess.run(["chroot", tmp_path, "/program"], check=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("server", SAFE, indirect=True)
def test_an_upload_is_never_run(server, code):
    """Not as what a server lists with, nor as what a library loads for it in its new root."""
    files = {f"bin/{name}": code["program"] for name in ("ls", "sh", "gzip", "tar")}
    for name in ("libnss_uploaded.so.2", "libnss_files.so.2", "libpam.so.0", "libc.so.6"):
        files |= {f"{folder}/{name}": code["library"] for folder in LIBRARIES}
    files["etc/nsswitch.conf"] = b"passwd: uploaded\ngroup: uploaded\nhosts: uploaded\n"
    files["etc/ld.so.preload"] = f"/{LIBRARIES[0]}/libnss_uploaded.so.2\n".encode()
    # proftpd itself keeps these two from everybody.
    kept = ("etc", "lib") if server == "proftpd" else ()
    with LAN.session() as ftp:
        for folder in ("bin", "etc", "lib", "usr", "usr/lib", *LIBRARIES):
            made = tried(ftp, f"MKD {folder}")
            assert made.startswith("550" if folder.startswith(kept) else "257"), made
        for name, content in files.items():
            if not name.startswith(kept):
                upload(ftp, name, content)
            tried(ftp, f"SITE CHMOD 755 {name}")
    (HOME / "of a stranger").touch()
    os.chown(HOME / "of a stranger", NOBODYS, NOBODYS)
    with LAN.session() as ftp:
        assert "of a stranger" in " ".join(listed(ftp))
        assert "of a stranger" in ftp.nlst()
        for command in ("STAT /", "SITE EXEC /bin/ls", "SITE HELP", "SYST", "MDTM bin/ls"):
            tried(ftp, command)
    assert not (HOME / "ran").exists()


def test_a_server_that_would_run_one_is_refused(gateway, mistaken, lookups):
    """It looks names up when the home of an account is its root: inetutils, and never vsftpd."""
    lookups.write_text("passwd: files\ngroup: files\nhosts: files myhostname dns\n")
    assert gw.salt_call("ftpgw.problems").returncode == 0
    with mistaken() as ftpgw:
        ftpgw["server"] = "inetutils"
    told = gw.salt_call("--out=json", "ftpgw.problems").stdout
    assert "ftpgw:server: what an account uploads as libnss_myhostname.so.2 would be run" in told
    assert "(take myhostname out of `hosts` in /etc/nsswitch.conf, or say vsftpd or " in told


def test_a_home_from_which_something_is_run_is_none(gateway, mistaken):
    """Such as one that svscan would take for a service; nothing is touched then."""
    link = pathlib.Path("/linked")
    link.symlink_to("/var/svc.d")
    homes = {"a": "/etc/service/a", "b": "/linked/b", "c": "/srv/salt/c"}
    with mistaken() as ftpgw:
        for name, home in homes.items():
            ftpgw["accounts"][name] = {**ftpgw["accounts"]["partner"], "home": home}
    states = gateway.apply(check=False)
    link.unlink()
    [comment] = [state["comment"] for state in states.values() if state["result"] is False]
    told = [line.partition(" where ")[0] for line in comment.splitlines()]
    assert [line.partition(" is not apart from ")[0] for line in told] == [
        f"ftpgw:accounts:{name}:home: {home}" for name, home in homes.items()
    ]
    assert not gateway.changed(states)


def listed(ftp):
    lines = []
    ftp.dir(lines.append)
    return lines


def tried(ftp, command):
    try:
        return ftp.sendcmd(command)
    except ftplib.error_perm as error:
        return str(error)
