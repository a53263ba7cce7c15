"""Which libraries a server would take from the home of an account."""

import _lookups
import pytest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("passwd: files\ngroup: files\nhosts: files dns\n", []),
        ("passwd: files systemd\ngroup: files systemd\n", []),
        ("passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n", []),
        ("passwd:\tfiles sss # as always\ngroup: files\n", ["sss"]),
        ("passwd: files sss\ngroup: files [NOTFOUND=return] sss\n", ["sss"]),
        ("passwd: files sss\ngroup: files sss\ninitgroups: files\n", ["sss"]),
        ("passwd: compat\ngroup: files\n", ["compat"]),
        ("hosts: files resolve [!UNAVAIL=return] myhostname dns\n", ["myhostname", "resolve"]),
        ("# hosts: files wins\nservices: db files\nnetgroup: nis\n", []),
    ],
)
def test_what_is_not_loaded_before_comes_from_a_home(text, found):
    lines = _lookups.problems(text, ["passwd", "hosts"], "ftpgw:server", ["vsftpd"])
    assert [line.partition("libnss_")[2].partition(".so")[0] for line in lines] == found
    assert all(line.endswith("in /etc/nsswitch.conf, or say vsftpd)") for line in lines)
    assert not _lookups.problems(text, [], "ftpgw:server", ["vsftpd"])
