"""One gateway for all of these tests: the sandbox's, built from pillar.example."""

import logging
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "sandbox"))

import gateway as gw
import knocks

PILLAR = gw.PILLAR


@pytest.fixture(scope="session", autouse=True)
def _in_the_box():
    if os.environ.get("BOX") != "1":
        pytest.exit("these tests change the machine they run on: use `make test`", returncode=2)


@pytest.fixture(scope="session")
def gateway():
    """A gateway that serves, and what its clients were told while it was built."""
    gw.person(*knocks.PERSON)
    with knocks.knocking() as gw.knocks:
        gw.apply()
    subprocess.run(["userdel", "--remove", knocks.PERSON[0]], check=True, capture_output=True)
    return gw


@pytest.fixture
def mistaken(gateway):
    """A pillar to edit that no gateway becomes; afterwards it is what it was."""
    before = PILLAR.read_text()
    yield gateway.pillar
    PILLAR.write_text(before)


@pytest.fixture
def pillar(gateway):
    """The pillar to edit; afterwards it is what it was, and the gateway as well."""
    before = PILLAR.read_text()
    yield gateway.pillar
    PILLAR.write_text(before)
    gateway.apply()


def pytest_sessionfinish():
    """Daemons that are ending still send their log lines, when pytest has closed its own."""
    logging.raiseExceptions = False
