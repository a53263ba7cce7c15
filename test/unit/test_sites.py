"""Rule sets as pillar declares them: what is refused and how, and what is written."""

import datetime
import ipaddress

import _check
import _rules
import _sites
import _version
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import SaltInvocationError

PATH = "ftpgw:rules:ftp"
LAN = {"lan": {"allow": ["192.168.0.0/24"]}}
ASCII = "".join(map(chr, range(33, 127)))
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
    checked = _sites.checked(settings, PATH)
    groups = _sites.groups(checked, lists or {}, PATH)
    return _sites.text("ftp", groups, checked["default"], PATH)


def refusal(settings, lists=None):
    with pytest.raises(SaltInvocationError) as refused:
        rendered(settings, lists)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def site(**settings):
    return {"sites": {"a": settings}}


def test_defaults_are_filled_in():
    assert _sites.checked({"sites": LAN}, PATH) == {
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


def test_one_file_is_a_list_of_one():
    checked = _sites.checked(site(allow_from="/a", deny_from=["/b", "salt://c"]), PATH)
    assert checked["sites"]["a"]["allow_from"] == ["/a"]
    assert checked["sites"]["a"]["deny_from"] == ["/b", "salt://c"]


def test_checked_settings_are_settings_too():
    checked = _sites.checked(PAGE, PATH)
    assert _sites.checked(checked, PATH) == checked


def test_the_text_reads_like_a_page():
    assert rendered(PAGE) == (
        "# Written by Salt from the settings of ftpgw:rules:ftp; change them there."
        f" (ftpgw {_version.VERSION})\n"
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
        (None, ": expected a mapping of settings, got nothing"),
        ("sites", ": expected a mapping of settings, got text"),
        ([], ": expected a mapping of settings, got a list"),
        ({"site": {}}, ": unknown setting 'site' (did you mean 'sites'?)"),
        ({1: {}}, ": unknown setting 1 (known: state, sites, default, revoke, admits, expect)"),
        ({"state": "up"}, ":state: expected present or absent, got 'up'"),
        ({"state": None}, ":state: expected present or absent, got nothing"),
        ({"default": True}, ":default: expected deny or allow, got true"),
        ({"default": ["deny"]}, ":default: expected deny or allow, got a list"),
        ({"admits": "all"}, ":admits: expected listed, everyone or nobody, got 'all'"),
        ({"sites": None}, ":sites: expected a mapping of names to sites, got nothing"),
        ({"sites": ["lan"]}, ":sites: expected a mapping of names to sites, got a list"),
        ({"sites": {"a": None}}, ":sites:a: expected a mapping of settings, got nothing"),
        ({"sites": {"a": "10.0.0.1"}}, ":sites:a: expected a mapping of settings, got text"),
        ({"sites": {"a": {}}}, ":sites:a: expected some of allow, deny, allow_from"),
        ({"sites": {"default": {}}}, ":sites: expected the name of a site"),
        ({"sites": {"a\n:allow": {}}}, "not 'default'), got 'a\\n:allow'"),
        ({"sites": {7: {}}}, "not 'default'), got 7 (quote it)"),
        (site(alow=[]), ":sites:a: unknown setting 'alow' (did you mean 'allow'?)"),
        (site(allow=None), ":sites:a:allow: expected a list of addresses, got nothing"),
        (site(allow="10.0.0.1"), ":sites:a:allow: expected a list of addresses, got text"),
        (site(allow={"10.0.0.1": None}), ":allow: expected a list of addresses, got a mapping"),
        (site(allow=[10.0]), ":sites:a:allow: expected text, got 10.0 (quote it)"),
        (site(allow=[None]), ":sites:a:allow: expected text, got nothing"),
        (site(allow=[True]), ":sites:a:allow: expected text, got true"),
        (site(allow=[""]), ":sites:a:allow: '' is not an IPv4 address"),
        (site(allow=["10.0.0.1\n"]), ":sites:a:allow: '10.0.0.1\\n' is not an IPv4 address"),
        (site(allow=["10.0.0.1/24"]), "(did you mean '10.0.0.0/24'?)"),
        (site(allow=["0.0.0.0/0"]), ":sites:a:allow: 0.0.0.0/0 is everyone"),
        (site(allow=["0.0.0.0-255.255.255.255"]), ":sites:a:allow: 0.0.0.0/0 is everyone"),
        (site(allow=["9.9.9.9", "::1"]), ":sites:a:allow: '::1' is IPv6, which the tcpserver of"),
        (
            site(allow_from=None),
            ":sites:a:allow_from: expected salt://... or the path of a file or a list of such files"
            ", got nothing",
        ),
        (site(allow_from=7), ":sites:a:allow_from: expected salt://... or the path"),
        (site(deny_from="x.txt"), " or a list of such files, got 'x.txt'"),
        (site(deny_from=["/x", "x.txt"]), ":deny_from: expected salt://... or the path of a file,"),
        (site(allow=["10.0.0.1"], env=[]), ":env: expected a mapping of variables to text, got"),
        (site(allow=["10.0.0.1"], env={"A=B": "c"}), "expected the name of a variable, got 'A=B'"),
        (site(allow=["10.0.0.1"], env={1: "c"}), "expected the name of a variable, got 1"),
        (site(allow=["10.0.0.1"], env={"A": 1}), ":sites:a:env:A: expected text without control"),
        (site(allow=["10.0.0.1"], env={"A": "b\nc"}), ":sites:a:env:A: expected text"),
        (site(allow=["10.0.0.1"], env={"A": "b\0c"}), ":sites:a:env:A: expected text"),
        (
            site(allow=["10.0.0.1"], env={"A": ASCII}),
            "that leaves one printable character to quote it",
        ),
        ({"sites": LAN, "expect": None}, ":expect: expected a mapping of settings, got nothing"),
        ({"sites": LAN, "expect": {"alow": []}}, ":expect: unknown setting 'alow'"),
        ({"sites": LAN, "expect": {"allow": "9.9.9.9"}}, ":expect:allow: expected a list"),
        ({"sites": LAN, "expect": {"deny": ["x"]}}, ":expect:deny: 'x' is not an IPv4 address"),
        (
            {"sites": LAN, "expect": {"deny": ["9.9.9.0/24"]}},
            ":expect:deny: '9.9.9.0/24' is not a single address",
        ),
        ({"sites": LAN, "expect": {"deny": ["::1"]}}, ":expect:deny: '::1' is IPv6, which"),
        (site(allow=["9" * 5000]), f"'{'9' * 37}...' is not an IPv4 address"),
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


def test_all_that_is_wrong_is_told_at_once():
    settings = {"stat": "up", "default": "x", "sites": {"a": {"alow": []}, "b": {"allow": [7]}}}
    assert [line.removeprefix(PATH).split(" ")[0] for line in _sites.problems(settings, PATH)] == [
        ":",
        ":sites:a:",
        ":sites:b:allow:",
        ":default:",
    ]


def test_where_the_shape_is_right_all_that_is_wrong_with_addresses_is_told_at_once():
    sites = {
        "a": {"allow": ["x", "10.0.0.0/24", "10.0.0.1/24"], "deny": ["y"]},
        "b": {"deny": ["10.0.0.0/24"]},
    }
    settings = {"sites": sites, "admits": "nobody", "expect": {"allow": ["z"]}}
    lines = [line.removeprefix(PATH) for line in _sites.problems(settings, PATH)]
    assert [line[: line.index(" ")] for line in lines] == [
        ":sites:a:deny:",
        ":sites:a:allow:",
        ":sites:a:allow:",
        ":expect:allow:",
        ":sites:",
        ":admits:",
    ]
    with pytest.raises(SaltInvocationError) as refused:
        _sites.checked(settings, PATH)
    assert str(refused.value) == "\n".join(_sites.problems(settings, PATH))


def test_of_many_wrong_addresses_some_are_told_and_the_others_counted():
    lines = _sites.problems(site(allow=[f"x{n}" for n in range(100_000)]), PATH)
    assert len(lines) == 11
    assert lines[-1] == f"{PATH}:sites:a:allow: and 99990 more"


def test_an_expectation_is_judged_before_a_file_is_read_if_none_can_change_it():
    settings = {"sites": {**LAN, "b": {"allow": ["9.9.9.9"]}}, "expect": {"allow": ["9.9.9.8"]}}
    [line] = _sites.problems(settings, PATH)
    assert line.startswith(f"{PATH}:expect:allow: 9.9.9.8 would get :deny")
    settings["sites"]["b"]["allow_from"] = "/more"
    assert _sites.problems(settings, PATH) == []


def test_every_setting_has_a_meaning():
    """The manual and the JSON Schema come from it."""
    properties = _sites.RULES.schema["properties"]
    site = properties["sites"]["additionalProperties"]["properties"]
    for name, setting in {**properties, **site}.items():
        assert setting["description"].endswith("."), name


def test_rules_that_are_to_go_need_no_sites():
    assert _sites.checked({"state": "absent"}, PATH)["state"] == "absent"


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
    groups = _sites.groups(_sites.checked({"sites": sites}, PATH), {}, PATH)
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
    checked = _sites.checked(site(allow=blocks[denied:], deny=blocks[:denied]), PATH)
    groups = _sites.groups(checked, {}, PATH)
    text = _sites.text("ftp", groups, "deny", PATH)
    assert len(list(_rules.records(text))) == _sites.records(groups)


TODAY = datetime.date(2027, 1, 31)
GUESTS = {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"], "allow_until": TODAY}


def on(day, **settings):
    """Settings as they are on a day."""
    read = _check.checked(_sites.RULES, settings, PATH)
    return _sites.in_time(read, datetime.date.fromisoformat(day))


def admitted(checked, address):
    groups = _sites.groups(checked, {}, PATH)
    return _sites._decide(groups, checked["default"], address)[0]


@pytest.mark.parametrize("day", [TODAY, "2027-01-31"], ids=["as YAML reads it", "in quotes"])
def test_a_list_holds_to_the_end_of_its_last_day(day):
    sites = {**LAN, "guests": {**GUESTS, "allow_until": day}}
    for today, verdict, endings in (
        ("2027-01-30", "allow", []),
        ("2027-01-31", "allow", []),
        (
            "2027-02-01",
            "deny",
            [
                f"{PATH}:sites:guests:allow_until: 2027-01-31 has passed:"
                " whom it names, guests lets in no more"
            ],
        ),
    ):
        checked = on(today, sites=sites)
        assert admitted(checked, "9.9.9.9") == verdict
        assert admitted(checked, "9.9.9.13") == "deny"
        assert admitted(checked, "192.168.0.7") == "allow"
        assert _sites.endings(checked, PATH) == endings


def test_each_list_of_a_site_has_a_last_day_of_its_own():
    site = {**GUESTS, "allow_until": "2027-12-31", "deny_until": "2027-01-31"}
    checked = on("2027-02-01", sites={"guests": site})
    assert admitted(checked, "9.9.9.13") == "allow"


def test_whoever_is_in_when_the_last_list_ends_is_out_the_day_after():
    """Nobody has to say that the rules admit nobody now, nor to take back what was expected."""
    for expect in (["9.9.9.9"], []):
        checked = on("2027-02-01", sites={"guests": GUESTS}, expect={"allow": expect})
        assert admitted(checked, "9.9.9.9") == "deny"
        assert _sites.expected(checked)["allow"] == []


def test_only_what_has_ended_excuses_an_address_that_is_expected():
    sites = {**LAN, "guests": GUESTS}
    checked = on("2027-02-01", sites=sites, expect={"allow": ["9.9.9.9", "192.168.1.1"]})
    assert _sites.expected(checked)["allow"] == ["192.168.1.1"]
    with pytest.raises(SaltInvocationError, match=r"expect:allow: 192\.168\.1\.1 would get :deny"):
        _sites.groups(checked, {}, PATH)


def test_of_a_file_that_has_ended_nothing_is_read():
    site = {"allow_from": "salt://guests.txt", "allow_until": TODAY}
    checked = on("2027-02-01", sites={**LAN, "guests": site}, expect={"allow": ["9.9.9.9"]})
    assert checked["sites"]["guests"]["allow_from"] == []
    assert admitted(checked, "9.9.9.9") == "deny"


def test_an_address_whose_denial_has_ended_is_not_let_in_against_what_is_expected():
    sites = {"guests": {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"], "deny_until": TODAY}}
    checked = on("2027-02-01", sites=sites, expect={"deny": ["9.9.9.13"]})
    with pytest.raises(SaltInvocationError, match="the old rules stand"):
        _sites.groups(checked, {}, PATH)


@pytest.mark.parametrize("day", ["2027-1-31", "tomorrow", 20270131, None, ["2027-01-31"], True])
def test_what_is_no_day_is_refused(day):
    line = refusal(site(allow=["9.9.9.9"], allow_until=day))
    assert line.startswith(f"{PATH}:sites:a:allow_until: expected a day such as 2027-01-31")
