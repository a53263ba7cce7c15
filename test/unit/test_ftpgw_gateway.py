"""ftpgw: what a gateway with a proxy needs, and one without does not."""

import pytest
from salt.exceptions import SaltInvocationError

from _modules import ftpgw

WAYS = {"include": {}, "full": {}}


def refuse(settings):
    """A judge of networks who likes none that says so."""
    if settings.get("bad"):
        raise SaltInvocationError("ftpgw:network: bad")


@pytest.fixture
def problems(monkeypatch):
    """`problems` with other modules' checks that only say when they were asked."""

    def run(pillar, proxy=None, ways=WAYS):
        checks = {"gatewaynet.settings": refuse, "gatewaynet.misplaced": lambda _: "misplaced"}
        monkeypatch.setattr(ftpgw, "__pillar__", {"ftpgw": pillar}, raising=False)
        monkeypatch.setattr(ftpgw, "__salt__", checks, raising=False)
        settings = {"rules": {}, "network": {}, "firewall": {"manage": "include"}}
        settings["firewall"] |= pillar.get("firewall", {})
        settings["services"] = {} if proxy is None else {"ftp-proxy": proxy}
        return ftpgw.problems({**settings, "filter": {"ways": ways}} if ways else settings)

    return run


@pytest.mark.parametrize("proxy", [None, {"state": "absent"}, {"state": "down"}])
def test_without_a_proxy_no_network_is_asked_for(problems, proxy):
    """Nor how to manage a filter that nobody needs."""
    assert problems({"network": {"bad": True}, "firewall": {"manage": "all"}}, proxy) == []


def test_with_a_proxy_the_network_is_judged_as_it_was_typed(problems):
    """Also what the templates never got to see."""
    assert problems({"network": {"bad": True}}, {}) == ["ftpgw:network: bad"]


def test_a_good_network_must_also_be_here(problems):
    """Only then does it make sense to look at this machine."""
    assert problems({}, {}) == ["misplaced"]


@pytest.mark.parametrize("manage", ["include", "full", False])
def test_the_ways_of_a_filter_are_those_of_the_system(problems, manage):
    """False is possible everywhere."""
    assert problems({"firewall": {"manage": manage}}, {}) == ["misplaced"]


@pytest.mark.parametrize("manage", ["ful", 0, None, True, ["include"], {"include": 1}])
def test_another_way_is_refused(problems, manage):
    """The line names those that this system has."""
    line = problems({"firewall": {"manage": manage}}, {})[0]
    expected = "expected include or full or false on this system"
    assert line == f"ftpgw:firewall:manage: {expected}, got {manage!r}"


def test_a_system_without_a_known_filter_has_one_way(problems):
    """Somebody else sends the clients to the proxy."""
    line = problems({}, {}, ways=None)[0]
    assert line == "ftpgw:firewall:manage: expected false on this system, got 'include'"
    assert problems({"firewall": {"manage": False}}, {}, ways=None) == ["misplaced"]


def test_an_unknown_setting_of_the_filter_is_one_line(problems):
    """Whether there is a proxy or not."""
    line = "ftpgw:firewall: unknown setting 'manag' (did you mean 'manage'?)"
    assert problems({"firewall": {"manag": False}}) == [line]
