"""Rule sets as pillar declares them: what is refused and how, and what is written."""

import ipaddress

import _rules
import _sites
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

PATH = "ftpgw:rules:ftp"
LAN = {"lan": {"allow": ["192.168.0.0/24"]}}
PAGE = {
    "sites": {
        "loopback": {"allow": ["127.0.0.0/16"]},
        "acme": {
            "allow": ["9.9.9.0/24", "203.0.113.7"],
            "deny": ["9.9.9.13"],
            "env": {"SITE": "acme"},
        },
        **LAN,
    },
    "expect": {"allow": ["9.9.9.9"], "deny": ["198.51.100.7"]},
}


def rendered(settings, lists=None):
    checked = _sites.settings(settings, PATH)
    groups = _sites.groups(checked, lists or {}, PATH)
    _sites.check_expected(groups, checked, PATH)
    return _sites.text("ftp", groups, checked["default"], PATH)


def refusal(settings, lists=None):
    with pytest.raises(SaltInvocationError) as refused:
        rendered(settings, lists)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def site(**settings):
    return {"sites": {"a": settings}}


def test_defaults_are_filled_in():
    assert _sites.settings({"sites": LAN}, PATH) == {
        "state": "present",
        "sites": {
            "lan": {
                "allow": ["192.168.0.0/24"],
                "deny": [],
                "allow_from": [],
                "deny_from": [],
                "env": {},
            }
        },
        "default": "deny",
        "admits": "listed",
        "expect": {"allow": [], "deny": []},
    }


def test_checked_settings_are_settings_too():
    checked = _sites.settings(PAGE, PATH)
    assert _sites.settings(checked, PATH) == checked


def test_the_text_reads_like_a_page():
    assert rendered(PAGE) == (
        "# Written by Salt from the settings of ftpgw:rules:ftp; change them there.\n"
        "# Which rule decides for an address? salt-call tcprules.check ftp ADDRESS\n"
        "\n"
        "# acme\n"
        "9.9.9.13:deny\n"
        '203.0.113.7:allow,SITE="acme"\n'
        '9.9.9.:allow,SITE="acme"\n'
        "\n"
        "# lan\n"
        "192.168.0.:allow\n"
        "\n"
        "# loopback\n"
        "127.0.:allow\n"
        "\n"
        "# default\n"
        ":deny\n"
    )


