"""A file of ours in the place of a package's; dpkg-divert is real, with a database of its own."""

import subprocess

import _conffile
import _files
import pytest

THEIRS = "auth required pam_unix.so\n"
OURS = "auth required pam_pwdfile.so\n"


@pytest.fixture(params=["dpkg", "no dpkg"])
def file(request, tmp_path, monkeypatch):
    """The package's file, on a system with and without dpkg."""
    if request.param == "dpkg":
        (tmp_path / "dpkg").mkdir()
        monkeypatch.setenv("DPKG_ADMINDIR", str(tmp_path / "dpkg"))
    else:
        monkeypatch.setattr(_conffile.shutil, "which", lambda _: None)
    (tmp_path / "ftp").write_text(THEIRS)
    return tmp_path / "ftp"


def kept(file):
    return file.with_name("ftp.distrib")


def test_the_other_file_is_kept_and_comes_back(file):
    """Replaced twice or not, as after a run that was killed."""
    for _ in range(2):
        _conffile.replace(str(file), OURS, _files.put)
        assert (file.read_text(), kept(file).read_text()) == (OURS, THEIRS)
        assert _conffile.is_told(str(file))
    _conffile.restore(str(file))
    assert (file.read_text(), kept(file).exists()) == (THEIRS, False)
    _conffile.restore(str(file))


def test_lines_of_ours_are_not_kept(file):
    """Or the package manager would ask about them one day."""
    file.write_text(f"# ftpgw: begin\nauth required pam_listfile.so\n# ftpgw: end\n{THEIRS}")
    _conffile.replace(str(file), OURS, _files.put)
    assert kept(file).read_text() == THEIRS


def test_what_an_upgrade_brings_comes_back(file):
    _conffile.replace(str(file), OURS, _files.put)
    kept(file).write_text("new\n")
    _conffile.restore(str(file))
    assert file.read_text() == "new\n"


def test_a_package_that_is_not_there_yet_has_nothing_to_keep(file):
    file.unlink()
    _conffile.replace(str(file), OURS, _files.put)
    assert not kept(file).exists()
    _conffile.restore(str(file))
    assert not file.exists()


@pytest.mark.parametrize("file", ["dpkg"], indirect=True)
def test_dpkg_is_told(file):
    """It then upgrades the file that is kept."""
    assert not _conffile.is_told(str(file))
    _conffile.replace(str(file), OURS, _files.put)
    told = subprocess.run(["dpkg-divert", "--truename", file], capture_output=True, text=True)
    assert told.stdout.strip() == str(kept(file))
