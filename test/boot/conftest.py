"""Gateways that boot, each from a Debian on which nothing was installed: `make boot`."""

import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "sandbox"))

import gateway
import machine as boots
import master as masters
import outside


@pytest.fixture(scope="session", autouse=True)
def _in_the_box():
    if os.environ.get("BOX") != "1":
        pytest.exit("these tests change the machine they run on: use `make boot`", returncode=2)


@pytest.fixture(scope="session")
def networks(_in_the_box):
    """Two networks that outlive every gateway between them; returns the control group of all."""
    boots.bridges()
    with boots.control_groups() as group:
        yield group


@pytest.fixture(scope="session")
def servers(_in_the_box):
    """FTP servers outside."""
    gateway.apt_install("inetutils-ftpd", "rsyslog")
    gateway.person("partner", "salt and spirits")
    with outside.servers(("ftpd", "-l", "-a", "pam")):
        yield


@pytest.fixture(scope="session")
def master(networks, tmp_path_factory):
    """A master in the inside network."""
    folder = tmp_path_factory.mktemp("master")
    with masters.Master(folder, masters.LAN, "lan").running() as made:
        yield made


@contextlib.contextmanager
def booted(networks):
    """Boot a Debian that is no gateway yet, and throw it away."""
    made = boots.Machine(os.environ["ROOT"], networks)
    try:
        made.boot()
        yield made
    finally:
        made.destroy()


@pytest.fixture
def machine(networks):
    """A Debian for one test."""
    with booted(networks) as made:
        yield made


@pytest.fixture(scope="module")
def bare(networks):
    """A Debian for all tests of a file."""
    with booted(networks) as made:
        yield made


@pytest.fixture(scope="module")
def before(bare):
    """The packages that the machine had before it was a gateway."""
    return bare.packages()


@pytest.fixture(scope="module")
def gw(bare, before):
    """A gateway, right after it was made."""
    bare.apply()
    return bare