def test_a_long_list_names_its_site_again(monkeypatch):
    monkeypatch.setattr(_sites, "_PAGE", 2)
    text = rendered(site(allow=["9.9.9.1", "9.9.9.2", "9.9.9.3"]))
    assert "# a\n9.9.9.1:allow\n9.9.9.2:allow\n\n# a\n9.9.9.3:allow\n" in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (None, ": expected a mapping, not None"),
        ("sites", ": expected a mapping, not 'sites'"),
        ([], ": expected a mapping, not []"),
        ({"site": {}}, ": unknown setting 'site' (did you mean 'sites'?)"),
        ({1: {}}, ": unknown setting '1'"),
        ({"state": "up"}, ":state: expected present or absent, not 'up'"),
        ({"state": None}, ":state: expected present or absent, not None"),
        ({"default": True}, ":default: expected deny or allow, not True"),
        ({"default": ["deny"]}, ":default: expected deny or allow, not ['deny']"),
        ({"admits": "all"}, ":admits: expected listed or everyone or nobody, not 'all'"),
        ({"sites": None}, ":sites: expected a mapping, not None"),
        ({"sites": ["lan"]}, ":sites: expected a mapping, not ['lan']"),
        ({"sites": {"a": None}}, ":sites:a: expected a mapping, not None"),
        ({"sites": {"a": "10.0.0.1"}}, ":sites:a: expected a mapping, not '10.0.0.1'"),
        ({"sites": {"a": {}}}, ":sites:a: is empty"),
        ({"sites": {"default": {}}}, ":sites: 'default' is no name for a site"),
        ({"sites": {"a\n:allow": {}}}, ":sites: 'a\\n:allow' is no name for a site"),
        ({"sites": {7: {}}}, ":sites: 7 is no name for a site"),
        (site(alow=[]), ":sites:a: unknown setting 'alow' (did you mean 'allow'?)"),
        (site(allow=None), ":sites:a:allow: expected a list, not None"),
        (site(allow="10.0.0.1"), ":sites:a:allow: expected a list, not '10.0.0.1'"),
        (site(allow={"10.0.0.1": None}), ":sites:a:allow: expected a list, not {"),
        (site(allow=[10.0]), ":sites:a:allow: expected text, not 10.0 (quote it)"),
        (site(allow=[None]), ":sites:a:allow: expected text, not None"),
        (site(allow=[True]), ":sites:a:allow: expected text, not True"),
        (site(allow=[""]), ":sites:a:allow: '' is not an IPv4 address"),
        (site(allow=["10.0.0.1\n"]), ":sites:a:allow: '10.0.0.1\\n' is not an IPv4 address"),
        (site(deny=["10.0.0.1/24"]), "(did you mean '10.0.0.0/24'?)"),
        (site(allow=["0.0.0.0/0"]), ":sites:a:allow: 0.0.0.0/0 is everyone"),
        (site(allow=["0.0.0.0-255.255.255.255"]), ":sites:a:allow: 0.0.0.0/0 is everyone"),
        (site(allow=["9.9.9.9", "::1"]), ":sites:a:allow: '::1' is IPv6, which the tcpserver of"),
        (site(allow_from=None), ":sites:a:allow_from: expected a list, not None"),
        (site(allow_from=7), ":sites:a:allow_from: expected a list, not 7"),
        (site(deny_from="x.txt"), ":sites:a:deny_from: 'x.txt' is neither salt://... nor /..."),
        (site(allow=["10.0.0.1"], env=[]), ":sites:a:env: expected a mapping, not []"),
        (site(allow=["10.0.0.1"], env={"A=B": "c"}), ":sites:a:env: 'A=B' is no name"),
        (site(allow=["10.0.0.1"], env={1: "c"}), ":sites:a:env: '1' is no name"),
        (site(allow=["10.0.0.1"], env={"A": 1}), ":sites:a:env:A: expected text, not 1"),
        (site(allow=["10.0.0.1"], env={"A": "b\nc"}), ":sites:a:env:A: expected text"),
        (site(allow=["10.0.0.1"], env={"A": "b\0c"}), ":sites:a:env:A: expected text"),
        (site(allow=["10.0.0.1"], env={"A": "\"'|/!%^~_"}), ":sites:a:env:A: no quote is left"),
        ({"sites": LAN, "expect": None}, ":expect: expected a mapping, not None"),
        ({"sites": LAN, "expect": {"alow": []}}, ":expect: unknown setting 'alow'"),
        ({"sites": LAN, "expect": {"allow": "9.9.9.9"}}, ":expect:allow: expected a list"),
        ({"sites": LAN, "expect": {"deny": ["x"]}}, ":expect:deny: 'x' is not an IPv4 address"),
        (
            {"sites": LAN, "expect": {"deny": ["9.9.9.0/24"]}},
            ":expect:deny: '9.9.9.0/24' is not a single address",
        ),
        ({"sites": LAN, "expect": {"deny": ["::1"]}}, ":expect:deny: '::1' is IPv6, which"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_begins_where_it_stands(settings, message):
    refused = refusal(settings)
    assert refused.startswith(PATH)
    assert message in refused


@pytest.mark.parametrize(
    ("settings", "admits"),
    [
        ({}, "nobody"),
        ({"sites": {}}, "nobody"),
        (site(deny=["10.0.0.1"]), "nobody"),
        (site(allow=[]), "nobody"),
        ({"default": "allow"}, "everyone"),
        ({"default": "allow", "sites": LAN}, "everyone"),
        ({"sites": LAN, "admits": "nobody"}, "listed"),
        ({"sites": LAN, "admits": "everyone"}, "listed"),
    ],
)
def test_whom_rules_admit_must_be_said_where_it_is_not_the_listed(settings, admits):
    assert f"(if that is meant, set 'admits: {admits}')" in refusal(settings)
    assert rendered({**settings, "admits": admits})


def test_a_list_that_turns_out_to_be_empty_admits_nobody():
    settings = site(allow_from="/a.txt")
    assert "admits: nobody" in refusal(settings, {"/a.txt": b"# nobody yet\n"})


def test_rules_that_are_to_go_need_no_sites():
    assert _sites.settings({"state": "absent"}, PATH)["state"] == "absent"


def test_lists_have_comments_blank_lines_blanks_and_the_line_ends_of_dos():
    content = b"\xef\xbb\xbf# partners\r\n\r\n 10.0.0.1 # one\r\n10.0.0.0/24\n10.0.0.1"
    text = rendered(site(allow=["9.9.9.9"], allow_from=["/a.txt"]), {"/a.txt": content})
    assert "# a\n9.9.9.9:allow\n10.0.0.1:allow\n10.0.0.:allow\n" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"10.0.0.1\n\n# x\n10.0.0.300\n", " line 4: '10.0.0.300' is not an IPv4 address"),
        (b"10.0.0.1 10.0.0.2\n", " line 1: '10.0.0.1 10.0.0.2' is not an IPv4 address"),
        (b"10.0.0.1/24\n", " line 1: '10.0.0.1/24' has host bits set"),
        (b"\xff\xfe\n", " line 1: "),
        (b"10.0.0.1\n0.0.0.0/0\n", " line 2: 0.0.0.0/0 is everyone"),
    ],
)
def test_a_bad_line_of_a_list_is_named_with_its_file_and_number(content, message):
    files = {"/good.txt": b"9.9.9.9\n", "salt://a.txt": content}
    refused = refusal(site(allow_from=list(files)), files)
    assert refused.startswith(f"{PATH}:sites:a:allow_from: salt://a.txt{message}")


