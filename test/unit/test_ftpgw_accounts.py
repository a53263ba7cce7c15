"""What the state of the accounts makes, and for whom."""

import pytest

from _states import ftpgw

SETTINGS = {"state": "present", "password": "$6$x", "uid": None}


@pytest.fixture
def arrive(monkeypatch, tmp_path):
    """Return the directories that are made for an account, and how."""
    monkeypatch.setattr(ftpgw, "__salt__", {"user.info": lambda _: {}}, raising=False)
    monkeypatch.setattr(ftpgw, "__opts__", {"test": False}, raising=False)

    def steps(home):
        account = {"partner": {**SETTINGS, "home": str(tmp_path / home)}}
        made = ftpgw._arrive(account, "/sbin/nologin", None)
        return {path: how for kind, path, how in made if kind == "file.directory"}

    return steps


def test_a_home_is_the_accounts(arrive, tmp_path):
    """And nobody else's."""
    (tmp_path / "home").mkdir()
    assert arrive("home/partner") == {
        str(tmp_path / "home/partner"): {"user": "partner", "mode": "0750"}
    }


def test_what_a_home_stands_in_is_not_the_accounts(arrive, tmp_path):
    """It could put another home in the place of its own, and keep others out of theirs."""
    made = arrive("srv/ftp/partner")
    assert list(made) == [str(tmp_path / "srv/ftp"), str(tmp_path / "srv/ftp/partner")]
    theirs = {"user": "root", "mode": "0755", "dir_mode": "0755", "makedirs": True}
    assert made[str(tmp_path / "srv/ftp")] == theirs


def test_a_home_that_is_there_is_left_alone(arrive, tmp_path):
    (tmp_path / "home").mkdir()
    assert arrive("home") == {}


@pytest.mark.parametrize(("kernel", "end"), [("FreeBSD", "a\nb\n@\n"), ("Linux", "a\nb\n")])
def test_where_that_is_possible_everybody_is_confined(monkeypatch, kernel, end):
    """There, an ftpd that cannot start PAM asks for a password and for nothing else."""
    monkeypatch.setattr(ftpgw, "__grains__", {"kernel": kernel}, raising=False)
    assert ftpgw._chroot_list({"b", "a"}).partition("ftpgw.\n")[2] == end
