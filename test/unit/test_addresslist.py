"""Files of addresses: found before anything is made of them, and read as people write them."""

import _addresslist
import pytest
from salt.exceptions import SaltInvocationError

PATH = "ftpgw:rules:ftp"


def sites(**lists):
    site = {"allow_from": [], "deny_from": [], **lists}
    return {"sites": {"a": site, "b": {"allow_from": [], "deny_from": []}}}


def test_every_file_is_read_once_by_its_name(tmp_path):
    (tmp_path / "here").write_bytes(b"9.9.9.9\n")
    (tmp_path / "fetched").write_bytes(b"10.0.0.1\n")
    here = str(tmp_path / "here")
    asked = []

    def fetch(file):
        asked.append(file)
        return str(tmp_path / "fetched")

    checked = sites(allow_from=[here, "salt://a.txt"], deny_from=["salt://a.txt"])
    found = _addresslist.contents(checked, PATH, fetch)
    assert found == {here: b"9.9.9.9\n", "salt://a.txt": b"10.0.0.1\n"}
    assert asked == ["salt://a.txt"]


def test_every_file_that_is_missing_is_named_with_its_place(tmp_path):
    missing = sites(allow_from=["salt://no.txt"], deny_from=[str(tmp_path)])
    with pytest.raises(SaltInvocationError) as refused:
        _addresslist.contents(missing, PATH, lambda file: False)
    assert str(refused.value).splitlines() == [
        f"{PATH}:sites:a:allow_from: there is no file salt://no.txt",
        f"{PATH}:sites:a:deny_from: there is no file {tmp_path}",
    ]


def test_a_file_that_cannot_be_read_is_named():
    """As a disk that is broken has it."""
    with pytest.raises(OSError, match="Input/output error: '/proc/self/mem'"):
        _addresslist.contents(sites(allow_from=["/proc/self/mem"]), PATH, None)


def test_comments_blanks_and_the_line_ends_of_dos_are_no_addresses():
    content = b"\xef\xbb\xbf# partners\r\n\r\n 10.0.0.1 # one\r\n10.0.0.0/24\n10.0.0.1"
    assert _addresslist.lines(content) == ["", "", "10.0.0.1", "10.0.0.0/24", "10.0.0.1"]


def test_a_comment_ends_with_its_line_whatever_ends_that():
    """One of an old Macintosh had taken the whole list along, also that of whom to deny."""
    assert _addresslist.lines(b"# two\r9.9.9.9\r10.0.0.1 #\r") == ["", "9.9.9.9", "10.0.0.1"]
    assert _addresslist.lines("# one\u2028or two\n9.9.9.9".encode()) == ["", "9.9.9.9"]


def test_what_is_no_utf8_is_still_a_line():
    """So that it is refused with its number."""
    assert _addresslist.lines(b"\xff\xfe\n9.9.9.9\n")[1] == "9.9.9.9"
