"""The formula's files of settings are kept for the modules that read them, and no others."""

import os
import pathlib

import _ownfiles
import pytest
import yaml

FORMULA = pathlib.Path(__file__).parents[2] / "ftpgw"


@pytest.fixture
def modules(tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in ("ftpgw.py", "_gateway.py", "readme.txt"):
        (folder / name).write_text("x")
    return folder


@pytest.fixture
def memory(tmp_path, modules):
    path = tmp_path / "ftpgw-files"
    _ownfiles.keep(path, modules, {"defaults": {"server": "vsftpd"}})
    return path


def test_what_was_kept_is_read(memory, modules):
    assert _ownfiles.read(memory, modules) == {"defaults": {"server": "vsftpd"}}
    assert memory.stat().st_mode & 0o777 == 0o600


def test_every_file_of_the_formula_can_be_kept(tmp_path, modules):
    paths = [FORMULA / "defaults.yaml", *FORMULA.glob("platforms/*"), *FORMULA.glob("servers/*")]
    files = {path.stem: yaml.safe_load(path.read_text()) for path in paths}
    assert len(files) == 8
    _ownfiles.keep(tmp_path / "kept", modules, files)
    assert _ownfiles.read(tmp_path / "kept", modules) == files


@pytest.mark.parametrize(
    "come",
    [
        lambda folder: (folder / "_gateway.py").write_text("xy"),
        lambda folder: (folder / "_gateway.py").unlink(),
        lambda folder: (folder / "_new.py").write_text("x"),
        # By a clock that was wrong, and as large as the one before.
        lambda folder: os.utime(folder / "ftpgw.py", (1, 1)),
    ],
)
def test_other_modules_do_not_take_it(memory, modules, come):
    come(modules)
    assert _ownfiles.read(memory, modules) == {}
    _ownfiles.keep(memory, modules, {"defaults": {}})
    assert _ownfiles.read(memory, modules) == {"defaults": {}}


def test_what_is_no_module_does_not_count(memory, modules):
    (modules / "readme.txt").write_text("xyz")
    (modules / "__pycache__").mkdir()
    assert _ownfiles.read(memory, modules)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"files": {}}', '{"modules": "x"}', "\udcff"]
)
def test_what_cannot_be_read_is_nothing(memory, modules, text):
    memory.write_bytes(text.encode(errors="surrogateescape"))
    assert _ownfiles.read(memory, modules) == {}


def test_an_unchanged_file_is_not_written_anew(memory, modules):
    before = memory.stat().st_ino
    _ownfiles.keep(memory, modules, {"defaults": {"server": "vsftpd"}})
    assert memory.stat().st_ino == before


def test_where_it_cannot_be_kept_nothing_is(tmp_path, modules):
    _ownfiles.keep(tmp_path / "not/there", modules, {})
    assert _ownfiles.read(tmp_path / "not/there", modules) == {}
