"""A real master on a host of the box, minions that ask it, and what is typed there."""

import contextlib
import json
import pathlib
import subprocess
import sys

# Where the master of a machine that boots is.
LAN = "192.168.0.10"
# Enough for a first run on a machine that has much else to do.
PATIENCE = 300
ROOTS = {"file_roots": {"base": ["/srv/salt"]}, "pillar_roots": {"base": ["/srv/pillar"]}}


class Master:
    """A master with the formula, and pillar.example for every minion."""

    def __init__(self, folder, address="127.0.0.1", host=None, prefix=sys.prefix, **options):
        """Write its configuration below a folder; without a host it is on the gateway."""
        self.folder, self.address, self.programs = folder, address, pathlib.Path(prefix, "bin")
        self.there = ["ip", "netns", "exec", host] if host else []
        own = {"root_dir": str(folder), "interface": address, "auto_accept": True}
        (folder / "master").write_text(json.dumps({**own, "worker_threads": 2, **ROOTS, **options}))

    @contextlib.contextmanager
    def running(self):
        """Be there meanwhile."""
        with self._running("master"):
            yield self

    @contextlib.contextmanager
    def syndic(self, name):
        """Answer to the master above it meanwhile, by that name."""
        (self.folder / "minion").write_text(json.dumps({"id": name, "root_dir": str(self.folder)}))
        with self._running("syndic"):
            yield self

    @contextlib.contextmanager
    def minion(self, name, folder, prefix=sys.prefix):
        """Have a minion meanwhile that has nothing yet, with the Salt of some environment."""
        own = {"id": name, "root_dir": str(folder), "master": self.address}
        (folder / "minion").write_text(json.dumps(own))
        program = pathlib.Path(prefix, "bin/salt-minion")
        with _running([program, "-c", folder, "-l", "error"]):
            yield folder

    def salt(self, minion, *arguments, timeout=PATIENCE, below=False):
        """Return what a minion answers, None if it does not; one `below` is known to a syndic."""
        known = [] if below else ["--static"]
        said = self._typed("--out=json", *known, "-t", timeout, minion, *arguments)
        with contextlib.suppress(json.JSONDecodeError, AttributeError):
            return json.loads(said).get(minion)
        return None

    def begin(self, minion, *arguments):
        """Have a minion do something, and wait for nothing."""
        self._typed("--async", minion, *arguments)

    def knows(self, minion):
        """Return whether a minion answers."""
        return self.salt(minion, "test.ping", timeout=5)

    def apply(self, minion):
        """Apply the formula; returns the answers of its states, all of which must be well."""
        return well(self.salt(minion, "state.apply", "ftpgw"))

    def run(self, *arguments):
        """Return what a runner prints."""
        return self._typed(*arguments, program="salt-run")

    def _typed(self, *arguments, program="salt"):
        words = [*self.there, self.programs / program, "-c", self.folder, *arguments]
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
        return done.stdout

    def _running(self, kind):
        program = self.programs / f"salt-{kind}"
        return _running([*self.there, program, "-c", self.folder, "-l", "error"])


def well(answer):
    """Return the answers of states by their ids; raises if one is not well."""
    assert isinstance(answer, dict), answer
    failed = [f"{one['__id__']}: {one['comment']}" for one in answer.values() if not one["result"]]
    assert not failed, "\n".join(failed)
    return {state["__id__"]: state for state in answer.values()}


@contextlib.contextmanager
def _running(command):
    daemon = subprocess.Popen([str(word) for word in command])
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait()
