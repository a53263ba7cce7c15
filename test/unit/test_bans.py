"""_bans: whom the packet filter bans, as nft tells it."""

import copy
import json
import pathlib

import _bans
import pytest
import yaml
from salt.exceptions import CommandExecutionError

# What `nft --json list table` prints, of nft 1.0.6, without its rules.
TABLE = {
    "nftables": [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "ip", "name": "ftpgw", "handle": 2}},
        {
            "set": {
                "family": "ip", "name": "newcomers-ftp", "table": "ftpgw", "type": "ipv4_addr",
                "elem": [{"elem": {"val": "9.9.9.9", "expires": 59, "limit": {"rate": 6}}}],
            }
        },
        {"set": {"family": "ip", "name": "banned-ftp-proxy", "table": "ftpgw", "timeout": 600}},
        {
            "set": {
                "family": "ip", "name": "banned-ftp", "table": "ftpgw", "timeout": 600,
                "elem": [
                    {"elem": {"val": "9.9.9.9", "expires": 599}},
                    {"elem": {"val": "9.9.9.8", "expires": 1}},
                ],
            }
        },
    ]
}  # fmt: skip


def printed(text):
    return ["printf", "%s", text]


def test_each_ban_has_its_rules_and_its_end():
    assert _bans.read(printed(json.dumps(TABLE))) == [
        {"address": "9.9.9.8", "rules": "ftp", "seconds": 1},
        {"address": "9.9.9.9", "rules": "ftp", "seconds": 599},
    ]


def test_those_who_ban_nobody_now_are_counted_too():
    """That it is 0 is known, and not the same as nothing."""
    assert _bans.counts(printed(json.dumps(TABLE))) == {"ftp": 2, "ftp-proxy": 0}


def test_who_is_banned_by_hand_is_told_of_too():
    """Without an end, or in a set of another kind: he must not hide those that are as ours."""
    table = copy.deepcopy(TABLE)
    prefix = {"prefix": {"addr": "1.2.3.0", "len": 24}}
    table["nftables"][-1]["set"]["elem"] += ["1.2.3.4", prefix, {"elem": {"val": prefix}}, 21]
    found = {ban["address"]: ban["seconds"] for ban in _bans.read(printed(json.dumps(table)))}
    assert (found["9.9.9.9"], found["1.2.3.4"], len(found)) == (599, None, 5)


def test_what_nobody_understands_is_one_line():
    with pytest.raises(CommandExecutionError, match=r"^printf printed what nobody understands$"):
        _bans.read(printed("table ip ftpgw"))


@pytest.mark.parametrize("command", [["false"], ["/no/such/nft"]])
def test_where_there_is_no_table_nobody_is_banned(command):
    assert _bans.read(command) == []
    assert _bans.counts(command) == {}


def test_a_filter_that_hangs_is_one_line(monkeypatch):
    monkeypatch.setattr(_bans, "PROGRAM", 0.1)
    with pytest.raises(CommandExecutionError, match=r"^sleep did not end within 0.1 s$"):
        _bans.read(["sleep", "9"])


def test_what_takes_a_ban_out_is_told_of_whom(tmp_path):
    """And what fails, for there is nothing to take out, is no reason to stop."""
    tell = ["sh", "-c", f'echo "$@" >> {tmp_path}/told; exit 1', "sh", "{rules}", "{ {address} }"]
    _bans.lift([tell, tell], {"address": "9.9.9.9", "rules": "ftp"})
    assert (tmp_path / "told").read_text() == "ftp { 9.9.9.9 }\n" * 2


def test_without_a_file_server_they_are_asked_for_as_the_platform_says():
    platform = pathlib.Path(__file__).parents[2] / "ftpgw/platforms/linux.yaml"
    [filter] = {
        json.dumps(row["settings"]["filter"]["bans"])
        for row in yaml.safe_load(platform.read_text())["Debian"]
        if "bans" in row.get("settings", {}).get("filter", {})
    }
    assert json.loads(filter) == _bans.COMMAND
