"""The modules of this repository in the real Salt loader: a masterless minion, in process."""

import pathlib

import salt.config
import salt.loader
import salt.state

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Minion:
    """A minion whose files all stand below one directory, but for what is configured otherwise."""

    def __init__(self, root, **more):
        self.root = pathlib.Path(root)
        opts = salt.config.minion_config(None)
        opts.update(
            {
                "cachedir": str(self.root / "cache"),
                "daemontools.definition_dir": str(self.root / "svc.d"),
                "daemontools.service_dir": str(self.root / "service"),
                "file_client": "local",
                "file_roots": {"base": [str(self.root)]},
                "fileserver_list_cache_time": 0,
                "id": "gw1",
                "module_dirs": [str(REPOSITORY)],
                "tcprules.dir": str(self.root / "tcprules"),
                **more,
            }
        )
        opts["grains"] = salt.loader.grains(opts)
        # As in a state.apply, all functions share one client of the file server.
        state = salt.state.State(opts)
        self.functions, self.states = state.functions, state.states

    def call(self, function, *arguments):
        """Return what an execution function returns."""
        return self.functions[function](*arguments)

    def apply(self, state, **arguments):
        """Run a state function; raises if it failed, returns its changes."""
        answer = self.states[state](**arguments)
        assert answer["result"], answer["comment"]
        return answer["changes"]