@pytest.mark.parametrize("verdicts", [("allow", "allow"), ("allow", "deny"), ("deny", "deny")])
def test_a_block_in_two_sites_is_an_error_that_names_both(verdicts):
    sites = {
        name: {verdict: ["10.0.0.0/24", f"9.9.9.{number}"]}
        for number, (name, verdict) in enumerate(zip(("acme", "lan"), verdicts, strict=True))
    }
    refused = refusal({"sites": {**sites, "z": {"allow": ["1.1.1.1"]}}})
    assert refused.startswith(f"{PATH}:sites: 10.0.0.0/24 stands in acme ({verdicts[0]})")
    assert f"and in lan ({verdicts[1]})" in refused


def test_a_block_that_a_site_both_allows_and_denies_is_an_error():
    assert "stands in a (deny) and in a (allow)" in refusal(
        site(allow=["10.0.0.1"], deny=["10.0.0.1/32"])
    )


def test_a_block_that_a_site_lists_twice_counts_once():
    assert rendered(site(allow=["10.0.0.1", "10.0.0.1"])).count("10.0.0.1:allow") == 1


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"allow": ["9.9.9.13"]}, ":expect:allow: 9.9.9.13 would get 9.9.9.13:deny of site acme"),
        ({"deny": ["9.9.9.9"]}, ':deny: 9.9.9.9 would get 9.9.9.:allow,SITE="acme" of site acme'),
        ({"allow": ["1.1.1.1"]}, ":expect:allow: 1.1.1.1 would get :deny of site default"),
    ],
)
def test_an_expectation_that_fails_names_the_address_the_rule_and_the_site(expect, message):
    refused = refusal({**PAGE, "expect": expect})
    assert message in refused
    assert refused.endswith("(the old rules stand)")


def test_the_outline_names_some_blocks_and_counts_the_others():
    sites = {"a": {"allow": [f"10.0.0.{n}" for n in range(13)] + ["9.9.9.0/24"]}}
    groups = _sites.groups(_sites.settings({"sites": sites}, PATH), {}, PATH)
    named = [f"10.0.0.{n}" for n in range(10)]
    assert _sites.outline(groups) == {"a": {"none -> allow": [*named, "and 4 more"]}}


networks = st.builds(
    lambda address, length: str(ipaddress.ip_network((address, length), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)


@given(st.lists(networks, min_size=1, max_size=20, unique=True), st.data())
def test_the_text_makes_as_many_records_as_foretold(blocks, data):
    denied = data.draw(st.integers(0, len(blocks) - 1))
    checked = _sites.settings(site(allow=blocks[denied:], deny=blocks[:denied]), PATH)
    groups = _sites.groups(checked, {}, PATH)
    text = _sites.text("ftp", groups, "deny", PATH)
    assert len(list(_rules.records(text))) == _sites.records(groups)
