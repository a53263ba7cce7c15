"""What is wrong with a gateway is told at once, one line each, before anything is touched."""

import datetime
import json
import pathlib

import _gateway
import _layers
import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
HASH = "$6$salt$" + "a" * 86
NETWORK = {
    "ext_if": "xl0",
    "int_if": "xl1",
    "int_ip": "192.168.0.254",
    "int_net": "192.168.0.0/24",
}
NO_PROXY = {"ftp-proxy": {"state": "absent"}}
FTPD = {"tcpserver": {"address": 0, "port": "ftp"}, "command": ["/usr/sbin/ftpd"]}
SYSTEM = {"filter": {"ways": {"include": {}, "full": {}}}, "services": {}, "rules": {"ftp": {}}}


def problems(declared, system=SYSTEM):
    below = _layers.merged([_gateway.DEFAULTS, system])
    merged = _layers.with_pillar(below, declared if isinstance(declared, dict) else {})
    return _gateway.problems(declared, merged, lambda *_: [], "/var/multilog")


def with_services(**services):
    return {"services": {**services, **NO_PROXY}}


def test_every_setting_of_the_files_is_known():
    """What defaults.yaml and pillar.example say is declared."""
    used = set(yaml.safe_load((ROOT / "pillar.example").read_text())["ftpgw"])
    used |= set(yaml.safe_load((ROOT / "ftpgw/defaults.yaml").read_text()))
    assert used <= set(_gateway.SETTINGS)


def test_pillar_example_has_no_problem():
    assert problems(yaml.safe_load((ROOT / "pillar.example").read_text())["ftpgw"]) == []


def test_without_a_network_a_service_has_an_address_of_its_own():
    known = _gateway.known_texts({})
    assert known["network.int_ip"] == "127.0.0.1"
    assert known["network.int_net"] == "127.0.0.0/8"


def test_the_passive_ports_can_be_had_by_halves():
    """Each half has an end and a beginning of its own."""
    known = _gateway.known_texts({"network": {"passive_ports": [50000, 50003]}})
    names = ("first_port", "lower_port", "upper_port", "last_port")
    assert [known[f"network.{name}"] for name in names] == ["50000", "50001", "50002", "50003"]


SHAPES = [
    (None, "ftpgw: pillar has nothing for this gateway (see pillar.example, and whether top.sls"),
    ([], "ftpgw: expected a mapping of settings, got a list"),
    ([HASH], "ftpgw: expected a mapping of settings, got a list"),
    (HASH, "ftpgw: expected a mapping of settings, got text"),
    ({"servces": {}}, "ftpgw: unknown setting 'servces' (did you mean 'services'?)"),
    ({"servces": None}, "ftpgw: unknown setting 'servces' (did you mean 'services'?)"),
    ({"services": "x"}, "ftpgw:services: expected a mapping of names to settings, got text"),
    ({"rules": []}, "ftpgw:rules: expected a mapping of names to settings, got a list"),
    (
        {"accounts": [HASH]},
        "ftpgw:accounts: expected a mapping of accounts to settings, got a list",
    ),
    ({3: 4}, "ftpgw: unknown setting 3 (known: network, server, tls, accounts, "),
    ({HASH: 4}, "ftpgw: unknown setting a password hash (known: "),
    ({"shells": "/bin/sh"}, "ftpgw:shells: expected a list of lines of text, got text"),
    (
        {"packages": ["a", 3]},
        "ftpgw:packages: expected one line of text without control characters",
    ),
    ({"service_dir": 3}, "ftpgw:service_dir: expected an absolute path, got 3 (quote it)"),
    ({"pam": {"lines": None}}, "ftpgw:pam:lines: expected a list of lines of text, got nothing"),
    ({"daemontools": {"source": True}}, "ftpgw:daemontools:source: expected one line of text"),
    ({"daemontools": {"sorce": "a"}}, "ftpgw:daemontools: unknown setting 'sorce' (did you mean"),
    ({"firewall": False}, "ftpgw:firewall: expected settings such as manage: false, got false"),
    ({"firewall": {"manag": False}}, "ftpgw:firewall: unknown setting 'manag' (did you mean 'man"),
]


