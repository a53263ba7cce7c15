"""Settings are worked out once in a run of states, and for that run alone."""

import datetime
import pathlib

import _layers
import pytest
import salt.utils.dictupdate
import yaml
from printed import plain, shown
from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.utils.jinja import SaltCacheLoader

ROOT = pathlib.Path(__file__).parents[2]
HASH = "$6$salt$" + "a" * 86
TOKEN = "geheim-geheim"


@pytest.fixture
def served(tmp_path, fresh_minion):
    """A minion that is served this formula."""
    for name in ("_modules", "_states", "ftpgw"):
        (tmp_path / "srv" / name).symlink_to(ROOT / name)
    return fresh_minion.functions


@pytest.fixture
def show(served):
    """Show the states of that minion."""
    return served["state.show_low_sls"]


def test_each_run_has_settings_of_its_own(show):
    """Also where one process has many runs, as a minion without multiprocessing has."""
    for name in ("one", "two"):
        rules = {name: {"admits": "nobody"}, "ftp": {"admits": "nobody"}}
        pillar = {"ftpgw": {"rules": rules, "services": NO_PROXY}}
        low = show("ftpgw.rules", pillar=pillar)
        named = {chunk["name"] for chunk in low if chunk["state"] == "tcprules"}
        assert named == {"ftp", "ftp-proxy", name}


def test_the_settings_are_worked_out_once(served, show, monkeypatch):
    """However many state files ask for them."""
    for kind in ("modules", "states"):
        served[f"saltutil.sync_{kind}"]("base", refresh=False)
    asked, with_pillar = [], _layers.with_pillar

    def counted(*arguments):
        asked.append(arguments)
        return with_pillar(*arguments)

    monkeypatch.setattr(_layers, "with_pillar", counted)
    low = show("ftpgw", pillar=GOOD)
    assert len({chunk["__sls__"] for chunk in low}) > 5
    assert len(asked) == 1


def test_only_a_minion_without_the_modules_compiles_how_they_come(served, show, monkeypatch):
    """A template is compiled anew for each state file; and they all begin alike."""
    served["saltutil.sync_modules"]("base", refresh=False)
    compiled, get_source = [], SaltCacheLoader.get_source

    def told(self, environment, template):
        compiled.append(template)
        return get_source(self, environment, template)

    monkeypatch.setattr(SaltCacheLoader, "get_source", told)
    assert show("ftpgw", pillar=GOOD)
    assert "ftpgw/files/nftables.jinja" in compiled
    assert "ftpgw/map.jinja" not in compiled
    texts = [path.read_text() for path in (ROOT / "ftpgw").glob("*.sls")]
    heads = {
        text[text.index("{%- if") :].partition("{% endif %}")[0]
        for text in texts
        if "map.jinja" in text
    }
    assert len(heads) == 1


