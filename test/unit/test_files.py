"""A file is the old one or the new one, whatever happens and whoever asks."""

import errno
import os

import _files
import pytest


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o7777


@pytest.mark.usefixtures("umask")
def test_a_mode_does_not_depend_on_the_umask(tmp_path):
    _files.make_directory(str(tmp_path / "a/b"))
    _files.put(str(tmp_path / "a/b/secret"), "x", 0o600)
    _files.put(str(tmp_path / "a/b/plain"), "x")
    modes = [mode(tmp_path / path) for path in ("a", "a/b", "a/b/secret", "a/b/plain")]
    assert modes == [0o755, 0o755, 0o600, 0o644]


def test_a_file_keeps_its_mode_and_owner(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    os.chown(file, 4321, 4321)
    file.chmod(0o640)
    _files.put(str(file), "new")
    assert (file.read_text(), mode(file), file.stat().st_uid) == ("new", 0o640, 4321)


def test_bytes_that_are_no_text_survive(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"a\xffb\r\n")
    _files.put(str(file), file.read_bytes().decode(errors="surrogateescape"))
    assert file.read_bytes() == b"a\xffb\r\n"


def test_no_link_is_followed(tmp_path):
    (tmp_path / "target").write_text("theirs")
    for name in ("file", "file.new"):
        (tmp_path / name).symlink_to("target")
    _files.put(str(tmp_path / "file"), "ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize("call", ["write", "fsync", "fchmod", "rename"])
def test_what_fails_leaves_every_old_file_and_nothing_beside(tmp_path, monkeypatch, call):
    """The directory's own fsync, which comes after the renames, is the one exception."""
    files = {str(tmp_path / name): ("new", 0o644) for name in "ab"}
    for path in files:
        _files.put(path, "old")

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "write":
        monkeypatch.setattr("builtins.open", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space") as failed:
        _files.put_all(files)
    monkeypatch.undo()
    assert failed.value.filename in files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert all(path.read_text() == "old" for path in tmp_path.iterdir())


def test_all_files_are_written_before_one_is_renamed(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileNotFoundError):
        _files.put_all({str(tmp_path / "a"): ("new", None), str(tmp_path / "no/b"): ("new", None)})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
