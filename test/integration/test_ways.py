"""The ways of running Salt that have no file of their own: each works at the first run."""

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
SPM = "ftpgw-202611-1.spm"


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
def test_a_package_of_spm_is_built_from_a_clone_and_installed(git, tmp_path):
    """It is a few hundred kB, and a minion without a master has all in its first run."""
    git("clone", "--quiet", f"file://{REPOSITORY}", tmp_path / "clone")
    settings = {"formula": "salt", "pillar": "pillar", "reactor": "reactor"}
    own = {f"{name}_path": str(tmp_path / path) for name, path in settings.items()}
    own |= {"spm_build_dir": str(tmp_path / "built"), "spm_cache_dir": str(tmp_path / "cache")}
    own |= {"spm_db": str(tmp_path / "cache/packages.db"), "spm_logfile": str(tmp_path / "log")}
    (tmp_path / "spm").write_text(json.dumps({"root_dir": str(tmp_path), **own}))
    for words in (["build", tmp_path / "clone"], ["local", "install", tmp_path / "built" / SPM]):
        subprocess.run(["spm", "-y", "-c", tmp_path, *words], check=True, capture_output=True)
    assert (tmp_path / "built" / SPM).stat().st_size < 500_000
    minion = {"id": "gw1", "root_dir": str(tmp_path / "gw1"), "file_client": "local"}
    minion |= {**ROOTS, "file_roots": {"base": [str(tmp_path / "salt")]}}
    (tmp_path / "minion").write_text(json.dumps(minion))
    command = ["salt-call", "-c", tmp_path, "--out=json", "state.apply", "ftpgw"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert well(json.loads(done.stdout)["local"])
