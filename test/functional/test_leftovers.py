"""What pillar names no more is told of, or removed; what somebody else declares is neither."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]

LINGERER = {"command": ["/bin/sleep", "1000"], "multilog": False, "stable_for": 2}
RULES = {"sites": {"lan": {"allow": ["192.168.0.0/24"]}}}
NO_PROXY = {"ftp-proxy": {"state": "absent"}, "open-ftpd": {"state": "absent"}}


@pytest.fixture
def gateway(tmp_path, fresh_minion, monkeypatch):
    """A gateway that has made a service and rules, and then lost them from its pillar."""
    (tmp_path / "srv/ftpgw").symlink_to(ROOT / "ftpgw")
    scanned = fresh_minion.root / "service"
    scanned.mkdir()
    svscan = subprocess.Popen(["svscan", scanned], stderr=subprocess.DEVNULL)
    apply = fresh_minion.apply
    for name, path in (("lost", "ftpgw:services:lost"), ("theirs", None)):
        done = apply("daemontools.supervised", name=name, settings=LINGERER, path=path)
        assert done["result"], done["comment"]
    for name, path in (("lost-rules", "ftpgw:rules:lost-rules"), ("their-rules", None)):
        done = apply("tcprules.managed", name=name, settings=RULES, path=path)
        assert done["result"], done["comment"]
    pillar = {"ftpgw": {"services": NO_PROXY, "rules": {"ftp": {"admits": "nobody"}}}}
    for loader in (fresh_minion.functions, fresh_minion.states):
        monkeypatch.setitem(loader.pack, "__pillar__", pillar)
    yield fresh_minion
    svscan.kill()
    svscan.wait()
    for name in ("lost", "theirs"):
        apply("daemontools.absent", name=name)


def leftovers(minion):
    return minion.functions["ftpgw.leftovers"]()


def test_what_was_ours_is_listed(gateway):
    assert leftovers(gateway) == {"services": ["lost"], "rules": ["lost-rules"]}


def test_it_is_told_of_as_a_warning(gateway):
    done = gateway.apply("ftpgw.leftovers", name="x")
    assert (done["result"], done["changes"]) == (True, {})
    assert [line.partition(" any more")[0] for line in done["warnings"]] == [
        "ftpgw:services: does not name lost",
        "ftpgw:rules: does not name lost-rules",
    ]


def test_it_is_removed_where_pillar_says_so(gateway):
    foretold = gateway.apply("ftpgw.leftovers", test=True, name="x", remove=True)
    assert foretold["result"] is None
    assert set(foretold["changes"]) == {"services:lost", "rules:lost-rules"}
    assert leftovers(gateway)["services"] == ["lost"]
    done = gateway.apply("ftpgw.leftovers", name="x", remove=True)
    assert (done["result"], done["changes"]) == (True, foretold["changes"])
    assert leftovers(gateway) == {"services": [], "rules": []}
    again = gateway.apply("ftpgw.leftovers", name="x", remove=True)
    assert (again["result"], again["changes"]) == (True, {})
    assert gateway.functions["daemontools.available"]("theirs")
    assert (gateway.root / "tcprules/their-rules.cdb").exists()


def test_wrong_settings_make_nothing_a_leftover(gateway):
    """Or one mistake in pillar would take every service away."""
    pillar = gateway.functions.pack["__pillar__"]["ftpgw"]
    pillar["shels"] = []
    done = gateway.apply("ftpgw.leftovers", name="x", remove=True)
    assert done["result"] is False
    assert done["comment"].startswith("ftpgw: unknown setting 'shels'")
    assert gateway.functions["daemontools.available"]("lost")
