"""Where Salt's extension for FreeBSD is installed, nothing of ours is mixed with it."""

import json
import os
import pathlib
import subprocess
import sys

import salt.version

EXTENSION = pathlib.Path(sys.prefix, "extension")
ASK = """
import json, sys, salt.config, salt.loader
opts = salt.config.minion_config(None)
opts.update(module_dirs=[sys.argv[1]], extension_modules=sys.argv[2], cachedir=sys.argv[2])
opts["grains"] = {**salt.loader.grains(opts), "kernel": "FreeBSD", "os": "FreeBSD"}
functions = salt.loader.minion_mods(opts)
files = {name: sys.modules[functions[name].__module__].__file__
         for name in functions if name.startswith("shadow.")}
print(json.dumps(files))
"""


def shadow(tmp_path, *paths):
    """Return which file each function of `shadow` comes from, with some paths for Python more."""
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", ASK, root, tmp_path],
        env={**os.environ, "PYTHONPATH": ":".join(map(str, paths))},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_extension_is_used_alone(tmp_path):
    assert EXTENSION.is_dir(), f"{EXTENSION} is not there (make lint makes it)"
    files = shadow(tmp_path, EXTENSION)
    assert "shadow.set_password" in files
    assert {path for path in files.values() if "bsdshadow" in path} == set()


def test_without_it_a_salt_that_has_none_gets_ours(tmp_path):
    """Salt 3006 and 3007 have one of their own."""
    files = shadow(tmp_path)
    own = "salt/modules" in files["shadow.info"]
    assert own == (int(salt.version.__version__.partition(".")[0]) < 3008)
    assert own or {pathlib.Path(path).stem for path in files.values()} == {"bsdshadow"}
