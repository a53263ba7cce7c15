"""What Prometheus reads: its format to the letter, counters that go on, and what asks for them."""

import json
import os
import pathlib
import re

import _metrics
import pytest
import yaml

PROMETHEUS = pathlib.Path(__file__).parents[2] / "docs/prometheus"
SERVICE = {"state": "up", "seconds": 90, "clients": 2, "limit": 29, "log_size": 10, "log_free": 99}
KNOWN = {
    "problems": ["open-ftpd: down"],
    "services": {"open-ftpd": SERVICE, "x": dict.fromkeys(SERVICE)},
    "bans": {"ftp": 2, "ftp-proxy": 0},
    "digests": {"ftp": "1:ab"},
    "certificate": 2000000000,
    "run": None,
}
COUNTERS = {"starts": 3, "sites": {"acme": {"admitted": 5, "refused": 1}}}
MEMORY = {"until": 100, "services": {"open-ftpd": COUNTERS}}
# In the words of the specification: what a name, a label and its value may be.
_SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^\\"\n]|\\\\|\\"|\\n)*",?)*)\})?'
    r" (-?[0-9]+(?:\.[0-9]+)?)"
)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\.)*)"')


def parsed(text):
    """Return ``{(name, labels): number}``; fail where Prometheus would."""
    assert text.endswith("\n")
    found, kinds, family = {}, {}, None
    lines = text.splitlines()
    for position, line in enumerate(lines):
        if line.startswith("# HELP "):
            family = line.split()[2]
            # All lines of a metric are one group, which its type begins.
            assert family not in kinds
            assert lines[position + 1].startswith(f"# TYPE {family} ")
        elif line.startswith("# TYPE "):
            kinds[family] = line.split()[3]
            assert kinds[family] in ("counter", "gauge")
            assert family.endswith("_total") is (kinds[family] == "counter")
        else:
            name, labels, number = _SAMPLE.fullmatch(line).groups()
            assert name == family
            pairs = _LABEL.findall(labels or "")
            meant = {label: _unescaped(value) for label, value in pairs}
            key = name, tuple(sorted(meant.items()))
            assert key not in found
            found[key] = float(number)
    return found


def _unescaped(value):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value)


def test_what_is_known_is_there_and_what_is_not_is_left_out():
    found = parsed(_metrics.text(_metrics.samples(KNOWN, MEMORY)))
    ftpd = ("service", "open-ftpd")
    site = ("site", "acme")
    assert found == {
        ("ftpgw_problems", ()): 1,
        ("ftpgw_service_up", (ftpd,)): 1,
        ("ftpgw_service_up", (("service", "x"),)): 0,
        ("ftpgw_service_seconds", (ftpd,)): 90,
        ("ftpgw_service_sessions", (ftpd,)): 2,
        ("ftpgw_service_places", (ftpd,)): 29,
        ("ftpgw_service_starts_total", (ftpd,)): 3,
        ("ftpgw_connections_total", (ftpd, site, ("verdict", "admitted"))): 5,
        ("ftpgw_connections_total", (ftpd, site, ("verdict", "refused"))): 1,
        ("ftpgw_log_bytes", (ftpd,)): 10,
        ("ftpgw_log_free_bytes", (ftpd,)): 99,
        ("ftpgw_bans", (("rules", "ftp"),)): 2,
        ("ftpgw_bans", (("rules", "ftp-proxy"),)): 0,
        ("ftpgw_rules_info", (("digest", "1:ab"), ("rules", "ftp"))): 1,
        ("ftpgw_certificate_end_seconds", ()): 2000000000,
    }


@pytest.mark.parametrize("site", ['od"d\\na', "new\nline", "back\\slash", "é ü", "}", "a,b=c"])
def test_a_site_is_called_what_it_is_called(site):
    sample = ("ftpgw_connections_total", ("open-ftpd", site, "admitted"), 1)
    [(_, labels)] = parsed(_metrics.text([sample]))
    assert dict(labels)["site"] == site