NO_PROXY = {"ftp-proxy": {"state": "absent"}}
GOOD = {
    "ftpgw": {
        "rules": {"ftp": {"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}},
        "services": {**NO_PROXY, "open-ftpd": {"envdir": {"TOKEN": TOKEN}}},
        "accounts": {"partner": {"password": HASH}},
    }
}


def test_nothing_secret_is_rendered(show, served):
    """Not in what the states are, nor in what the function behind them answers."""
    low = show("ftpgw", pillar=GOOD)
    assert [chunk for chunk in low if chunk["name"] == "open-ftpd"]
    for answer in (low, served["ftpgw.settings"]()):
        assert TOKEN not in str(answer)
        assert HASH not in str(answer)


def test_a_part_of_the_settings_can_be_asked_for(served):
    assert served["ftpgw.settings"]("network", "proxy_port") == 8021
    for wrong, hint in ((["netwrok"], "mean 'network'"), (["server", "vsftpd"], "known: nothing")):
        with pytest.raises(SaltInvocationError, match=hint):
            served["ftpgw.settings"](*wrong)


def test_what_they_say_is_no_asterisks(minion, tmp_path):
    """A pillar from a master is one that Salt 3008 does not show, nor any part of it."""
    secret = pytest.importorskip("salt.utils.secret")
    asked = type(minion)(tmp_path, pillar=secret.hide(GOOD)).functions
    told = asked["ftpgw.settings"]("rules", "ftp")
    assert told["sites"] == {"lan": {"allow": ["192.168.0.0/24"]}}
    assert secret.mask_output(told) == told


@pytest.mark.parametrize("rest", [{}, {"ftpgw": {"accounts": {"partner": {}}}}])
def test_a_pillar_that_is_not_whole_is_told_as_such(minion, tmp_path, rest):
    """Not as one that is empty, or that does not have what the rest of it would bring."""
    told = "Rendering SLS 'secrets' failed. Please see master log for details."
    here = type(minion)(tmp_path, pillar={**rest, "_errors": [told]})
    line = f"ftpgw: pillar is not whole: {told}"
    assert here.functions["ftpgw.problems"]() == [line]
    assert here.functions["ftpgw.health"](greeting=False)["problems"][0] == line
    assert here.functions["ftpgw.settings"]("services") == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a" * 201, "ftpgw:rules: expected a name for rules (at most 200 letters"),
        ("held", "ftpgw:rules:held: "),
        ("list", "ftpgw:rules:list: /proc/self/mem: Input/output error"),
    ],
)
def test_rules_that_cannot_be_read_are_a_line(minion, tmp_path, name, told):
    """The name of a file has an end, and a disk may be broken."""
    (tmp_path / "tcprules/.past/held/held").mkdir(parents=True)
    sites = {"sites": {"a": {"allow_from": "/proc/self/mem"}}}
    rules = {"ftp": {"admits": "nobody"}, name: sites if name == "list" else {"admits": "nobody"}}
    here = type(minion)(tmp_path, pillar={"ftpgw": {"rules": rules, "services": NO_PROXY}})
    [line] = here.functions["ftpgw.problems"]()
    assert line.startswith(told)


def test_of_wrong_settings_only_what_is_wrong_is_shown(show):
    """With test=True nothing else is foretold."""
    low = show("ftpgw", pillar={"ftpgw": {"services": {"open-ftpd": {"enabeld": True}}}})
    assert [chunk["__id__"] for chunk in low if chunk["fun"] != "nop"] == [
        "ftpgw settings make sense"
    ]


class TestPillarFile:
    """A repository of pillar judges its files anywhere."""

    @pytest.fixture
    def judge(self, tmp_path, served):
        def judge(text, **system):
            (tmp_path / "gw1.sls").write_text(text)
            return served["ftpgw.problems"](pillar=str(tmp_path / "gw1.sls"), **system)

        return judge

    @pytest.mark.parametrize("text", ["", "gw1", "- ftpgw", "other: {}"])
    def test_a_file_without_a_gateway_is_none(self, judge, text):
        [line] = judge(text, system="Debian 12")
        assert line.startswith("ftpgw: pillar has nothing for this gateway")

    def test_a_file_that_is_not_there_is_said_so(self, served):
        with pytest.raises(CommandExecutionError, match=r"none\.sls: there is no such file"):
            served["ftpgw.problems"](pillar="/srv/pillar/none.sls")

    @pytest.mark.parametrize("broken", ["x: [", "x: {{ none.x }}", "x: {% if %}", 'x: "\\q"'])
    def test_of_a_file_that_is_broken_only_the_line_is_told(self, judge, caplog, broken):
        """Salt's own error has what stands around it, and so does what it logs."""
        with pytest.raises(
            CommandExecutionError, match=r"gw1\.sls: cannot be rendered \(line"
        ) as told:
            judge(f"ftpgw:\n  y: {{password: {HASH}}}\n  {broken}\n", system="Debian 12")
        assert HASH not in f"{told.value} {told.value.__cause__} {caplog.text}"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (b"x: \xff\n", r"gw1\.sls: cannot be rendered \(UnicodeDecodeError\)"),
            (b"x: &a {y: *a}\n", r"gw1\.sls: cannot be rendered \(RecursionError\)"),
        ],
    )
    def test_what_is_no_text_or_has_no_end_is_said_so(self, served, tmp_path, text, told):
        (tmp_path / "gw1.sls").write_bytes(text)
        with pytest.raises(CommandExecutionError, match=told):
            served["ftpgw.problems"](pillar=str(tmp_path / "gw1.sls"), system="Debian 12")

    @pytest.mark.parametrize("system", ["debian 12", "Windows 10", "12", ""])
    def test_a_system_that_nobody_knows_is_not_judged_by(self, judge, system):
        with pytest.raises(SaltInvocationError, match=r"^system: expected one such as 'Debian"):
            judge((ROOT / "pillar.example").read_text(), system=system)

    def test_the_example_is_good_everywhere(self, judge):
        text = (ROOT / "pillar.example").read_text()
        for system in ("Debian 12", "FreeBSD 14.1"):
            assert judge(text, system=system) == []

    @pytest.mark.parametrize("system", ["Debian 12", "FreeBSD 14.1"])
    def test_a_quota_is_for_a_system_that_can_keep_it(self, judge, system):
        """Whatever the server is; which file systems there are, is not asked of a file."""
        pillar = yaml.safe_load((ROOT / "pillar.example").read_text())
        pillar["ftpgw"]["accounts"]["partner"]["quota"] = "2G"
        path = "ftpgw:accounts:partner:quota"
        told = [f"{path}: this system cannot keep this (Debian can)"] if "BSD" in system else []
        assert judge(yaml.safe_dump(pillar), system=system) == told
        service = {"command": ["/usr/sbin/another-ftpd"]}
        pillar["ftpgw"]["services"] = {"open-ftpd": service}
        [line] = judge(yaml.safe_dump(pillar), system=system)
        assert path in line

    def test_all_that_is_wrong_is_told(self, judge):
        pillar = yaml.safe_load((ROOT / "pillar.example").read_text())
        pillar["ftpgw"]["network"]["int_ip"] = "10.0.0.1"
        pillar["ftpgw"]["rules"]["ftp"]["expect"]["allow"].append("198.51.100.8")
        lines = judge(yaml.safe_dump(pillar), system="Debian 12")
        assert [line.partition(" ")[0] for line in lines] == [
            "ftpgw:rules:ftp:expect:allow:",
            "ftpgw:network:int_ip:",
        ]

    @pytest.mark.parametrize(
        ("pillar", "told"),
        [
            (
                {"services": {"open-ftpd": {"enabeld": True}}},
                shown("README.md", "ftpgw:services:open-ftpd"),
            ),
            (
                {"rules": {"ftp": {"site": {}, "sites": {"acme": {"allow": "9.9.9.9"}}}}},
                shown("docs/rules.md", "ftpgw:rules:ftp"),
            ),
            (
                {"server": "inetutils", "accounts": {"partner": {"from": ["acme"]}}},
                shown("docs/accounts.md", "ftpgw:accounts:partner:from"),
            ),
        ],
    )
    def test_mistakes_are_told_as_the_pages_have_them(self, judge, pillar, told):
        example = yaml.safe_load((ROOT / "pillar.example").read_text())
        merged = salt.utils.dictupdate.merge(example, {"ftpgw": pillar})
        lines = judge(yaml.safe_dump(merged), system="Debian 12")
        assert plain("\n".join(lines)) == told

    def test_a_template_is_rendered(self, judge):
        text = """
            {%- set known = 1 %}
            ftpgw:
              services: {ftp-proxy: {state: absent}}
              rules: {ftp: {admits: nobody}}
              shels: {{ known }}
        """
        [line] = judge(text, system="Debian 12")
        assert line.startswith("ftpgw: unknown setting 'shels'")


