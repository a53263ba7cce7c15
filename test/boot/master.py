"""A real master, on the host of the inside network."""

import contextlib
import json
import subprocess

LAN = ["ip", "netns", "exec", "lan"]
ADDRESS = "192.168.0.10"
# Enough for a first run on a machine that has much else to do.
PATIENCE = 300


class Master:
    """What is typed on a master, with the formula and pillar.example for every minion."""

    def __init__(self, folder):
        """Write its configuration below a folder."""
        self.folder = folder
        roots = {"file_roots": {"base": ["/srv/salt"]}, "pillar_roots": {"base": ["/srv/pillar"]}}
        own = {"root_dir": str(folder), "interface": ADDRESS, "auto_accept": True, **roots}
        (folder / "master").write_text(json.dumps({**own, "worker_threads": 2}))

    @contextlib.contextmanager
    def running(self):
        """Be there meanwhile."""
        daemon = subprocess.Popen([*LAN, "salt-master", "-c", self.folder, "-l", "error"])
        try:
            yield self
        finally:
            daemon.terminate()
            daemon.wait()

    def salt(self, *arguments, timeout=PATIENCE):
        """Return what gw1 answers, None if it does not."""
        said = self._typed("--out=json", "--static", "-t", timeout, "gw1", *arguments)
        with contextlib.suppress(json.JSONDecodeError, AttributeError):
            return json.loads(said).get("gw1")
        return None

    def begin(self, *arguments):
        """Have gw1 do something, and wait for nothing."""
        self._typed("--async", "gw1", *arguments)

    def _typed(self, *arguments):
        words = [str(word) for word in [*LAN, "salt", "-c", self.folder, *arguments]]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    def knows(self):
        """Return whether gw1 answers."""
        return self.salt("test.ping", timeout=5)

    def apply(self, *arguments):
        """Apply the formula; returns the answers of its states, all of which must be well."""
        answer = self.salt("state.apply", "ftpgw", *arguments)
        assert isinstance(answer, dict), answer
        failed = [
            f"{one['__id__']}: {one['comment']}" for one in answer.values() if not one["result"]
        ]
        assert not failed, "\n".join(failed)
        return answer