class TestCounters:
    """They go on from look to look."""

    @pytest.fixture
    def look(self):
        """Look at a service whose log has one client and one start each second."""
        windows = []

        def count(name, since, until):
            windows.append((since, until))
            rows = {"acme": {"admitted": until - since, "refused": 0}} if until > since else {}
            return until - since, rows

        return lambda memory, now: (_metrics.counted(memory, ["ftp"], now, count), windows)

    def test_every_second_is_counted_once(self, look):
        memory = {}
        for now in (1000.9, 1060.1, 1061.0, 1200.5):
            memory, windows = look(memory, now)
        assert windows == [(998, 998), (998, 1058), (1058, 1059), (1059, 1198)]
        assert memory["services"]["ftp"]["starts"] == 200
        assert memory["services"]["ftp"]["sites"] == {"acme": {"admitted": 200, "refused": 0}}
        assert json.loads(json.dumps(memory)) == memory

    def test_a_clock_that_was_put_back_counts_nothing_twice(self, look):
        memory, windows = look({"until": 5000, "services": {}}, 1000)
        assert (memory["until"], windows) == (998, [(998, 998)])

    def test_a_service_that_is_gone_is_forgotten(self, look):
        memory, _ = look({"until": 0, "services": {"gone": COUNTERS}}, 1000)
        assert list(memory["services"]) == ["ftp"]


def test_a_digest_is_made_anew_only_of_new_rules(tmp_path):
    cdb, made = tmp_path / "ftp.cdb", []
    cdb.write_bytes(b"1")

    def digest(path):
        made.append(path)
        return f"1:{len(made)}"

    cdbs = [("ftp", str(cdb)), ("gone", str(tmp_path / "gone.cdb"))]
    first = _metrics.digests({}, cdbs, digest)
    assert _metrics.digests(json.loads(json.dumps(first)), cdbs, digest) == first
    assert list(first) == ["ftp"]
    cdb.write_bytes(b"2")
    newer = cdb.stat().st_mtime_ns + 1_000_000
    os.utime(cdb, ns=(newer, newer))
    assert _metrics.digests(first, cdbs, digest)["ftp"][1] == "1:2"
    assert made == [str(cdb)] * 2


def test_what_is_no_memory_is_none(tmp_path):
    file = tmp_path / "memory"
    assert _metrics.remembered(file) == {}
    file.write_text("{half")
    assert _metrics.remembered(file) == {}


class TestWhatAsks:
    """Alerts and the dashboard know nothing that a gateway does not tell."""

    def metrics(self, text):
        return set(re.findall(r"\bftpgw_\w+", text))

    def test_alerts_ask_for_what_there_is(self):
        rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
        asked = set().union(*(self.metrics(rule["expr"]) for rule in rules))
        assert asked <= _metrics.FAMILIES.keys()
        assert all(rule["annotations"]["what_to_do"] for rule in rules)
        # What is tried by hand with promtool is about these.
        tried = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"][0]
        names = {case["alertname"] for case in tried["alert_rule_test"]}
        assert names <= {rule["alert"] for rule in rules}

    def test_the_dashboard_asks_for_what_there_is_and_for_all_of_it(self):
        board = json.loads((PROMETHEUS / "grafana.json").read_text())
        asked = {target["expr"] for panel in board["panels"] for target in panel["targets"]}
        found = set().union(*map(self.metrics, asked))
        assert found == _metrics.FAMILIES.keys()
        places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
        assert len(set(places)) == len(places)

    def test_labels_are_those_of_the_metric(self):
        text = (PROMETHEUS / "alerts.yml").read_text() + (PROMETHEUS / "grafana.json").read_text()
        for name, labels in re.findall(r"\b(ftpgw_\w+)\{([^}]*)\}", text):
            asked = set(re.findall(r"(\w+)=", labels)) - {"instance"}
            assert asked <= set(_metrics.FAMILIES[name][2]), name