@pytest.mark.parametrize(("declared", "problem"), SHAPES)
def test_a_wrong_shape_is_one_line(declared, problem):
    if isinstance(declared, dict):
        declared = {"services": NO_PROXY, **declared}
    lines = [line for line in problems(declared) if not line.startswith("ftpgw:network: the FTP")]
    assert len(lines) == 1
    assert lines[0].startswith(problem)
    assert "$6$" not in lines[0]


@pytest.mark.parametrize("memory", [-1, True, "many", None])
def test_a_memory_that_makes_no_sense_is_too_small_for_no_hash(memory):
    """It is one mistake, and not one for each account as well."""
    services = {"open-ftpd": {"softlimit": {"memory": memory}}}
    assert _gateway.memory({"services": services}) is None


def test_what_salt_could_not_render_is_a_line_without_secrets():
    told = ["Rendering SLS 'a' failed.\nSee the log.", HASH]
    assert _gateway.broken(told) == [
        "ftpgw: pillar is not whole: Rendering SLS 'a' failed.; See the log."
    ]
    assert _gateway.broken(None) == []


def test_mistakes_everywhere_are_told_at_once():
    """Not those at the top first, and the others when these are mended."""
    declared = {
        "shels": [],
        "accounts": {"partner": {}},
        "services": {"open-ftpd": {"enabeld": True}},
        "network": {**NETWORK, "int_ip": "x"},
        "firewall": {"manage": "all"},
    }
    paths = [line.partition(" ")[0] for line in problems(declared)]
    assert paths == [
        "ftpgw:",
        "ftpgw:firewall:manage:",
        "ftpgw:accounts:partner:password:",
        "ftpgw:services:open-ftpd:",
        "ftpgw:network:int_ip:",
    ]


def test_an_empty_pillar_key_is_nothing():
    """`accounts:` with every line below it commented out is no mistake."""
    assert problems({"accounts": None, "rules": None, "services": NO_PROXY}) == []


def test_two_services_cannot_have_one_port():
    """The line names the second and the first, whatever the port is called."""
    twin = {**FTPD, "tcpserver": {"port": 21}}
    [line] = problems(with_services(one=FTPD, two=twin))
    assert line == "ftpgw:services:two:tcpserver: one listens on address 0 port 21 already"


def test_every_address_is_also_this_one():
    here = {**FTPD, "tcpserver": {"address": "192.168.0.254", "port": 21}}
    there = {**FTPD, "tcpserver": {"address": "10.0.0.1", "port": 21}}
    assert problems(with_services(one=here, two=there)) == []
    [line] = problems(with_services(one=here, two=FTPD))
    assert (
        line == "ftpgw:services:two:tcpserver: one listens on address 192.168.0.254 port 21 already"
    )


@pytest.mark.parametrize("state", ["down", "absent"])
def test_a_service_that_is_not_up_takes_no_port(state):
    """A declared but stopped twin is allowed."""
    assert problems(with_services(one=FTPD, two={**FTPD, "state": state})) == []


def test_two_services_cannot_have_one_log():
    """The second multilog never gets the lock of the first, and its service hangs."""
    log = {"directory": "/var/multilog/one"}
    other = {"command": ["/usr/bin/other"], "multilog": log}
    [line] = problems(with_services(one=FTPD, two=other))
    assert line == "ftpgw:services:two:multilog:directory: one logs to /var/multilog/one already"


def test_a_service_names_rules_that_exist():
    """tcpserver refuses everybody when its rules are missing."""
    ftpd = {**FTPD, "tcpserver": {"port": "ftp", "rules": "fpt"}}
    [line] = problems(with_services(one=ftpd))
    assert line.startswith("ftpgw:services:one:tcpserver:rules: there is no ftpgw:rules:fpt")
    assert "did you mean 'ftp'?" in line
    elsewhere = {**FTPD, "tcpserver": {"port": "ftp", "rules": "/elsewhere/ftp.cdb"}}
    assert problems(with_services(one=elsewhere)) == []


