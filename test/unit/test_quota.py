"""What each account may fill: orders for the kernel, which is one of a test here.

test/integration/test_quota.py has a real one.
"""

import errno
import os

import _quota
import pytest

G, M = 2**30, 2**20
ACCOUNT = {"state": "present", "home": "/home/a", "uid": None, "quota": None}
ENTRY = {"state": "present", "home": "/home/a", "uid": 2001, "changes": {}}
THERE = {"home": "/home/a", "uid": 2001, "shell": "/usr/sbin/nologin"}


class Kernel:
    """One with quotas on the file system of each home, unless it has none, or only counts."""

    def __init__(self):
        self.records, self.flags = {}, 3

    def __call__(self, home, command, uid, given):
        if not self.flags:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), home)
        if command == _quota._STATE:
            return bytes([1, 0, self.flags, 0]) + given[4:]
        if command == _quota._SET:
            hard, soft, *_, valid = _quota._RECORD.unpack(given)
            assert valid == 1  # the limits of files are not touched
            self.records[uid] = (hard, soft, self.records.get(uid, (0, 0, 0))[2])
        return _quota._RECORD.pack(*self.records.get(uid, (0, 0, 0)), *[0] * 6)


@pytest.fixture
def kernel(monkeypatch):
    found = Kernel()
    monkeypatch.setattr(_quota, "_ask", found)
    return found


def planned(kernel, quota, there=THERE, **entry):
    entry = {**ENTRY, **entry}
    machine = {"accounts": {"a": there} if there else {}}
    return _quota.planned({"a": entry}, {"a": {**ACCOUNT, "quota": quota}}, machine)["a"]


class TestPlanned:
    """What separates the limits of the kernel from those of pillar."""

    @pytest.mark.parametrize(
        ("quota", "limits", "said"),
        [
            (None, (0, 0), None),
            ("2G", (0, 0), "2G instead of no limit"),
            ("2G", (2 * M, 0), None),
            ("2048M", (2 * M, 2 * M), None),
            ("2G", (2 * M, M), "2G instead of 1G to 2G"),
            ("2G", (0, M), "2G instead of 1G to no limit"),
            ("2G", (1500, 0), "2G instead of 1500K"),
            (None, (M, 0), "no limit instead of 1G"),
        ],
    )
    def test_a_limit_is_what_pillar_says_and_no_other(self, kernel, quota, limits, said):
        kernel.records[2001] = (*limits, 0)
        assert planned(kernel, quota)["changes"].get("quota") == said

    def test_an_account_that_is_to_be_made_is_known_by_the_number_it_gets(self, kernel):
        assert planned(kernel, "1G", there=None)["changes"] == {"quota": "1G instead of no limit"}

    def test_whoever_goes_leaves_no_limit(self, kernel):
        kernel.records[2001] = (M, 0, 0)
        gone = {"state": "absent", "changes": {"account": "removed"}}
        assert planned(kernel, None, **gone)["changes"]["quota"] == "no limit instead of 1G"
        assert planned(kernel, None, None, state="absent")["changes"] == {}

    def test_whoever_is_only_left_over_keeps_it(self, kernel):
        kernel.records[2001] = (M, 0, 0)
        assert planned(kernel, None, state="left over")["changes"] == {}

    def test_without_quotas_there_is_nothing_to_do(self, kernel):
        kernel.flags = 0
        assert planned(kernel, None)["changes"] == {}


class TestApply:
    """What the kernel is told."""

    def test_of_one_that_gets_another_number_the_old_is_free(self, kernel):
        kernel.records[0] = (M, 0, 0)
        changed = {**ENTRY, "home": "/root", "uid": 2002}
        changed |= {"changes": {"quota": "2G instead of no limit"}}
        _quota.apply({"root": changed}, {"root": {**ACCOUNT, "quota": "2G"}})
        assert kernel.records == {0: (0, 0, 0), 2002: (2 * M, 0, 0)}

    def test_only_linux_is_asked(self, monkeypatch):
        """The number of the system call is another one elsewhere."""
        monkeypatch.setattr(_quota.sys, "platform", "openbsd7")
        monkeypatch.setattr(_quota.ctypes, "CDLL", None)
        entry = planned(None, "2G", there=None)
        with pytest.raises(OSError, match="only Linux"):
            _quota.apply({"a": entry}, {"a": {**ACCOUNT, "quota": "2G"}})
        assert planned(None, None)["changes"] == {}


