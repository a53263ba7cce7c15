"""States that look for themselves first: Salt is asked only where something differs."""

import os
import pwd

import pytest

from _states import ftpgw

RANGE = "net.ipv4.ip_local_port_range"
ASKED = {"name": "x", "result": True, "changes": {"x": "done"}, "comment": "Salt has done it"}


@pytest.fixture
def asked(monkeypatch):
    """What of Salt was asked, imitated."""
    calls = []

    def imitated(state):
        def call(**settings):
            calls.append((state, settings))
            return ASKED

        return call

    states = ("pkg.installed", "pkgadd.installed", "user.present", "file.managed", "sysctl.present")
    for name, value in (
        ("__grains__", {"kernel": "Linux"}),
        ("__opts__", {"test": False}),
        ("__states__", {state: imitated(state) for state in states}),
    ):
        monkeypatch.setattr(ftpgw, name, value, raising=False)
    return calls


class TestInstalled:
    """Packages."""

    @pytest.fixture
    def missing(self, monkeypatch, asked):
        def missing(names, **more):
            salt = {"ftpgw.packages": lambda pkgs: {"missing": names}, **more}
            monkeypatch.setattr(ftpgw, "__salt__", salt, raising=False)

        return missing

    def test_where_all_are_there_salt_is_not_asked(self, missing, asked):
        missing([])
        done = ftpgw.installed("packages", ["a", "b"], install_recommends=False)
        assert (done["result"], done["changes"], asked) == (True, {}, [])

    def test_where_one_is_missing_salt_installs_all(self, missing, asked):
        """From a list of packages that is up to date, as its first state of them in a run does."""
        missing(["b"])
        assert ftpgw.installed("packages", ["a", "b"], install_recommends=False) == ASKED
        settings = {"name": "packages", "pkgs": ["a", "b"], "install_recommends": False}
        assert asked == [("pkg.installed", {**settings, "refresh": True})]

    @pytest.mark.parametrize(
        ("more", "state"),
        [({}, "pkgadd.installed"), ({"pkg.install": None}, "pkg.installed")],
        ids=["ours", "Salt's"],
    )
    def test_on_openbsd_salts_own_is_asked_where_there_is_one(
        self, monkeypatch, missing, asked, more, state
    ):
        """Salt 3008 has none; its older releases do."""
        monkeypatch.setattr(ftpgw, "__grains__", {"kernel": "OpenBSD"})
        missing(["a"], **more)
        ftpgw.installed("packages", ["a"])
        assert [name for name, _ in asked] == [state]


class TestAccount:
    """The account of a daemon."""

    def test_one_that_is_right_is_left_alone(self, asked):
        root = pwd.getpwnam("root")
        done = ftpgw.account("root", root.pw_dir, root.pw_shell)
        assert (done["result"], done["changes"], asked) == (True, {}, [])

    @pytest.mark.parametrize(
        ("name", "home", "shell"),
        [("root", "/root", "/no/shell"), ("root", "/no/home", None), ("no-such-one", "/", "/")],
    )
    def test_one_that_differs_or_is_missing_is_salts_work(self, asked, name, home, shell):
        shell = shell or pwd.getpwnam("root").pw_shell
        assert ftpgw.account(name, home, shell) == ASKED
        settings = {"name": name, "home": home, "shell": shell}
        assert asked == [("user.present", {**settings, "system": True, "createhome": False})]


class TestSysctl:
    """A variable of the kernel."""

    @pytest.fixture
    def kernel(self, monkeypatch, asked, tmp_path):
        """Imitate what is now, and after a boot by which file, before and after Salt is asked."""
        self.file = str(tmp_path / "zzz.conf")
        (tmp_path / "zzz.conf").write_text("")
        (tmp_path / "zzz.conf").chmod(0o644)

        def imitate(*told):
            answers = iter(told)

            def sysctl(name, file):
                now, boot, by = next(answers)
                return {"now": now, "boot": boot, "by": by or file}

            monkeypatch.setattr(ftpgw, "__salt__", {"ftpgw.sysctl": sysctl}, raising=False)

        return imitate

    def apply(self):
        return ftpgw.sysctl(RANGE, "1 2", self.file)

    def test_one_that_is_right_is_left_alone(self, kernel, asked):
        kernel(("1 2", "1 2", None))
        done = self.apply()
        assert (done["result"], done["changes"], asked) == (True, {}, [])

    @pytest.mark.parametrize("before", [("3 4", "1 2"), ("1 2", "3 4"), ("1 2", None)])
    def test_one_that_differs_is_set_by_salt(self, kernel, asked, before):
        """In a file that everybody can read."""
        kernel((*before, None), ("1 2", "1 2", None))
        done = self.apply()
        assert (done["result"], done["changes"]) == (True, {RANGE: "1 2"})
        assert [state for state, _ in asked] == ["file.managed", "sysctl.present"]
        assert asked[0][1]["mode"] == "0644"

    def test_a_file_that_others_may_write_is_mended(self, kernel, asked):
        kernel(("1 2", "1 2", None), ("1 2", "1 2", None))
        os.chmod(self.file, 0o666)
        assert self.apply()["changes"] == {RANGE: "1 2"}
        assert asked[0][0] == "file.managed"

    def test_with_test_true_it_is_foretold(self, monkeypatch, kernel, asked):
        monkeypatch.setattr(ftpgw, "__opts__", {"test": True})
        kernel(("3 4", "1 2", None))
        done = self.apply()
        assert (done["result"], done["changes"], asked) == (None, {RANGE: "1 2"}, [])

    def test_success_is_what_is_read_afterwards(self, kernel, asked):
        kernel(("3 4", "1 2", None), ("3 4", "1 2", None))
        done = self.apply()
        assert done["result"] is False
        assert done["comment"] == f"{RANGE}: it is not 1 2 after all"

    def test_what_salt_cannot_do_is_told(self, monkeypatch, kernel, asked):
        failed = {"result": False, "comment": "no such key"}
        monkeypatch.setitem(ftpgw.__states__, "sysctl.present", lambda **_: failed)
        kernel(("3 4", "1 2", None))
        assert self.apply()["comment"] == f"{RANGE}: no such key"

    def test_a_later_file_that_says_otherwise_is_named(self, kernel, asked):
        """One that says the same does no harm."""
        kernel(("1 2", "3 4", "/etc/sysctl.d/zzzz.conf"))
        done = self.apply()
        assert done["result"] is False
        assert done["comment"].endswith("not 1 2: take it out of /etc/sysctl.d/zzzz.conf")
        kernel(("1 2", "1 2", "/b"))
        assert self.apply()["result"] is True
        assert not asked
