"""What a runner writes is there whole, and nobody else's."""

import os

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


def test_a_link_in_the_way_is_not_followed(tmp_path):
    """Of the new file; a page that is a link is written where it points to."""
    other, file = tmp_path / "other", tmp_path / "page.html"
    other.write_text("mine")
    (tmp_path / "page.html.new").symlink_to(other)
    _written.write(file, "page")
    assert (other.read_text(), file.read_text()) == ("mine", "page")
    link = tmp_path / "link"
    link.symlink_to(file)
    _written.write(link, "again")
    assert (file.read_text(), link.is_symlink()) == ("again", True)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        _written.write(tmp_path / "none/page.html", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        _written.write(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]
