"""The ways of running Salt that have no file of their own: each works at the first run."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest
import salt.version
from master import ROOTS, Master, well

REPOSITORY = pathlib.Path(__file__).parents[2]
SHIPPED = ("_modules", "_states", "ftpgw")
RELEASE = str(salt.version.__version_info__[0])
# `make test` prepares both beside each other.
SALTS = {"3006": sys.prefix.replace(RELEASE, "3006"), RELEASE: sys.prefix}
PATIENCE = 120


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    """Run git, which also reads a repository of somebody else."""
    home = tmp_path_factory.mktemp("home")
    own = "[safe]\n directory = *\n[user]\n name = test\n email = test@example.org\n"
    (home / ".gitconfig").write_text(own)
    environment = {**os.environ, "HOME": str(home)}

    def run(*arguments):
        words = ["git", "-c", "init.defaultBranch=main", *map(str, arguments)]
        subprocess.run(words, env=environment, check=True, capture_output=True)

    return run


@pytest.fixture(scope="module")
def repository(git, tmp_path_factory):
    """What would be pushed now, whose only branch is main."""
    folder = tmp_path_factory.mktemp("work") / "ftpgw"
    for name in SHIPPED:
        shutil.copytree(REPOSITORY / name, folder / name)
    git("init", "--quiet", folder)
    git("-C", folder, "add", ".")
    git("-C", folder, "commit", "--quiet", "-m", "as it is")
    bare = tmp_path_factory.mktemp("bare") / "ftpgw.git"
    git("clone", "--quiet", "--bare", folder, bare)
    return bare


@pytest.fixture(scope="module")
def master(gateway, repository, tmp_path_factory):
    """A master that has the formula by gitfs only."""
    backend = {"fileserver_backend": ["gitfs"], "gitfs_provider": "gitpython"}
    remotes = [{f"file://{repository}": [{"base": "main"}]}]
    folder = tmp_path_factory.mktemp("master")
    with Master(folder, gitfs_remotes=remotes, **backend).running() as made:
        yield made


@pytest.mark.parametrize("release", SALTS)
def test_a_minion_of_either_salt_has_all_by_gitfs_in_its_first_run(
    master, tmp_path_factory, release
):
    # A socket's path is short.
    name, folder = f"minion{release}", tmp_path_factory.mktemp("m")
    with master.minion(name, folder, SALTS[release]):
        end = time.monotonic() + PATIENCE
        while not master.knows(name):
            assert time.monotonic() < end, f"{name} does not answer"
        assert master.salt(name, "test.version").startswith(release)
        assert not list(folder.rglob("extmods/*/*.py"))
        assert "ftpgw service open-ftpd" in master.apply(name)
        assert master.salt(name, "tcprules.check", "ftp", "9.9.9.9")["verdict"] == "allow"


@pytest.mark.usefixtures("gateway")
def test_a_syndic_brings_it_from_the_master_above(tmp_path_factory):
    """Of 3006: that of later Salts does not start. It has the formula, and the runners."""
    above, below, own = (tmp_path_factory.mktemp("s") for _ in range(3))
    # Beside the master of this module.
    top = Master(above, "127.0.0.3", order_masters=True)
    with top.running():
        between = Master(below, "127.0.0.2", prefix=SALTS["3006"], syndic_master=top.address)
        with between.running(), between.syndic("between"), between.minion("gw1", own):
            end = time.monotonic() + 2 * PATIENCE
            ask = functools.partial(top.salt, "gw1", below=True)
            while ask("test.ping", timeout=5) is not True:
                assert time.monotonic() < end, "gw1 does not answer the master above"
            assert "ftpgw service open-ftpd" in well(ask("state.apply", "ftpgw"))
            assert ask("ftpgw.health")["services"].keys() == {"ftp-proxy", "open-ftpd"}
            for words in ("saltutil.sync_runners", "saltutil.sync_output", "ftpgw.status"):
                told = between.run(words)
    assert told.startswith("1 gateway: ")
    assert "  gw1  " in told
    assert "no answer" not in told


def test_gitfs_keeps_to_a_release_where_a_tag_is_named(git, tmp_path):
    folder = tmp_path / "work"
    git("init", "--quiet", folder)
    for name in ("released", "later"):
        (folder / name).touch()
        git("-C", folder, "add", ".")
        git("-C", folder, "commit", "--quiet", "-m", name)
        if name == "released":
            git("-C", folder, "tag", "v1.0.0")
    for base in ("v1.0.0", "main"):
        remotes = [{f"file://{folder}": [{"base": base}]}]
        (tmp_path / base / "proc").mkdir(parents=True)
        settings = {"cachedir": str(tmp_path / base), "gitfs_provider": "gitpython"}
        settings |= {"fileserver_backend": ["gitfs"], "gitfs_remotes": remotes}
        (tmp_path / "master").write_text(json.dumps(settings))
        ask = ["salt-run", "-c", tmp_path, "--out=json"]
        for words in ("fileserver.update", "fileserver.file_list"):
            done = subprocess.run([*ask, words], capture_output=True, text=True, check=True)
        there = {"v1.0.0": ["released"], "main": ["later", "released"]}
        assert sorted(json.loads(done.stdout)) == there[base]


@pytest.mark.usefixtures("gateway")
def test_a_package_of_spm_is_built_from_a_clone_and_installed(git, tmp_path):
    """It is half a megabyte, and a minion without a master has all in its first run."""
    git("clone", "--quiet", f"file://{REPOSITORY}", tmp_path / "clone")
    settings = {"formula": "salt", "pillar": "pillar", "reactor": "reactor"}
    own = {f"{name}_path": str(tmp_path / path) for name, path in settings.items()}
    own |= {"spm_build_dir": str(tmp_path / "built"), "spm_cache_dir": str(tmp_path / "cache")}
    own |= {"spm_db": str(tmp_path / "cache/packages.db"), "spm_logfile": str(tmp_path / "log")}
    (tmp_path / "spm").write_text(json.dumps({"root_dir": str(tmp_path), **own}))
    spm = ["spm", "-y", "-c", tmp_path]
    subprocess.run([*spm, "build", tmp_path / "clone"], check=True, capture_output=True)
    [package] = (tmp_path / "built").glob("ftpgw-*.spm")
    subprocess.run([*spm, "local", "install", package], check=True, capture_output=True)
    assert package.stat().st_size < 600_000
    minion = {"id": "gw1", "root_dir": str(tmp_path / "gw1"), "file_client": "local"}
    minion |= {**ROOTS, "file_roots": {"base": [str(tmp_path / "salt")]}}
    (tmp_path / "minion").write_text(json.dumps(minion))
    command = ["salt-call", "-c", tmp_path, "--out=json", "state.apply", "ftpgw"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert well(json.loads(done.stdout)["local"])
