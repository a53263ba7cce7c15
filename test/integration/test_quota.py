"""The quota of an account: real uploads, under a kernel that has quotas, on a loop file system."""

import json
import pathlib
import subprocess
import sys

import kernel
import pytest
import yaml
from printed import plain, shown

ROOT = pathlib.Path(__file__).parents[2]

FULL = "451 Failure writing to local file."
STORED = "226 Transfer complete."


@pytest.fixture(scope="module")
def facts(gateway, tmp_path_factory):
    """What test/sandbox/quotas.py found with the accounts and the server of this gateway."""
    folder = tmp_path_factory.mktemp("quota")
    disk, out = folder / "disk", folder / "out"
    with disk.open("wb") as file:
        file.truncate(64 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    subprocess.run(["tune2fs", "-O", "quota", "-Q", "usrquota", disk], check=True)
    server = yaml.safe_load((ROOT / "ftpgw/servers/inetutils.yaml").read_text())["Debian"][0]
    pam = server["settings"]["pam"]
    pathlib.Path(pam["file"]).write_text("".join(f"{line}\n" for line in pam["lines"]))
    [deb] = pathlib.Path(sys.prefix).parent.glob("debs/inetutils-ftpd_*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, "/opt/inetutils"], check=True)
    told = kernel.run(pathlib.Path(kernel.__file__).with_name("quotas.py"), disk, out, 300)
    pathlib.Path(pam["file"]).unlink()
    lines = out.read_text().splitlines()
    try:
        yield json.loads(lines[-1])
    except (IndexError, ValueError):
        pytest.fail(f"{told[-2000:]}\n{lines}")
    gateway.apply()


def test_it_is_foretold_and_then_kept(facts):
    assert (facts["foretold"], facts["touched"]) == ("2M instead of no limit", False)
    assert facts["done"] == facts["foretold"]
    assert facts["the same"] == "no change"


def test_an_upload_over_it_fails_for_its_client_alone(facts):
    """And nothing that was there is lost."""
    assert (facts["enough"], facts["too much"]) == (STORED, FULL)
    assert facts["too much, by inetutils"].startswith("452 ")
    assert (facts["the other"], facts["the other afterwards"]) == (STORED, STORED)
    assert facts["what was there"] == [True, True]


def test_how_much_is_used_is_told_by_the_file_system(facts):
    assert facts["used"] == {"limited": "2.0M of 2M", "other": "6.0M", "partner": "0"}


def test_another_one_holds_at_once(facts):
    assert (facts["raised"], facts["enough by then"]) == ("20M instead of 2M", STORED)
    assert facts["as much as there is"] == ["no limit instead of 20M", STORED]
    assert facts["less than there is"] == ["1M instead of no limit", FULL]


def test_a_number_that_an_account_had_is_held_to_nothing(facts):
    """It may be somebody else's some day."""
    old, _, new = facts["another number"].partition("; ")
    assert old.startswith("no limit instead of 20M for uid ")
    assert new == "20M instead of no limit for uid 2345 at /home/limited"
    assert facts["another number, again"] == "no change"


def test_clean_leaves_none(facts):
    assert facts["clean"] == {"account": "removed", "quota": "no limit instead of 1M"}
    assert facts["after clean"] == "no change"


def test_what_cannot_be_kept_is_one_line(facts):
    """Of two accounts with one number, and where the file system only counts."""
    path = "ftpgw:accounts:limited:quota: "
    assert facts["of two"].startswith(f"{path}double has uid 2345 as well")
    told = f"{path}the file system at /home holds nobody to a quota (mount it with usrquota"
    assert facts["counted, and not kept"].startswith(told)
    assert facts["problems"] == [facts["counted, and not kept"]]


def test_a_file_system_without_quotas_is_told_of_by_name(gateway, mistaken):
    """Of this very kernel: nothing is touched."""
    with mistaken() as ftpgw:
        ftpgw["accounts"]["partner"]["quota"] = "2G"
    states = gateway.apply(check=False)
    [comment] = [state["comment"] for state in states.values() if state["result"] is False]
    assert plain(comment) == shown("docs/accounts.md", "ftpgw:accounts:partner:quota")
    assert not gateway.changed(states)
