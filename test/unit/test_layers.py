"""Defaults, then what the system needs, then pillar: the last one decides."""

import _layers
import pytest
from hypothesis import given
from hypothesis import strategies as st

KNOWN = {"network.int_ip": "192.168.0.254", "network.first_port": "50000"}
PLATFORM = {
    "OpenBSD": [
        {"settings": {"is": "any"}},
        {"before": 4.7, "settings": {"is": "old"}},
        {"since": 4.7, "settings": {"is": "new"}},
        {"since": 4.7, "before": 5.0, "settings": {"is": "between"}},
        {"proxy": True, "settings": {"is": "with"}},
        {"proxy": False, "settings": {"is": "without"}},
    ]
}
trees = st.recursive(
    st.integers() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
)
mappings = st.dictionaries(st.sampled_from("abc"), trees)


def rows(release, proxied=True, family="OpenBSD"):
    system = {"os_family": family, "osrelease": release}
    return [row["is"] for row in _layers.rows(PLATFORM, system, {"proxy": proxied})]


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("3.8", ["any", "old", "with"]),
        ("4.7", ["any", "new", "between", "with"]),
        ("5.0", ["any", "new", "with"]),
        (12, ["any", "new", "with"]),
        ("testing", ["any", "new", "with"]),
    ],
)
def test_a_row_holds_for_its_releases(release, found):
    assert rows(release) == found


def test_a_row_holds_with_or_without_a_proxy():
    assert rows("5.0", proxied=False) == ["any", "new", "without"]


def test_a_system_that_is_not_known_has_no_rows():
    assert rows("9", family="Plan9") == []


def test_a_row_holds_where_all_of_its_conditions_do():
    file = {"Debian": [{"tls": True, "required": False, "settings": {"is": "optional"}}]}
    system = {"os_family": "Debian", "osrelease": "12"}
    for tls in (True, False):
        for required in (True, False):
            found = _layers.rows(file, system, {"tls": tls, "required": required})
            assert bool(found) == (tls and not required)


def test_packages_are_added_and_all_else_is_replaced():
    below, above = {"packages": ["a", "b"], "c": [1]}, {"packages": ["b", "d"], "c": [2]}
    assert _layers.added(below, above) == {"packages": ["a", "b", "d"], "c": [2]}


def test_mappings_are_merged_and_all_else_is_replaced():
    layers = [{"a": {"x": 1, "y": [1]}, "b": 1}, {"a": {"y": [2]}}, {"b": {"z": 3}}]
    assert _layers.merged(layers) == {"a": {"x": 1, "y": [2]}, "b": {"z": 3}}


@given(mappings, mappings)
def test_merging_leaves_its_layers_alone_and_changes_nothing_twice(one, two):
    before = repr([one, two])
    merged = _layers.merged([one, two])
    assert merged == _layers.merged([one, two, two]) == _layers.merged([merged])
    assert repr([one, two]) == before


def test_a_text_may_name_what_pillar_says_of_the_network():
    row = {"port": "{network.first_port}", "words": ["-b", "{network.int_ip}", "{file}"], "n": 1}
    assert _layers.filled(row, KNOWN) == {
        "port": "50000",
        "words": ["-b", "192.168.0.254", "{file}"],
        "n": 1,
    }


BELOW = {
    "packages": ["daemontools", "ftpd"],
    "shells": ["/sbin/nologin"],
    "services": {"ftpd": {"command": ["ftpd"], "softlimit": {"memory": 1}, "timeout": 9}},
}


def test_pillar_adds_to_the_packages():
    """Else whoever adds one would take daemontools away, without a word."""
    merged = _layers.with_pillar(BELOW, {"packages": ["ftpd", "vsftpd"]})
    assert merged["packages"] == ["daemontools", "ftpd", "vsftpd"]


def test_an_empty_key_of_pillar_is_nothing():
    """`services:` with every line below it commented out is no mistake."""
    assert _layers.with_pillar(BELOW, {"services": None, "shells": None}) == BELOW


def test_a_whole_run_takes_the_place_of_what_would_make_one():
    """Or it would be refused for a `command` that its author did not write."""
    merged = _layers.with_pillar(BELOW, {"services": {"ftpd": {"run": "#!/bin/sh\n"}}})
    assert merged["services"] == {"ftpd": {"run": "#!/bin/sh\n", "timeout": 9}}


@pytest.mark.parametrize("wrong", ["x", ["ftpd"], {"ftpd": "x"}, {"ftpd": ["run"]}])
def test_what_has_the_wrong_shape_is_still_there_to_be_refused(wrong):
    assert _layers.with_pillar(BELOW, {"services": wrong})["services"] == wrong
