"""A gateway is what it is after a boot, with nobody there: these tests are one story."""

import pytest
from diversion import served_cut
from facts import facts, served
from master import LAN
from polls import eventually, watched


@pytest.fixture(scope="module")
def gw(bare, master):
    """A Debian with a minion that has synced nothing."""
    bare.minion(LAN)
    eventually(lambda: master.knows("gw1"))
    return bare


@pytest.mark.usefixtures("servers")
def test_the_first_apply_from_a_master_makes_a_gateway(gw, master):
    master.apply("gw1")
    facts(gw)


@pytest.mark.usefixtures("gw")
def test_a_second_apply_changes_nothing(master):
    assert not [name for name, state in master.apply("gw1").items() if state["changes"]]


@pytest.fixture
def cutting():
    """Rules on the master that cut minions off."""
    with served_cut("output", "tcp dport { 4505, 4506 }"):
        yield "cut"


def test_rules_that_cut_the_master_off_come_back_if_the_minion_is_killed(gw, master, cutting):
    """What a run has begun is killed with the service, but for the guard of the rules."""
    master.begin("gw1", "state.apply", cutting)
    eventually(lambda: loaded(gw))
    gw.run("systemctl", "kill", "--signal=KILL", "salt-minion")
    eventually(lambda: not loaded(gw))
    assert not gw.path("/etc/nftables.d/cut.nft").exists()
    gw.run("systemctl", "restart", "salt-minion")


def loaded(gw):
    """Return whether the rules that cut are in force."""
    return gw.run("nft", "list", "table", "ip", "cut", check=False).returncode == 0


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("time", ["once", "twice"])
def test_it_serves_again_after_a_reboot(gw, time):
    with watched():
        gw.reboot()
        served(gw)


@pytest.mark.usefixtures("gw")
def test_the_master_reaches_it_after_the_reboots(master):
    eventually(lambda: master.knows("gw1"))


@pytest.mark.usefixtures("servers")
def test_it_serves_again_after_a_power_cut_right_after_an_apply(gw):
    def lasts(ftpgw):
        ftpgw["rules"]["ftp"]["sites"]["late"] = {"allow": ["198.51.100.8"]}

    with gw.pillar(lasts):
        gw.apply()
        gw.cut()
    with watched():
        gw.boot()
        served(gw)
    assert gw.call("tcprules.check", "ftp", "198.51.100.8")["site"] == "late"
