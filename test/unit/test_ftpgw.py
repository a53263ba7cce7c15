"""The public face of the gateway: what needs no minion."""

import os

import _filetree
import pytest
import salt.utils.args
from salt.exceptions import CommandExecutionError, SaltInvocationError

import ftpgw


def test_neighbours_are_the_services_that_are_not_ours(tmp_path):
    """Their packages must stay when ours would go."""
    for name in ("open-ftpd", "dnscache", "retired"):
        (tmp_path / name).mkdir()
    _filetree.write(str(tmp_path / "retired"), {}, settings="ftpgw:services:retired")
    assert ftpgw.neighbours(str(tmp_path), ["open-ftpd"]) == ["dnscache"]
    assert ftpgw.neighbours(str(tmp_path / "none"), []) == []


def test_a_file_that_cannot_be_put_is_named(tmp_path):
    """Without a traceback, whoever asks."""
    (tmp_path / "file").mkdir()
    with pytest.raises(CommandExecutionError, match="/file: Is a directory"):
        ftpgw.put(str(tmp_path / "file"), "text")


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_the_directories_of_a_file_are_made(tmp_path, monkeypatch, umask):
    """For all to read, whoever asks; a path without one is here."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(umask)
    try:
        ftpgw.put(str(tmp_path / "a/b/file"), "")
        ftpgw.put("file", "")
    finally:
        os.umask(before)
    made = [tmp_path / path for path in ("a", "a/b", "a/b/file", "file")]
    assert [path.stat().st_mode & 0o7777 for path in made] == [0o755, 0o755, 0o644, 0o644]


@pytest.mark.parametrize("typed", ["mode=0640", "mode=640", "mode='0640'"])
def test_permissions_are_typed_as_everywhere_in_salt(tmp_path, typed):
    """Salt makes a number of 0640: that of its digits, which are octal."""
    words, settings = salt.utils.args.parse_input([str(tmp_path / "file"), "text", typed], False)
    ftpgw.put(*words, **settings)
    assert (tmp_path / "file").stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"mode": "rw"}, "mode: expected one such as 0644, got 'rw'"),
        ({"mode": 888}, "mode: expected one such as 0644, got 888"),
        ({"mode": -644}, "mode: expected one such as 0644, got -644"),
        ({"mode": [644]}, "mode: expected one such as 0644, got a list"),
        ({"text": 42}, "text: expected text, got 42"),
        ({"path": 2}, "path: expected text, got 2"),
    ],
)
def test_what_cannot_be_put_is_refused(tmp_path, wrong, told):
    with pytest.raises(SaltInvocationError) as refused:
        ftpgw.put(**{"path": str(tmp_path / "file"), "text": "x", **wrong})
    assert str(refused.value) == told
    assert not list(tmp_path.iterdir())


def test_a_file_is_put(tmp_path):
    assert ftpgw.put(str(tmp_path / "file"), "text", "0600") is True
    assert (tmp_path / "file").read_text() == "text"
