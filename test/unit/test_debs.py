"""What Debian's packages bring along, and whether dpkg has finished."""

import _debs
import pytest

WANTED = {"system-log-daemon": "rsyslog"}
PACKAGE = "Package: {}\nStatus: install ok {}\nProvides: {}\nDescription: x\n y\n"


@pytest.fixture
def dpkg(tmp_path):
    """Write what dpkg knows: the name, the state and the provisions of packages."""

    def write(*packages):
        paragraphs = [PACKAGE.format(*package) for package in packages]
        (tmp_path / "status").write_text("\n".join(paragraphs))
        return str(tmp_path)

    return write


LOGGER = ("syslogd", "installed", "linux-kernel-log-daemon, system-log-daemon (= 1)")


def test_nothing_stands_in_for_what_an_installed_package_provides(dpkg):
    assert _debs.unprovided(WANTED, dpkg(("a", "installed", "b"), LOGGER)) == []


def test_a_removed_package_provides_nothing(dpkg):
    gone = (LOGGER[0], "config-files", LOGGER[2])
    assert _debs.unprovided(WANTED, dpkg(("a", "installed", "ftp-server"), gone)) == ["rsyslog"]


def test_part_of_a_name_is_not_the_name(dpkg):
    other = ("a", "installed", "my-system-log-daemon")
    assert _debs.unprovided(WANTED, dpkg(other)) == ["rsyslog"]


def test_this_machine_is_a_debian_that_is_whole():
    """The real files: packages that are installed, and nothing half-way."""
    assert _debs.unprovided({"mawk": "x", "no-such-thing": "y"}) in (["y"], ["x", "y"])
    assert _debs.interrupted() is False


@pytest.mark.parametrize("state", ["half-installed", "unpacked", "half-configured"])
def test_a_package_that_is_half_way_is_an_interruption(dpkg, state):
    assert _debs.interrupted(dpkg(LOGGER)) is False
    assert _debs.interrupted(dpkg(LOGGER, ("a", state, "b"))) is True


def test_so_is_what_dpkg_has_not_written_down(dpkg, tmp_path):
    (tmp_path / "updates").mkdir()
    folder = dpkg(LOGGER)
    assert _debs.interrupted(folder) is False
    (tmp_path / "updates/0000").touch()
    assert _debs.interrupted(folder) is True


def test_a_machine_without_dpkg_is_whole(tmp_path):
    assert _debs.interrupted(str(tmp_path)) is False


def test_apt_says_what_would_go():
    said = "The following packages will be REMOVED:\n  rsyslog\nRemv rsyslog [8.2302.0-1]\n"
    said += "Purg libestr0:amd64 [0.1.11-1]\nInst other (1.0)\n"
    assert _debs.removed(said) == {"rsyslog", "libestr0"}
