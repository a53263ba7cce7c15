"""Whatever is wrong with a pillar that holds secrets, none is shown: by Salt as it is typed."""

import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
HASH = "$6$" + "salt$" + "a" * 86
TOKEN = "geheim-geheim"
GIVEN = {"password": HASH}
SHAPES = {
    "a text": HASH,
    "a list": [HASH],
    "a key": {HASH: None},
    "not below accounts": {"partner": GIVEN},
    "accounts: a text": {"accounts": HASH},
    "accounts: a list": {"accounts": [{"partner": HASH}]},
    "an account: a text": {"accounts": {"partner": HASH}},
    "an account: a list": {"accounts": {"partner": [HASH]}},
    "an account: a name": {"accounts": {HASH: GIVEN}},
    "a service: a name": {"services": {HASH: {}}},
    "another setting": {"accounts": {"partner": {"pasword": HASH}}},
    "a key of an account": {"accounts": {"partner": {HASH: 1}}},
    "with a newline": {"accounts": {"partner": {"password": f"{HASH}\n"}}},
    "in a list": {"accounts": {"partner": {"password": [HASH]}}},
    "as a state": {"accounts": {"partner": {**GIVEN, "state": HASH}}},
    "as a quota": {"accounts": {"partner": {**GIVEN, "quota": HASH}}},
    "as a home": {"accounts": {"partner": {**GIVEN, "home": HASH}}},
    "in a home that is not apart": {"accounts": {"partner": {**GIVEN, "home": "/etc/x"}}},
    "of another's account": {"accounts": {"daemon": GIVEN}},
    "as another part": {"services": {"open-ftpd": {"command": [HASH]}}, "packages": HASH},
    "what sdb has, which is no hash": {"accounts": {"partner": {"password": "sdb://known/bad"}}},
    "an sdb that cannot be asked": {"accounts": {"partner": {"password": "sdb://broken/x"}}},
    "envdir: a text": {"services": {"open-ftpd": {"envdir": f"TOKEN={TOKEN}"}}},
    "envdir: a list": {"services": {"open-ftpd": {"envdir": [f"TOKEN={TOKEN}"]}}},
    "envdir: no name": {"services": {"open-ftpd": {"envdir": {"a=b": TOKEN}}}},
    "envdir: a list in it": {"services": {"open-ftpd": {"envdir": {"TOKEN": [TOKEN]}}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("minion")


@pytest.fixture(scope="module")
def salt_call(folder):
    """A masterless minion of its own, driven by the program that people type."""
    for name in ("_modules", "_states", "ftpgw"):
        (folder / "srv").mkdir(exist_ok=True)
        (folder / "srv" / name).symlink_to(ROOT / name)
    minion = {
        "id": "gw1",
        "root_dir": str(folder),
        "file_client": "local",
        "file_roots": {"base": [str(folder / "srv")]},
        "pillar_roots": {"base": [str(folder / "pillar")]},
        "log_file": str(folder / "log/minion"),
        "log_level_logfile": "debug",
        "known": {"driver": "yaml", "files": [str(folder / "pillar/sdb.yaml")]},
        "broken": {"driver": "yaml", "files": [str(folder / "pillar/none.yaml")]},
    }
    (folder / "minion").write_text(yaml.safe_dump(minion))
    (folder / "pillar").mkdir()
    (folder / "pillar/top.sls").write_text("base: {'*': [ftpgw]}")
    (folder / "pillar/sdb.yaml").write_text(yaml.safe_dump({"good": HASH, "bad": TOKEN}))

    def call(pillar, *words, typed=""):
        (folder / "pillar/ftpgw.sls").write_text(yaml.safe_dump({"ftpgw": pillar}))
        program = pathlib.Path(sys.executable).with_name("salt-call")
        options = ["--local", f"--config-dir={folder}", "--log-level=debug"]
        command = [program, *options, "--retcode-passthrough", *words]
        return subprocess.run(command, input=typed, capture_output=True, text=True, check=False)

    return call


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_is_wrong_no_secret_is_shown(salt_call, folder, shape):
    """Not in the output, not in what is logged for debugging, and not in a file of Salt's."""
    for test in (False, True) if shape == "accounts: a list" else (False,):
        done = salt_call(SHAPES[shape], "state.apply", "ftpgw", f"test={test}")
        assert done.returncode != 0 or test
        assert "ftpgw" in done.stdout
        assert "Traceback" not in done.stdout
        for secret in (HASH[:8], TOKEN):
            assert secret not in done.stdout + done.stderr
    nothing_is_kept(folder)


ASKED = {
    "ftpgw.accounts": ("SHA-512", 0),
    "ftpgw.plan_accounts": ("made with uid", 0),
    "ftpgw.problems": ("[]", 0),
    "ftpgw.password partner": ("False", 1),
    "ftpgw.password nobody": ("nobody: no account of this gateway", 1),
}


@pytest.fixture(scope="module")
def synced_call(salt_call):
    """The same once it has the modules: these tests have no run of states before them."""
    done = salt_call({}, "saltutil.sync_modules")
    assert done.returncode == 0, done.stderr
    return salt_call


@pytest.mark.parametrize("given", [HASH, "sdb://known/good"], ids=["pillar", "sdb"])
@pytest.mark.parametrize("asked", ASKED)
def test_what_is_told_of_accounts_has_no_secret(synced_call, folder, tmp_path, asked, given):
    """Neither a hash that is in force, nor a password that somebody types."""
    (tmp_path / "passwd").write_text(f"partner:{HASH}\n")
    pillar = {
        "accounts": {"partner": {"password": given}},
        "passwords": str(tmp_path / "passwd"),
        "services": {"ftp-proxy": {"state": "absent"}},
        "rules": {"ftp": {"admits": "nobody"}},
    }
    done = synced_call(pillar, "--out=json", *asked.split(), typed=f"{TOKEN}\n")
    told, status = ASKED[asked]
    assert told in re.sub(r"[ \n]+", " ", done.stdout + done.stderr).replace("[ ]", "[]")
    assert bool(done.returncode) is bool(status)
    for secret in (HASH[:8], TOKEN):
        assert secret not in done.stdout + done.stderr
    nothing_is_kept(folder)


def nothing_is_kept(folder):
    """Of a secret, in any file of Salt's."""
    made = [path for path in folder.rglob("*") if path.is_file() and not is_given(path)]
    assert folder / "log/minion" in made
    for secret in (HASH[:8], TOKEN):
        assert not [path for path in made if secret.encode() in path.read_bytes()]


def is_given(path):
    """Whether a file is the pillar itself."""
    return path.parent.name == "pillar" and path.name in ("ftpgw.sls", "sdb.yaml")
