"""_limits: what one address may take, as the packet filter is to keep it."""

import _check
import _limits
import pytest
from salt.exceptions import SaltInvocationError

SITES = {"lan": {"allow": ["192.168.0.0/24"]}, "acme": {"allow": ["9.9.9.9"]}}
NFT, PF = {"limits": {}}, {"limits": {"ports": [21, "ftp"], "cannot": {"ban": "no ban ends"}}}


def gateway(limits, filter=NFT, **tcpserver):
    """All settings of a gateway with one rule set and one service that has it."""
    listener = {"port": "ftp", "rules": "ftp", "concurrency": 29, **tcpserver}
    rules = {"sites": SITES, "limits": limits, "expect": {"allow": ["9.9.9.1", "9.9.9.2"]}}
    return {
        "filter": filter,
        "rules": {"ftp": rules},
        "services": {"open-ftpd": {"tcpserver": listener}, "other": {"run": "exec x"}},
    }


def rendered(*arguments, **tcpserver):
    return _limits.rendered(gateway(*arguments, **tcpserver), "ftpgw:rules", str)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (True, "x: expected false or settings such as per_client: 5, got true"),
        ({"per_client": 0}, "x:per_client: expected a whole number from 1 to 1000000, got 0"),
        # nftables would take it for 0, which lets nobody in.
        (
            {"per_client": 2**32},
            "x:per_client: expected a whole number from 1 to 1000000, got 4294967296",
        ),
        ({"new": 20}, "x:new: expected a rate such as 20/minute, got 20 (quote it)"),
        ({"new": "20/day"}, "x:new: expected a rate such as 20/minute, got '20/day'"),
        ({"new": "1/hour", "ban": "0m"}, "x:ban: expected a time such as 10m, 2h or 1d, got '0m'"),
        ({"never": "acme"}, "x:never: expected a list of names of sites, got text"),
        ({"per_clients": 1}, "x: unknown setting 'per_clients' (did you mean 'per_client'?)"),
    ],
)
def test_a_wrong_shape_is_one_line(given, problem):
    [line] = _check.problems(_limits.LIMITS, given, "x")
    assert line == problem


@pytest.mark.parametrize("given", [False, {}, {"per_client": 5, "new": "20/minute", "ban": "10m"}])
def test_what_makes_sense_has_no_problem(given):
    assert not _check.problems(_limits.LIMITS, given, "x")
    assert not list(_limits.problems(given, SITES, "x"))


def test_what_is_at_odds_is_told_at_once():
    assert list(_limits.problems({"ban": "1d", "never": ["akme"]}, SITES, "x")) == [
        "x:ban: needs 'new', how many new connections are too many",
        "x:never: there is no site 'akme' (did you mean 'acme'?)",
    ]


def unkept(merged):
    return list(_limits.unkept(merged["rules"], merged, "rules"))


@pytest.mark.parametrize("filter", [NFT, PF])
def test_what_a_filter_can_keep_is_kept(filter):
    assert unkept(gateway({"per_client": 5, "new": "20/minute"}, filter)) == []


@pytest.mark.parametrize(
    ("merged", "line"),
    [
        (gateway({}, {}), "rules:ftp:limits: no packet filter of this gateway keeps any (leave "),
        (gateway({"ban": "1d"}, PF), "rules:ftp:limits:ban: no ban ends"),
        (gateway({}, PF, port=2121), "rules:ftp:limits: on this system, only the server on port "),
        (gateway({}, rules="other"), "rules:ftp:limits: no service has these rules (services: "),
        (
            {**gateway({}, rules="/a.cdb"), "rules": {"/a.cdb": {"limits": {}}}},
            "rules:/a.cdb:limits: only rules with a name can have them, not with a path",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_name(merged, line):
    [told] = unkept(merged)
    assert told.startswith(line)


def test_what_is_switched_off_or_gone_is_no_limit():
    for settings in ({"limits": False}, {}, {"limits": {}, "state": "absent"}):
        merged = gateway({}, {})
        merged["rules"] = {"ftp": settings}
        assert unkept(merged) == []
    assert rendered(False) == rendered({}, {}) == rendered({}, PF, port=2121) == {}


def test_by_default_an_address_has_two_thirds_of_the_places():
    assert rendered({})["ftp"]["per_client"] == 19
    assert rendered({}, concurrency=91)["ftp"]["per_client"] == 60
    assert rendered({}, concurrency=1)["ftp"]["per_client"] == 1
    assert rendered({"per_client": 5})["ftp"]["per_client"] == 5


def test_a_rate_and_a_ban_are_what_they_say():
    assert "count" not in rendered({})["ftp"]
    given = {"new": "20/minute", "ban": "10m"}
    assert given.items() | {"count": 20, "seconds": 60}.items() <= rendered(given)["ftp"].items()


def test_a_service_that_is_down_has_no_limits():
    merged = gateway({})
    merged["services"]["open-ftpd"]["state"] = "down"
    assert _limits.rendered(merged, "ftpgw:rules", str) == {}
    assert unkept(merged) == []


class TestNever:
    """Who has no limits: whoever must get in, and some sites."""

    def test_networks_are_as_few_as_can_be(self, tmp_path):
        file = tmp_path / "list"
        file.write_text("9.9.9.3   # with 9.9.9.2 a network\n2001:db8::1\n\n10.0.0.0-10.0.0.2\n")
        merged = gateway({"never": ["acme", "lan"]})
        merged["rules"]["ftp"]["sites"] = {**SITES, "acme": {"allow_from": [str(file)]}}
        found = _limits.rendered(merged, "ftpgw:rules", str)["ftp"]["never"]
        assert found == ["9.9.9.1", "9.9.9.2/31", "10.0.0.0/31", "10.0.0.2", "192.168.0.0/24"]

    def test_nobody_else(self):
        assert rendered({})["ftp"]["never"] == ["9.9.9.1", "9.9.9.2"]

    def test_a_list_that_has_ended_names_nobody(self):
        merged = gateway({"never": ["acme"]})
        acme = {**SITES["acme"], "allow_until": "2020-01-31"}
        merged["rules"]["ftp"] |= {"sites": {"acme": acme}, "expect": {}}
        assert _limits.rendered(merged, "ftpgw:rules", str)["ftp"]["never"] == []

    def test_of_too_many_the_number_is_told(self):
        merged = gateway({"never": ["acme"]})
        many = [f"10.{n >> 8}.{n & 255}.0/25" for n in range(999)]
        merged["rules"]["ftp"]["sites"] = {"acme": {"allow": many}}
        with pytest.raises(SaltInvocationError, match=r"^ftpgw:rules:ftp:limits:never: .* 1001 "):
            _limits.rendered(merged, "ftpgw:rules", str)
