"""The real Salt loader on this repository, as a masterless minion has it."""

import contextlib
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import _supervise
import pytest
import salt._logging
import salt.config
import salt.loader

REPOSITORY = Path(__file__).resolve().parents[2]
# In seconds; whoever needs them has a machine with much else to do.
PATIENCE = 60

# A shell that starts tests in the background has all of them ignore INT, which no trap changes.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Otherwise Salt keeps what is logged, to tell it when there is nobody left to hear.
salt._logging.shutdown_temp_handler()
logging.getLogger("salt").setLevel(logging.WARNING)


class Minion:
    """A masterless minion whose files all stand below one directory."""

    def __init__(self, root, **more):
        self.root = root
        opts = salt.config.minion_config(None)
        opts.update(
            {
                "cachedir": str(root / "cache"),
                "daemontools.definition_dir": str(root / "svc.d"),
                "daemontools.log_dir": str(root / "multilog"),
                "daemontools.service_dir": str(root / "service"),
                "file_client": "local",
                "file_roots": {"base": [str(REPOSITORY), str(root)]},
                "fileserver_list_cache_time": 0,
                "id": "gw1",
                "module_dirs": [str(REPOSITORY)],
                "pillar_roots": {"base": []},
                "root_dir": str(root),
                "tcprules.dir": str(root / "tcprules"),
                **more,
            }
        )
        opts["grains"] = salt.loader.grains(opts)
        context, utils = {}, salt.loader.utils(opts)
        self.functions = salt.loader.minion_mods(opts, context=context, utils=utils)
        self.states = salt.loader.states(opts, self.functions, {}, None, context=context)

    def apply(self, state, test=False, **arguments):
        """Run one state function, with ``test=True`` where asked for."""
        self.states.opts["test"] = test
        return self.states[state](**arguments)


@pytest.fixture(scope="session")
def minion(tmp_path_factory):
    return Minion(tmp_path_factory.mktemp("minion"))


@pytest.fixture
def fresh_minion(tmp_path):
    """A minion that has synced nothing; what it is served is up to the test."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("_")}
    (tmp_path / "minion").mkdir()
    (tmp_path / "srv").mkdir()
    extmods = str(tmp_path / "minion/cache/extmods")
    roots = {"base": [str(tmp_path / "srv")]}
    yield Minion(tmp_path / "minion", file_roots=roots, extension_modules=extmods)
    # Where it syncs, it has this process forget what other tests have imported.
    sys.modules.update(before)


@pytest.fixture(scope="session")
def eventually():
    """Wait for what supervise does in its own time."""

    def wait(reached):
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def svscan(minion):
    """A real svscan that watches the minion's service directory."""
    service = minion.root / "service"
    service.mkdir(exist_ok=True)
    process = subprocess.Popen(["svscan", service], stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()
    end([*(minion.root / "svc.d").glob("*"), *(minion.root / "svc.d").glob("*/log")])


@pytest.fixture(scope="module", autouse=True)
def _nothing_left(tmp_path_factory):
    """Leave no service of one file of tests to the next one, which may count them all."""
    yield
    for root in tmp_path_factory.getbasetemp().glob("minion[0-9]*"):
        for link in (root / "service").glob("*"):
            link.unlink()
        folders = [*(root / "svc.d").glob("*")]
        end([*folders, *(folder / "log" for folder in folders)])
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def end(folders):
    """End every supervise, and what it runs, in some service directories."""
    for folder in folders:
        with contextlib.suppress(Exception):
            _supervise.order(str(folder), "dxk")


class Supervise:
    """Services of a minion of its own that are supervised at once, one by one, without svscan."""

    def __init__(self, root):
        self.minion = Minion(root, providers={"service": "daemontools"})
        self.directory = root / "service"
        self.directory.mkdir()
        self.processes = []

    def __call__(self, name, run="exec sleep 1000", down=False, wait=True):
        """Make a service, let a supervise run it, and return its directory."""
        folder = self.directory / name
        folder.mkdir(parents=True)
        (folder / "run").write_text(f"#!/bin/sh\n{run}\n")
        (folder / "run").chmod(0o755)
        if down:
            (folder / "down").touch()
        self.processes.append(subprocess.Popen(["supervise", folder], stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + PATIENCE
        while wait and not self._is_running(folder, down) and time.monotonic() < deadline:
            time.sleep(0.01)
        return folder

    def _is_running(self, folder, down):
        record = _supervise.read(str(folder))
        return record["state"] == "down" if down else record["pid"]

    def end(self):
        end({Path(process.args[1]) for process in self.processes})
        for process in self.processes:
            process.wait(PATIENCE)


@pytest.fixture(scope="module")
def supervise(tmp_path_factory):
    services = Supervise(tmp_path_factory.mktemp("by-hand"))
    yield services
    services.end()
