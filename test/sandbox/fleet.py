"""A master and a few minions in the box, in directories of their own; their work is rules."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from subprocess import DEVNULL

import gateway as gw
import yaml

# What is not there any more, of which the master has the key.
DEAD = "gw9"
RULES = {"sites": {"acme": {"allow": ["9.9.9.0/24"], "deny": ["9.9.9.13"]}}}
# States that go wrong after the rules, or wait for as long as a file is there, which tells of it.
STATES = """\
include: [ftpgw.rules]
{%- if pillar.waits is defined %}
waits:
  cmd.run:
    - name: touch {{ pillar.waits }}; while test -e {{ pillar.waits }}; do sleep 0.1; done
{%- endif %}
{%- if pillar.poison is defined %}
poison:
  cmd.run:
    - name: {{ pillar.poison | json }}
{%- endif %}
"""


class Fleet:
    """gw1 to gwN, started; `end` ends all of it."""

    def __init__(self, root, size, **master):
        self.root, self.daemons, self.ids = root, {}, [f"gw{n + 1}" for n in range(size)]
        for folder in ("pillar", "states"):
            (root / folder).mkdir()
        (root / "states/rules.sls").write_text(STATES)
        top = {"base": {one: [one] for one in self.ids}}
        (root / "pillar/top.sls").write_text(yaml.safe_dump(top))
        roots = {
            "file_roots": {"base": ["/srv/salt", str(root / "states")]},
            "pillar_roots": {"base": [str(root / "pillar")]},
        }
        # A busy machine is not silent.
        limits = {"timeout": 8, "gather_job_timeout": 8}
        settings = {"interface": "127.0.0.1", "auto_accept": True, **limits, **roots, **master}
        self.start("master", "master", settings)
        for one in self.ids:
            self.declare(one)
            self.join(one)
        eventually(lambda: all(map(self.knows, self.ids)))
        keys = root / "master/etc/salt/pki/master/minions"
        shutil.copy(keys / self.ids[0], keys / DEAD)
        assert self.run("saltutil.sync_runners").returncode == 0
        assert self.run("saltutil.sync_output").returncode == 0

    def declare(self, one, waits=None, poison=None, port=None, **more):
        """
        Write the pillar of a gateway: `more` settings of its rules, and what is in their way.

        With a port of the loopback it has an FTP server there.
        """
        own = {
            # What belongs to the machine is right already, and is that of all of them.
            "accounts": yaml.safe_load(gw.PILLAR.read_text())["ftpgw"]["accounts"],
            "firewall": {"manage": False},
            "rules": {"ftp": {**RULES, **more}},
            "service_dir": str(self.root / one / "service"),
            "services": {name: {"state": "absent"} for name in ("open-ftpd", "ftp-proxy")},
        }
        if port:
            # The account of the logs cannot get at these directories.
            server = {"address": "127.0.0.1", "port": port}
            own["services"]["open-ftpd"] = {"tcpserver": server, "multilog": {"user": False}}
        pillar = {"ftpgw": own}
        pillar |= {"waits": str(waits)} if waits else {}
        pillar |= {"poison": poison} if poison else {}
        (self.root / "pillar" / f"{one}.sls").write_text(yaml.safe_dump(pillar))

    def join(self, one):
        """Start a minion."""
        own = self.root / one
        (own / "service").mkdir(parents=True, exist_ok=True)
        places = {
            "daemontools.definition_dir": str(own / "svc.d"),
            "daemontools.log_dir": str(own / "multilog"),
            "daemontools.service_dir": str(own / "service"),
            "tcprules.dir": str(own / "tcprules"),
        }
        self.watch(one)
        self.start("minion", one, {"id": one, "master": "127.0.0.1", **places})

    def watch(self, one):
        """Start the svscan of a gateway."""
        if f"svscan {one}" not in self.daemons:
            self.daemons[f"svscan {one}"] = subprocess.Popen(
                ["svscan", self.root / one / "service"], stderr=DEVNULL, start_new_session=True
            )

    def start(self, kind, name, settings):
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        # Salt takes its keys from /etc unless it is told otherwise.
        settings = {**settings, "root_dir": str(folder), "pki_dir": f"/etc/salt/pki/{kind}"}
        (folder / kind).write_text(yaml.safe_dump(settings))
        words = [f"salt-{kind}", "-c", folder, "--log-level=quiet"]
        self.daemons[name] = subprocess.Popen(
            words, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        )

    def kill(self, one):
        """End a daemon as a power cut does."""
        daemon = self.daemons.pop(one)
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait(60)

    def knows(self, one):
        """Whether a minion answers."""
        return one in self.salt(one, "test.ping", "--timeout=5").stdout

    def salt(self, *words):
        return self._run("salt", *words)

    def run(self, *words):
        """Run a runner, as typed; returns the finished process."""
        return self._run("salt-run", *words)

    def running(self, *words):
        """Start a runner, and return its process."""
        words = ["salt-run", "-c", self.root / "master", *words]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def rules(self, one):
        """Return when the rules of a gateway came into force, or None."""
        with contextlib.suppress(FileNotFoundError):
            return (self.root / one / "tcprules/ftp.cdb").stat().st_mtime_ns
        return None

    def end(self):
        for daemon in self.daemons.values():
            daemon.terminate()
        for daemon in self.daemons.values():
            daemon.wait(60)

    def _run(self, program, *words):
        words = [program, "-c", self.root / "master", *words]
        return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)


def eventually(reached, seconds=180):
    """Wait for what comes in its own time."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
