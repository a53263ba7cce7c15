"""inetd.conf: which lines are retired, and how they come back."""

import _inetd
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
