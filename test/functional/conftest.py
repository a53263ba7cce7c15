"""The real Salt loader on this repository, as a masterless minion has it."""

from pathlib import Path

import pytest
import salt.config
import salt.loader

REPOSITORY = Path(__file__).resolve().parents[2]


class Minion:
    """A masterless minion whose files all stand below one directory."""

    def __init__(self, root):
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
                "root_dir": str(root),
                "tcprules.dir": str(root / "tcprules"),
            }
        )
        opts["grains"] = salt.loader.grains(opts)
        self.functions = salt.loader.minion_mods(opts)
        self.states = salt.loader.states(opts, self.functions, {}, None)

    def apply(self, state, test=False, **arguments):
        """Run one state function, with ``test=True`` where asked for."""
        self.states.opts["test"] = test
        return self.states[state](**arguments)


@pytest.fixture(scope="session")
def minion(tmp_path_factory):
    return Minion(tmp_path_factory.mktemp("minion"))