class TestMisfits:
    """What cannot be kept is told before anything is touched."""

    @pytest.mark.parametrize(
        ("flags", "number"), [(3, 0), (1, 1), (0, 1)], ids=["kept", "counted", "none"]
    )
    def test_a_file_system_must_keep_it(self, kernel, flags, number):
        kernel.flags = flags
        declared = {"a": {**ACCOUNT, "quota": "2G"}, "b": ACCOUNT}
        lines = list(_quota.misfits(declared, {"accounts": {}}, "path"))
        assert len(lines) == number
        assert all(line.startswith("path:a:quota: the file system at /") for line in lines)

    @pytest.mark.parametrize("there", [True, False])
    def test_a_number_must_be_of_one_account(self, kernel, there):
        accounts = {"double": THERE} | ({"a": THERE} if there else {})
        declared = {"a": {**ACCOUNT, "uid": 2001, "quota": "2G"}}
        [line] = _quota.misfits(declared, {"accounts": accounts}, "path")
        assert line.startswith("path:a:quota: double has uid 2001 as well")
        assert not list(_quota.misfits({"a": ACCOUNT}, {"accounts": accounts}, "path"))


class TestUsed:
    """How much there is, in words."""

    @pytest.mark.parametrize(
        ("record", "said"),
        [
            ((0, 0, 0), "0"),
            ((0, 0, 1000), "1000"),
            ((0, 0, 1536), "1.5K"),
            ((2 * M, 0, 3 * G // 2), "1.5G of 2G"),
            ((2 * M, M, 5 * M), "5.0M of 1G to 2G"),
        ],
    )
    def test_the_file_system_knows(self, kernel, record, said):
        kernel.records[2001] = record
        assert _quota.used({"a": ENTRY}) == {"a": said}

    @pytest.fixture
    def home(self, kernel, tmp_path):
        kernel.flags = 0
        (tmp_path / "home/folder").mkdir(parents=True)
        return tmp_path / "home"

    def test_else_it_is_counted(self, home, tmp_path):
        """What links lead to is not a part of it, nor are other file systems."""
        (tmp_path / "big").write_bytes(bytes(10 * M))
        (home / "folder/file").write_bytes(bytes(2 * M))
        (home / "folder/link").symlink_to(tmp_path / "big")
        (home / "folder/up").symlink_to(tmp_path)
        found = _quota.used({"a": {**ENTRY, "home": str(home)}})
        assert found == {"a": "2.0M"}
        assert _quota.used({"a": {**ENTRY, "home": "/none"}}) == {"a": "0"}

    def test_other_file_systems_are_none_of_it(self, home, monkeypatch):
        """They are directories of another device."""
        (home / "folder/file").write_bytes(bytes(M))
        real = os.stat(home)
        other = os.stat_result((*real[:2], real.st_dev + 1, *real[3:]))
        monkeypatch.setattr(_quota.os, "stat", lambda *_, **__: other)
        assert _quota.used({"a": {**ENTRY, "home": str(home)}}) == {"a": "0"}

    def test_a_million_files_are_not_counted(self, home):
        """What one account does not need is there for the next; whose is not whole is said."""
        for number in range(10):
            (home / f"folder/{number}").write_bytes(bytes(M))
        entry = {**ENTRY, "home": str(home)}
        none = {**ENTRY, "home": "/none"}
        assert _quota.used({"a": entry}, 11) == {"a": "10.0M"}
        assert _quota.used({"a": entry}, 6)["a"].startswith("more than 5.0M")
        assert _quota.used({"a": none, "b": entry}, 11) == {"a": "0", "b": "10.0M"}
        shared = _quota.used({"a": entry, "b": entry}, 12)
        assert [each.partition(" than ")[0] for each in shared.values()] == ["more", "more"]
