"""The public face of the gateway: what needs no minion."""

import pytest
from salt.exceptions import CommandExecutionError

import ftpgw


def test_neighbours_are_the_services_that_are_not_ours(tmp_path):
    """Their packages must stay when ours would go."""
    for name in ("open-ftpd", "dnscache"):
        (tmp_path / name).mkdir()
    assert ftpgw.neighbours(str(tmp_path), ["open-ftpd"]) == ["dnscache"]
    assert ftpgw.neighbours(str(tmp_path / "none"), []) == []


def test_a_file_that_cannot_be_put_is_named(tmp_path):
    """Without a traceback, whoever asks."""
    with pytest.raises(CommandExecutionError, match="none/file: No such file"):
        ftpgw.put(str(tmp_path / "none/file"), "text")


def test_a_file_is_put(tmp_path):
    assert ftpgw.put(str(tmp_path / "file"), "text", 0o600) is True
    assert (tmp_path / "file").read_text() == "text"