@pytest.mark.parametrize("state", ["absent", "down"])
def test_without_a_proxy_no_network_is_asked_for(state):
    """Nor how to manage a filter that nobody needs."""
    declared = {"services": {"ftp-proxy": {"state": state}}, "firewall": {"manage": "full"}}
    assert problems(declared, {"services": {}, "rules": {}}) == []


def test_a_filter_that_guards_the_own_server_is_needed_without_a_proxy_too():
    declared = {"services": NO_PROXY, "firewall": {"manage": "full"}}
    system = {**SYSTEM, "filter": {"ways": {"include": {}}, "guards": "/usr/sbin/ftpd"}}
    [line] = problems(declared, system)
    assert line == "ftpgw:firewall:manage: expected include or false on this system, got 'full'"


def test_with_a_proxy_all_of_the_network_is_asked_for():
    [line] = problems({})
    assert line.startswith("ftpgw:network: the FTP proxy needs ext_if, int_if, int_ip, int_net (")


@pytest.mark.parametrize("manage", ["include", "full", False])
def test_the_ways_of_a_filter_are_those_of_the_system(manage):
    """False is possible everywhere."""
    assert problems({"network": NETWORK, "firewall": {"manage": manage}}) == []


def test_a_way_that_the_system_does_not_have_is_refused():
    declared = {"network": NETWORK, "firewall": {"manage": "full"}}
    [line] = problems(declared, {**SYSTEM, "filter": {"ways": {"include": {}}}})
    expected = "expected include or false on this system, got 'full'"
    assert line == f"ftpgw:firewall:manage: {expected}"


@pytest.mark.parametrize("manage", ["ful", 0, None, True, ["include"], {"include": 1}])
def test_another_way_is_refused(manage):
    [line] = problems({"network": NETWORK, "firewall": {"manage": manage}})
    assert line.startswith("ftpgw:firewall:manage: expected include, full or false, got ")


def test_a_system_without_a_known_filter_has_one_way():
    """Somebody else sends the clients to the proxy."""
    bare = {"services": {}, "rules": {}}
    [line] = problems({"network": NETWORK}, bare)
    assert line == "ftpgw:firewall:manage: expected false on this system, got 'include'"
    assert problems({"network": NETWORK, "firewall": {"manage": False}}, bare) == []


def test_a_network_that_makes_no_sense_is_not_rendered():
    given = {"network": {"int_ip": "x", "proxy_port": 9000, "no": 1, "passive_ports": "all"}}
    usable = _gateway.usable_network(given)
    assert usable == {**_gateway.DEFAULTS["network"], "proxy_port": 9000}


@pytest.mark.parametrize("wrong", [None, [], "x", {"network": 3}])
def test_nor_is_what_is_no_network(wrong):
    assert _gateway.usable_network(wrong) == _gateway.DEFAULTS["network"]


SECRETS = {
    "accounts": {"partner": {"password": HASH}},
    "services": {"open-ftpd": {**FTPD, "envdir": {"TOKEN": "geheim"}}},
}


def test_nothing_secret_is_rendered():
    merged = _layers.with_pillar(_layers.merged([_gateway.DEFAULTS, SYSTEM]), SECRETS)
    rendered = _gateway.rendered(merged, [])
    assert "open-ftpd" in rendered["services"]
    assert "geheim" not in str(rendered)
    assert "$6$" not in str(rendered)


def test_a_day_is_rendered_as_it_was_typed():
    """YAML makes an object of it, which JSON does not know."""
    sites = {"guests": {"allow": ["9.9.9.9"], "allow_until": datetime.date(2027, 1, 31)}}
    merged = _layers.merged([_gateway.DEFAULTS, SYSTEM, {"rules": {"ftp": {"sites": sites}}}])
    rules = _gateway.rendered(merged, [])["rules"]
    assert json.loads(json.dumps(rules))["ftp"]["sites"]["guests"]["allow_until"] == "2027-01-31"


