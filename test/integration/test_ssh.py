"""salt-ssh, with a real sshd: a target that has nothing of Salt becomes a gateway."""

import json
import os
import pathlib
import subprocess
import sys

import gateway as gw
import pytest
from clients import LAN
from diversion import served_cut


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    """`salt-ssh gw1 ...` on a master whose target has other files, or none, at its own roots."""
    gw.apt_install("openssh-server")
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-p", "2222", "-o", "PidFile=none"])
    root = tmp_path_factory.mktemp("ssh")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "key"], check=True)
    keys = pathlib.Path("/root/.ssh/authorized_keys")
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    keys.write_text((root / "key.pub").read_text())
    roots = {"file_roots": {"base": ["/srv/salt"]}, "pillar_roots": {"base": ["/srv/pillar"]}}
    (root / "master").write_text(
        json.dumps({"root_dir": str(root), "roster_file": str(root / "roster"), **roots})
    )
    target = {
        "host": "127.0.0.1",
        "port": 2222,
        "user": "root",
        "priv": str(root / "key"),
        "set_path": f"{pathlib.Path(sys.executable).parent}:$PATH",
        "minion_opts": {"file_roots": {"base": [str(root / "nothing")]}},
    }
    (root / "roster").write_text(json.dumps({"gw1": target}))
    common = ["salt-ssh", "-c", root, "-i", "--ignore-host-keys", "--out=json", "gw1"]

    def run(*arguments, well=True):
        done = subprocess.run([*common, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == well, done.stdout + done.stderr
        return json.loads(done.stdout)["gw1"]

    yield run
    os.kill(daemon.pid, 15)
    daemon.wait()


def test_a_target_of_ssh_becomes_a_gateway(ssh):
    """With the modules and the settings that were sent, not with what its own roots hold."""
    states = ssh("state.apply", "ftpgw")
    assert [state["comment"] for state in states.values() if not state["result"]] == []
    assert LAN.greeting().startswith(b"220")
    assert ssh("tcprules.check", "ftp", "9.9.9.9")["verdict"] == "allow"


def test_a_second_run_by_ssh_changes_nothing(ssh):
    states = ssh("state.apply", "ftpgw")
    assert [name for name, state in states.items() if state["changes"]] == []


def test_health_by_ssh_knows_the_settings_of_the_last_run(ssh):
    """Which its own roots do not have."""
    gw.forget_starts()
    found = ssh("ftpgw.health")
    assert found["problems"] == []
    assert found["services"].keys() == {"ftp-proxy", "open-ftpd"}


@pytest.fixture
def cutting():
    """Rules that drop whatever comes from the address that ssh comes from."""
    with served_cut("input", "ip saddr 127.0.0.1"):
        yield "cut"


def test_rules_that_cut_ssh_come_back_and_ssh_says_so(ssh, cutting):
    (state,) = ssh("state.apply", cutting, well=False).values()
    assert "with these rules the ssh client at 127.0.0.1:22 does not answer" in state["comment"]
    show = ["nft", "list", "table", "ip", "cut"]
    assert subprocess.run(show, capture_output=True, check=False).returncode != 0
