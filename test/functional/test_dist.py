"""A release: one commit makes the same bytes, and a wheel brings the modules to any Salt."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# The Makefile has pip install Salt and saltext.freebsd there.
CLEAN = pathlib.Path(sys.prefix, "clean")
PILLAR = """\
ftpgw:
  services: {ftp-proxy: {state: absent}}
  rules: {ftp: {sites: {acme: {allow: [9.9.9.0/24]}}}}
"""
# Tells by its own side effect that a file of the wheel was loaded.
TELL = '\nwith open({log!r}, "a") as log:\n    log.write(__name__ + "\\n")\n'


def build(folder, **environment):
    subprocess.run(
        [sys.executable, REPOSITORY / "release/build.py", folder],
        env={**os.environ, **environment},
        umask=int(environment.get("UMASK", "022"), 8),
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a release."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


def test_two_builds_are_equal_to_the_byte(built, tmp_path):
    """Of another day, in another time zone, by somebody who lets nobody read."""
    again = build(tmp_path, UMASK="077", TZ="Asia/Tokyo", PYTHONHASHSEED="7")
    assert again == {path.name: path.read_bytes() for path in built.iterdir()}
    assert len(again) == 4
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=built, check=True)


def test_no_file_tells_who_built_it(built):
    for pattern in ("*.tar.gz", "*.spm"):
        [path] = built.glob(pattern)
        with tarfile.open(path) as archive:
            members = archive.getmembers()
        assert {member.uname for member in members} == {"root"}
        assert {member.mode for member in members} == {0o644, 0o755}
        assert len({member.mtime for member in members}) == 1


def test_what_is_no_clone_is_told_so(tmp_path):
    (tmp_path / "release").mkdir()
    copy = tmp_path / "release/build.py"
    copy.write_text((REPOSITORY / "release/build.py").read_text())
    done = subprocess.run([sys.executable, copy, tmp_path / "dist"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("a release is built from a commit: this must be a clone\n")


def test_the_wheel_has_the_very_files_of_the_formula(built):
    [tar], [wheel] = built.glob("*.tar.gz"), built.glob("*.whl")
    with tarfile.open(tar) as archive, zipfile.ZipFile(wheel) as package:
        root = archive.getnames()[0]
        names = [name for name in package.namelist() if "/modules/" in name or "/states/" in name]
        assert len(names) > 20
        for name in names:
            *_, folder, file = name.split("/")
            member = archive.extractfile(f"{root}/_{folder}/{file}")
            assert package.read(name) == member.read(), name


class Minion:
    """A masterless minion in an environment of its own: Salt, its extension, and the wheel."""

    def __init__(self, root, wheel, supervise):
        self.root, self.python = root, root / "venv/bin/python"
        shutil.copytree(CLEAN, root / "venv", symlinks=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", self.python, "install"]
        subprocess.run([*pip, "--no-index", wheel], check=True)
        [self.package] = root.glob("venv/lib/*/site-packages/saltext/daemontools")
        (root / "pillar").mkdir()
        (root / "pillar/top.sls").write_text("base: {'*': [gw1]}\n")
        (root / "pillar/gw1.sls").write_text(PILLAR)
        opts = {"id": "gw1", "root_dir": str(root), "file_client": "local"}
        opts |= {"daemontools.service_dir": str(supervise.directory)}
        opts |= {"tcprules.dir": str(root / "tcprules")}
        opts |= {"pillar_roots": {"base": [str(root / "pillar")]}}
        opts |= {"file_roots": {"base": [str(REPOSITORY)]}}
        (root / "minion").write_text(json.dumps(opts))

    def call(self, *words):
        program = "from salt.scripts import salt_call; salt_call()"
        command = [self.python, "-c", program, "-c", self.root, "--local", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.root, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def data(self, *words):
        return json.loads(self.call("--out=json", *words))["local"]


@pytest.fixture(scope="module")
def minion(built, supervise, tmp_path_factory):
    supervise("hello")
    [wheel] = built.glob("*.whl")
    return Minion(tmp_path_factory.mktemp("wheel"), wheel, supervise)


def test_a_clean_salt_has_its_modules_and_states_of_the_wheel(minion):
    assert "hello" in minion.call("--out=txt", "daemontools.status")
    assert minion.data("daemontools.show", "hello")["state"] == "up"
    settings = "settings={sites: {acme: {allow: [9.9.9.0/24]}}}"
    minion.call("state.single", "tcprules.managed", "name=ftp", settings)
    assert minion.data("tcprules.check", "ftp", "9.9.9.9")["site"] == "acme"


def test_beside_another_extension(minion):
    versions = minion.data("test.versions_information")["Salt Extensions"]
    assert versions.keys() >= {"saltext-daemontools", "saltext.freebsd"}


def test_what_is_synced_comes_first_and_with_all_that_it_imports(minion):
    """From the first run on: nothing that is in force comes from the wheel."""
    log = minion.root / "loaded"
    for path in minion.package.rglob("*/*.py"):
        path.write_text(path.read_text() + TELL.format(log=str(log)))
    minion.call("daemontools.status")
    assert ".module.daemontools\n" in log.read_text()
    log.unlink()
    states = minion.data("state.apply", "ftpgw.rules", "test=True")
    assert [one for one in states.values() if one["result"] is False] == []
    assert not log.exists(), log.read_text()
    minion.call("daemontools.status")
    assert not log.exists(), log.read_text()
