"""What Debian's packages bring along."""

import _debs

WANTED = {"system-log-daemon": "rsyslog"}


def test_nothing_stands_in_for_what_an_installed_package_provides():
    shown = "installed \ninstalled linux-kernel-log-daemon, system-log-daemon (= 1)\n"
    assert _debs.unprovided(WANTED, shown) == []


def test_a_removed_package_provides_nothing():
    shown = "installed ftp-server\nconfig-files linux-kernel-log-daemon, system-log-daemon\n"
    assert _debs.unprovided(WANTED, shown) == ["rsyslog"]


def test_part_of_a_name_is_not_the_name():
    assert _debs.unprovided(WANTED, "installed my-system-log-daemon\n") == ["rsyslog"]


def test_apt_says_what_would_go():
    said = "The following packages will be REMOVED:\n  rsyslog\nRemv rsyslog [8.2302.0-1]\n"
    said += "Purg libestr0:amd64 [0.1.11-1]\nInst other (1.0)\n"
    assert _debs.removed(said) == {"rsyslog", "libestr0"}
