"""ftpgw/map.jinja: the settings are worked out once in a run of states, and for that run alone."""

import pathlib

import pytest
from salt.utils.jinja import SaltCacheLoader

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def show(tmp_path, fresh_minion):
    """Show the states of a minion that is served this formula."""
    for name in ("_modules", "_states", "ftpgw"):
        (tmp_path / "srv" / name).symlink_to(ROOT / name)
    return fresh_minion.functions["state.show_low_sls"]


def test_each_run_has_settings_of_its_own(show):
    """Also where one process has many runs, as a minion without multiprocessing has."""
    for name in ("one", "two"):
        pillar = {"ftpgw": {"rules": {name: {}}}}
        low = show("ftpgw.rules", pillar=pillar)
        named = {chunk["name"] for chunk in low if chunk["state"] == "tcprules"}
        assert named == {"ftp", "ftp-proxy", name}


def test_the_settings_are_worked_out_once(show, monkeypatch):
    """However many state files ask for them."""
    asked, get_source = [], SaltCacheLoader.get_source

    def counted(loader, environment, template):
        asked.append(template)
        return get_source(loader, environment, template)

    monkeypatch.setattr(SaltCacheLoader, "get_source", counted)
    show("ftpgw")
    assert asked.count("ftpgw/map.jinja") > 5
    assert asked.count("ftpgw/settings.jinja") == 1


def test_rules_are_compiled_by_hand_where_they_are(show, fresh_minion):
    """Wherever `tcprules.dir` of the minion configuration says."""
    folder = fresh_minion.root / "tcprules"
    names = {chunk["name"] for chunk in show("ftpgw.rules") if chunk["state"] == "file"}
    assert names == {f"{folder}/Makefile"}
    gone = {chunk["name"] for chunk in show("ftpgw.clean") if chunk["state"] == "file"}
    assert {f"{folder}/Makefile", f"{folder}/.lock"} <= gone
    assert not any(name.startswith("/etc/tcprules") for name in gone)


ODD = [3, ["x"], "a: b", "' \" }", "- a", {"a": 1}]
PLACES = [
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
def test_whatever_is_typed_can_be_rendered(show, place):
    """So that it comes to be judged, in one line, by a state that is the first of all."""
    for value in ODD:
        pillar = value
        for key in reversed(place):
            pillar = {key: pillar}
        for sls in ("ftpgw", "ftpgw.clean"):
            low = show(sls, pillar={"ftpgw": pillar})
            states = [chunk["__id__"] if isinstance(chunk, dict) else chunk for chunk in low]
            assert "ftpgw settings make sense" in states[:2], (value, sls, states)
