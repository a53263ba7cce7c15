"""What a runner writes is there whole, and nobody else's."""

import os
import stat

import _written
import pytest


def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_permissions(tmp_path):
    file = tmp_path / "page.html"
    _written.write(file, "one é")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one é", 0o600)
    file.chmod(0o644)
    _written.write(str(file), "two")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two", 0o644)
    assert os.listdir(tmp_path) == ["page.html"]


def test_an_old_file_keeps_its_owner(tmp_path):
    """A web server goes on reading it."""
    file = tmp_path / "page.html"
    file.write_text("one")
    os.chown(file, 33, 34)
    file.chmod(0o640)
    _written.write(file, "two")
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (33, 34, 0o640)


def test_a_page_that_is_a_link_is_written_where_it_points_to(tmp_path):
    file, link = tmp_path / "page.html", tmp_path / "link"
    file.write_text("page")
    link.symlink_to(file)
    _written.write(link, "again")
    assert (file.read_text(), link.is_symlink()) == ("again", True)


def test_what_is_no_file_stands(tmp_path):
    """Of /dev/null, say, there is only one."""
    for make in (os.mkfifo, lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))):
        there = tmp_path / "there"
        make(there)
        before = there.stat()
        with pytest.raises(OSError, match="is there, and is not a file"):
            _written.write(there, "page")
        assert (there.stat().st_ino, there.stat().st_mode) == (before.st_ino, before.st_mode)
        there.unlink()
    assert os.listdir(tmp_path) == []


def test_two_that_write_at_once_have_nothing_of_each_other(tmp_path, monkeypatch):
    file, replace = tmp_path / "page.html", os.replace

    def late(*arguments):
        monkeypatch.undo()
        _written.write(file, "two")
        replace(*arguments)

    monkeypatch.setattr(os, "replace", late)
    _written.write(file, "one")
    assert file.read_text() == "one"
    assert os.listdir(tmp_path) == ["page.html"]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        _written.write(tmp_path / "none/page.html", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        _written.write(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]