@pytest.mark.parametrize(
    ("change", "ports"),
    [
        ({}, {"own": 2121}),
        ({"state": "down"}, {}),
        ({"command": ["/usr/sbin/vsftpd"]}, {}),
    ],
    ids=str,
)
def test_the_filter_guards_the_ports_of_the_server_that_needs_it(change, ports):
    """Of one that is up, under tcpserver."""
    service = {"command": ["/usr/sbin/ftpd", "-l"], "tcpserver": {"port": 2121}}
    merged = _layers.merged([_gateway.DEFAULTS, SYSTEM])
    merged |= {
        "services": {"own": {**service, **change}, "other": {"run": "exec x"}},
        "filter": {"ways": {}, "guards": "/usr/sbin/ftpd"},
    }
    assert _gateway.rendered(merged, [])["guarded"] == ports
    assert _gateway.rendered({**merged, "filter": {"ways": {}}}, [])["guarded"] == {}


def test_where_something_is_wrong_no_service_and_no_rule_is_rendered():
    rendered = _gateway.rendered(_layers.merged([_gateway.DEFAULTS, SYSTEM]), ["ftpgw: wrong"])
    assert (rendered["services"], rendered["rules"]) == ({}, {})
    assert rendered["problems"] == ["ftpgw: wrong"]


TWO_SERVERS = {
    **SYSTEM,
    "server": "small",
    "servers": {
        "small": {"keeps": ["until"], "packages": ["small", "pam"]},
        "large": {
            "pam": {"file": "/etc/pam.d/large", "lines": ["auth required pam_x.so"]},
            "can": ["tls"],
            "keeps": ["from", "only", "sessions", "until"],
            "access": "/etc/large.access",
            "only": {"file": "/etc/large.users/{account}"},
            "packages": ["large", "pam"],
            "services": {"open-ftpd": {"command": ["/usr/sbin/large", "/etc/large"]}},
        },
    },
}
TLS = {"certificate": "/c", "key": "/k"}