def test_rules_are_compiled_by_hand_where_they_are(show, fresh_minion):
    """Wherever `tcprules.dir` of the minion configuration says."""
    folder = fresh_minion.root / "tcprules"
    names = {chunk["name"] for chunk in show("ftpgw.rules") if chunk["state"] == "file"}
    assert names == {f"{folder}/Makefile"}
    gone = {chunk["name"] for chunk in show("ftpgw.clean") if chunk["state"] == "file"}
    assert {f"{folder}/Makefile", f"{folder}/.lock"} <= gone
    assert not any(name.startswith("/etc/tcprules") for name in gone)


ODD = [3, ["x"], "a: b", "' \" }", "- a", {"a": 1}, [{"a": 1}], {datetime.date(2027, 1, 31): 1}]
PLACES = [
    ("server",),
    ("service_dir",),
    ("nologin",),
    ("packages",),
    ("shells",),
    ("pam", "file"),
    ("network", "int_if"),
    ("network", "passive_ports"),
    ("network", 3),
    ("firewall", "manage"),
    ("services", "ftp-proxy", "state"),
    ("rules", "ftp", "sites"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ":".join(map(str, place)))
def test_whatever_is_typed_can_be_rendered(show, place, tmp_path, monkeypatch):
    """So that it comes to be judged, in one line, by a state that is the first of all."""
    # What clean would take along is asked of apt at each rendering, and is none of this.
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for value in ODD:
        pillar = value
        for key in reversed(place):
            pillar = {key: pillar}
        for sls in ("ftpgw", "ftpgw.clean"):
            low = show(sls, pillar={"ftpgw": pillar})
            states = [chunk["__id__"] if isinstance(chunk, dict) else chunk for chunk in low]
            assert "ftpgw settings make sense" in states[:2], (value, sls, states)
