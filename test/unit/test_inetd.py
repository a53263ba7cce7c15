"""inetd.conf: which lines are retired, and how they come back."""

import os

import _files
import _inetd
import pytest
from hypothesis import given
from hypothesis import strategies as st

FTP = ["ftp", "ftp-proxy", "21", "8021"]
LINE = "ftp stream tcp nowait root /usr/libexec/ftpd ftpd -US\n"
LINES = st.lists(st.sampled_from([LINE, "telnet stream\n", "#ftp stream tcp\n", "\n", " ftp x\n"]))


def test_the_lines_of_a_service_are_commented_out():
    """Only lines that serve ftp or ftp-proxy get the mark; comments and other services stay."""
    text = (
        f"# {LINE}{LINE}127.0.0.1:8021 stream tcp nowait root /x x\nftpd stream tcp\ntftp dgram\n"
    )
    assert _inetd.retire(text, FTP).splitlines() == [
        f"# {LINE.strip()}",
        f"#ftpgw# {LINE.strip()}",
        "#ftpgw# 127.0.0.1:8021 stream tcp nowait root /x x",
        "ftpd stream tcp",
        "tftp dgram",
    ]


@given(LINES)
def test_restoring_undoes_retiring(lines):
    """What was retired comes back to the letter."""
    text = "".join(lines)
    assert _inetd.restore(_inetd.retire(text, FTP)) == text


@given(LINES)
def test_retiring_twice_is_retiring_once(lines):
    """A retired line is not retired again."""
    once = _inetd.retire("".join(lines), FTP)
    assert _inetd.retire(once, FTP) == once


def test_a_last_line_without_newline_is_a_line():
    """inetd reads it, so it is retired too."""
    assert _inetd.retire("ftp stream tcp", FTP) == "#ftpgw# ftp stream tcp"


def test_no_inetd_is_no_error(tmp_path, monkeypatch):
    """Without a process id file, or with a stale or broken one, nobody gets the signal."""
    pidfile = tmp_path / "inetd.pid"
    monkeypatch.setattr(_inetd, "PIDFILE", str(pidfile))
    assert _inetd.reload() is False
    for stale in ("4194305\n", "", "not a number"):
        pidfile.write_text(stale)
        assert _inetd.reload() is False


def test_inetd_is_owed_its_signal_until_it_was_sent(tmp_path, monkeypatch):
    """Whatever ends a run between the change and the signal."""
    path = str(tmp_path / "inetd.conf")
    for fails in ("_inetd.reload", "_inetd._block.apply"):
        with monkeypatch.context() as patch:
            patch.setattr(fails, lambda *_: 1 / 0)
            before = os.umask(0)
            with pytest.raises(ZeroDivisionError):
                _inetd.apply(path, {path: "text\n"}, _files.put)
            os.umask(before)
        assert os.stat(f"{path}.hup").st_mode & 0o7777 == 0o644
        assert _inetd.owes(path)
    monkeypatch.setattr(_inetd, "PIDFILE", str(tmp_path / "none"))
    _inetd.apply(path, {path: "text\n"}, _files.put)
    assert not _inetd.owes(path)
    assert [file.name for file in tmp_path.iterdir()] == ["inetd.conf"]