class TestServer:
    """Which FTP server, and what it cannot do."""

    def said(self, server="large", **declared):
        declared = {"server": server, "services": NO_PROXY, **declared}
        return problems(declared, TWO_SERVERS)

    def test_one_that_the_system_has_is_good(self):
        assert self.said("small") == self.said("large") == self.said(tls=TLS) == []

    def test_any_other_is_refused_by_name(self):
        assert self.said("proftpd") == [
            "ftpgw:server: expected small or large on this system, got 'proftpd'"
        ]
        [line] = self.said(3)
        assert line.startswith("ftpgw:server: expected the name of an FTP server, such as vsftpd")

    def test_tls_is_refused_by_the_name_of_a_server_that_knows_none(self):
        assert self.said("small", tls=TLS) == ["ftpgw:tls: small knows no TLS (large does)"]

    @pytest.mark.parametrize(
        ("pam", "told"),
        [
            (
                {"lines": []},
                ["lines: needs some that begin with 'auth'", "lines: needs some that "],
            ),
            ({"lines": ["auth x", "session x"]}, ["lines: needs some that begin with 'account'"]),
            ({"lines": ["-auth x", "account x"], "file": "/etc/pam.d/large"}, []),
            ({"lines": ["@include common-auth"]}, []),
            ({"file": ""}, ["file: large asks /etc/pam.d/large, and else PAM lets in whoever has"]),
            ({"file": "/etc/pam.d/mine"}, ["file: large asks /etc/pam.d/large, and else"]),
        ],
    )
    def test_what_pam_is_not_told_it_does_not_ask_of_everybody(self, pam, told):
        """Where a file of PAM has no line of some kind, a person of the gateway could log in."""
        found = self.said(pam=pam)
        assert len(found) == len(told)
        for line, begin in zip(found, told, strict=True):
            assert line.startswith(f"ftpgw:pam:{begin}")
        assert self.said("small", pam=pam) == []

    @pytest.mark.parametrize("tls", [{}, {"required": True}, {"certificate": "/c"}, "x", 1, None])
    def test_half_of_tls_is_no_tls_and_refused(self, tls):
        assert self.said(tls=tls)[0].startswith("ftpgw:tls: ")

    def test_the_package_of_another_server_is_refused(self):
        [line] = self.said("small", packages=["large", "pam", "vim"])
        assert line.startswith("ftpgw:packages: large is not for the server small")

    def test_a_command_of_somebody_s_own_takes_tls_away(self):
        services = {**NO_PROXY, "open-ftpd": {**FTPD}}
        [line] = self.said(tls=TLS, services=services)
        assert line.startswith("ftpgw:services:open-ftpd:command: does not begin with /usr/sbin/la")
        assert self.said(services=services) == []
        services["open-ftpd"]["command"] = ["/usr/sbin/large", "/etc/large", "-ofine=YES"]
        assert self.said(tls=TLS, services=services) == []

    def limited(self, server="large", more=None, **limits):
        """Return what is said of an account with limits, and of one that is absent with them."""
        accounts = {"partner": {"password": HASH, **limits}, "gone": {"state": "absent", **limits}}
        ftpd = {**FTPD, "command": [f"/usr/sbin/{server}", f"/etc/{server}"]}
        ftpd["tcpserver"] = {**FTPD["tcpserver"], "rules": "ftp"}
        services = {**NO_PROXY, "open-ftpd": ftpd}
        sites = {"acme": {"allow": ["9.9.9.0/24"]}, "lan": {"allow": ["192.168.0.0/24"]}}
        rules = {"ftp": {"sites": sites}, "other": {"sites": {"theirs": sites["lan"]}}}
        declared = {"accounts": accounts, "services": services, "rules": rules, **(more or {})}
        return self.said(server, **declared)

    @pytest.mark.parametrize(
        ("limits", "told"),
        [
            ({"from": ["acme", "lan"]}, ["from: small cannot keep this (large can)"]),
            ({"only": "upload"}, ["only: small cannot keep this (large can)"]),
            ({"sessions": 2}, ["sessions: small cannot keep this (large can)"]),
            ({"until": "2027-03-31"}, []),
        ],
    )
    def test_what_a_server_cannot_keep_of_an_account_is_refused_by_name(self, limits, told):
        assert self.limited(**limits) == []
        assert self.limited("small", **limits) == [f"ftpgw:accounts:partner:{x}" for x in told]

    def test_a_site_must_be_one_of_the_rules_of_the_server(self):
        """Not of those of another service."""
        said = self.limited(**{"from": ["acne", "theirs", "lan"]})
        path = "ftpgw:accounts:partner:from: there is no ftpgw:rules:ftp:sites:"
        assert [line.partition(" (")[0] for line in said] == [f"{path}acne", f"{path}theirs"]
        assert said[0].endswith("(did you mean 'acme'?)")

    @pytest.mark.parametrize(
        "limits",
        [{"from": ["acme"]}, {"only": "upload"}, {"sessions": 2}, {"until": "2027-03-31"}],
    )
    def test_whoever_takes_another_command_or_pam_takes_the_limits_away(self, limits):
        [key] = limits
        more = {"services": {**NO_PROXY, "open-ftpd": FTPD}, "rules": {}}
        said = self.limited(more=more, **limits)
        assert said[0].startswith("ftpgw:services:open-ftpd:command: does not begin with ")
        assert f"ftpgw:accounts:partner:{key} with it" in said[0]
        said = self.limited(more={"pam": {"lines": ["auth x", "account x"]}}, **limits)
        told = (
            f"ftpgw:accounts:partner:{key}: ftpgw:pam may not ask for this (leave one of them out)"
        )
        assert said == ([] if key in ("only", "sessions") else [told])

    @pytest.mark.parametrize("key", ["command", "run"])
    def test_what_such_a_command_loses_is_told(self, key):
        given = {"services": {"open-ftpd": {key: ["/bin/x"] if key == "command" else "#!/bin/sh"}}}
        assert "only accounts of pillar log in" in _gateway.bypass(
            given, TWO_SERVERS["servers"]["large"]
        )
        assert not _gateway.bypass({"services": None}, {})


@pytest.mark.parametrize(
    ("declared", "facts"),
    [
        ({}, (False, True)),
        ({"tls": None}, (False, True)),
        ({"tls": {}}, (True, True)),
        ({"tls": {"required": False}}, (True, False)),
        ({"tls": {"required": "no"}}, (True, True)),
        ({"tls": "x"}, (True, True)),
    ],
)
def test_what_makes_no_sense_is_no_reason_to_do_without_tls(declared, facts):
    found = _gateway.facts(declared)
    assert (found["tls"], found["required"]) == facts
