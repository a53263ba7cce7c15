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


def unprovided(folder, wanted=WANTED):
    return _debs.state([], wanted, folder)["unprovided"]


def interrupted(folder):
    return _debs.state([], {}, folder)["interrupted"]


def missing(folder, *wanted):
    return _debs.state(wanted, {}, folder)["missing"]


LOGGER = ("syslogd", "installed", "linux-kernel-log-daemon, system-log-daemon (= 1)")


def test_nothing_stands_in_for_what_an_installed_package_provides(dpkg):
    assert unprovided(dpkg(("a", "installed", "b"), LOGGER)) == []


def test_a_removed_package_provides_nothing(dpkg):
    gone = (LOGGER[0], "config-files", LOGGER[2])
    assert unprovided(dpkg(("a", "installed", "ftp-server"), gone)) == ["rsyslog"]


def test_part_of_a_name_is_not_the_name(dpkg):
    other = ("a", "installed", "my-system-log-daemon")
    assert unprovided(dpkg(other)) == ["rsyslog"]


def test_this_machine_is_a_debian_that_is_whole():
    """The real files: packages that are installed, and nothing half-way."""
    wanted = {"mawk": "x", "no-such-thing": "y"}
    found = _debs.state(["libc6", "no-such-thing"], wanted)
    assert found["unprovided"] in (["y"], ["x", "y"])
    assert found["interrupted"] is False
    assert found["missing"] == ["no-such-thing"]


@pytest.mark.parametrize("state", ["half-installed", "unpacked", "half-configured"])
def test_a_package_that_is_half_way_is_an_interruption(dpkg, state):
    assert interrupted(dpkg(LOGGER)) is False
    assert interrupted(dpkg(LOGGER, ("a", state, "b"))) is True


def test_so_is_what_dpkg_has_not_written_down(dpkg, tmp_path):
    (tmp_path / "updates").mkdir()
    folder = dpkg(LOGGER)
    assert interrupted(folder) is False
    (tmp_path / "updates/0000").touch()
    assert interrupted(folder) is True


def test_a_machine_without_dpkg_is_whole(tmp_path):
    assert interrupted(str(tmp_path)) is False


def test_what_is_not_plainly_installed_is_missing(dpkg):
    """Names are whole; what is removed or half-way is not there."""
    there, gone = ("b", "installed", "x"), ("c", "config-files", "x")
    assert missing(dpkg(LOGGER, there, gone), "b", "c", "syslog", "syslogd", "x") == [
        "c",
        "syslog",
        "x",
    ]
    assert missing(dpkg(there, ("d", "unpacked", "x")), "b") == ["b"]


def test_what_is_held_is_installed(dpkg, tmp_path):
    folder = dpkg(("b", "installed", "x"))
    file = tmp_path / "status"
    file.write_text(file.read_text().replace("install ok", "hold ok"))
    assert missing(folder, "b") == []
    file.write_text(file.read_text().replace("hold ok", "deinstall ok"))
    assert missing(folder, "b") == ["b"]


def test_where_packages_of_another_architecture_may_be_nothing_is_plain(dpkg, tmp_path):
    folder = dpkg(("b", "installed", "x"))
    (tmp_path / "arch").write_text("amd64\ni386\n")
    assert missing(folder, "b") == ["b"]


def test_without_dpkg_all_is_missing(tmp_path):
    assert missing(str(tmp_path), "b") == ["b"]


def test_apt_says_what_would_go():
    said = "The following packages will be REMOVED:\n  rsyslog\nRemv rsyslog [8.2302.0-1]\n"
    said += "Purg libestr0:amd64 [0.1.11-1]\nInst other (1.0)\n"
    assert _debs.removed(said) == {"rsyslog", "libestr0"}
