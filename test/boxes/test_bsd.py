"""On a machine that takes itself for a BSD: what is run, in order, and a gateway that serves.

Real are Salt, daemontools (on OpenBSD built from its author's sources), tcpserver and the FTP
session. Imitated are the programs that only the BSD has: sandbox/bsd.py.
"""

import pathlib

import pytest

DATA = pathlib.Path(__file__).parents[1] / "data"
SVSCAN = {"openbsd-7.6": "/package/admin/daemontools-0.76/command", "freebsd-14.1": "/usr/bin"}


@pytest.fixture(scope="module", params=SVSCAN)
def system(request):
    """The name of the system that the machine takes itself for."""
    return request.param


@pytest.fixture(scope="module")
def facts(system, in_a_box):
    """What the gateway did."""
    return in_a_box("bsd.py", system)


def test_the_programs_are_called_as_a_person_has_read(system, facts):
    """In order: packages, ports, base services, accounts, the filter's check before its load."""
    assert facts["calls"] == (DATA / f"{system}.calls").read_text()


def test_no_program_gets_the_hash_as_an_argument(facts):
    """And yet the account can log in: the password was really set."""
    assert "$2b$" not in facts["calls"]
    assert facts["came back"] == "there and back"


def test_the_second_run_only_asks(facts):
    """Nothing is changed, and nothing is called that could change something."""
    assert facts["second"] == []
    asked = set(facts["calls of the second run"].splitlines())
    assert asked <= set(facts["calls"].splitlines())
    changing = ("-f /etc", "pfctl -e", "=", "stop", "start", "pkill", "install", "add ", "usermod")
    assert not [call for call in asked if any(word in call for word in changing)]


def test_the_daemons_of_the_system_are_ended_and_ours_are_not(facts):
    """They have the same names; ours are not children of init."""
    before, afterwards = facts["the system's own"]
    assert len(before) == 2
    assert afterwards == []
    assert facts["the same proxy"] is True


def test_the_prediction_is_what_then_changes(facts):
    """On OpenBSD, with daemontools not even built yet."""
    assert facts["predicted"] == facts["first"]


def test_the_gateway_runs_on_the_daemontools_of_the_system(system, facts):
    """On OpenBSD that which was built; both services are up; strangers stay out."""
    assert facts["svscan"] == f"{SVSCAN[system]}/svscan"
    assert facts["supervise"] == f"{SVSCAN[system]}/supervise"
    assert facts["states"] == {"ftp-proxy": "up", "open-ftpd": "up"}
    assert facts["stranger"] == ""


def test_the_proxy_that_listens_by_itself_is_logged(facts):
    """Its own words are in its multilog, since it stays in the foreground."""
    assert "listening on 127.0.0.1 port 8021" in facts["log of ftp-proxy"][-1]


def test_what_an_upgrade_left_to_pam_does_not_let_anybody_in(system, facts):
    """The whole file is ours; and should PAM not start all the same, everybody is confined."""
    assert "opie" not in facts["pam"]
    asked = [line.split()[0] + " " + line.split()[2] for line in facts["pam"].splitlines()[1:]]
    freebsd = [
        "auth pam_group.so",
        "auth pam_unix.so",
        "account pam_nologin.so",
        "account pam_unix.so",
        "session pam_permit.so",
    ]
    assert asked == (freebsd if system == "freebsd-14.1" else [])
    assert facts["ftpchroot"].endswith("partner\n@\n" if asked else "partner\n")


def test_the_rules_of_others_stay(facts):
    """Ours come first, between marks; then those that were there."""
    assert facts["pf.conf"].startswith("# ftpgw: begin\n")
    assert facts["pf.conf"].endswith("# ftpgw: end\nset skip on lo\nblock return\npass\n")


def test_an_account_that_pillar_forgets_cannot_log_in(system, facts):
    """
    On FreeBSD the members of the group may, on OpenBSD those of the list; sshd denies both.

    Its password is locked first, its sessions end last.
    """
    everybody = {"freebsd-14.1": ["@"], "openbsd-7.6": []}[system]
    assert facts["accounts left over"] == {
        "ftpgw": ["partner"],
        "ftpgw-left": ["second"],
        "list": ["partner", *everybody],
        "password": "*",
        "expires": str(47482 * 86400),
    }
    calls = facts["calls about those left over"].splitlines()
    moved = {
        "freebsd-14.1": ["pw groupmod ftpgw-left -m second", "pw groupmod ftpgw -d second"],
        "openbsd-7.6": ["usermod -G ftpgw-left second", "usermod -S second,ftpgw-left second"],
    }
    locked = {
        "freebsd-14.1": "pw usermod -n second -H 0",
        "openbsd-7.6": "pwd_mkdb -p -u second /etc/ptmp",
    }
    assert calls[-4:] == [locked[system], *moved[system], "pkill -KILL -u second"]
    ends = {"freebsd-14.1": "pw usermod -n second -e 4102444800", "openbsd-7.6": locked[system]}
    assert ends[system] in calls[:-4]


def test_clean_takes_back_what_is_ours(system, facts):
    """The account, our rules in force and in pf.conf, the packages; nothing of others."""
    assert "partner" not in facts["accounts after clean"]
    assert facts["pf.conf after clean"] == "set skip on lo\nblock return\npass\n"
    assert ("opie" in facts["pam after clean"]) == (system == "freebsd-14.1")
    calls = facts["calls of clean"]
    assert calls.index("pfctl -f /etc/pf.conf.new") < calls.index("pfctl -a ftpgw -F all")
    assert {"openbsd-7.6": "pkg_delete -I", "freebsd-14.1": "pkg delete -y"}[system] in calls
