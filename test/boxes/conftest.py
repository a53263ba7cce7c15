"""Tests that need a box of their own; they come before those that change the common one."""

import json
import pathlib
import subprocess
import sys

import pytest

SANDBOX = pathlib.Path(__file__).parents[1] / "sandbox"


@pytest.fixture(scope="session")
def in_a_box():
    """Run a script of the sandbox in a new box, and return what it prints as JSON."""
    assert not pathlib.Path("/etc/ftpchroot").exists(), "this machine is a gateway already"

    def run(script, *arguments):
        box = [sys.executable, SANDBOX / "box.py", sys.executable, SANDBOX / script, *arguments]
        done = subprocess.run(box, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
