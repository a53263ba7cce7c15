"""6. One master and its minions on this machine, each a gateway in directories of its own."""

import contextlib
import functools
import json
import pathlib
import subprocess
from subprocess import DEVNULL

import gateway as gw
import yaml
from measure import Row, ended_together, eventually, in_turn, seconds

FLEETS = (1, 5, 10, 20)
ABSENT = {"state": "absent"}
PORT = 2100


def rows(scratch):
    with ended_together() as daemons:
        fleet = Fleet(pathlib.Path(scratch), daemons)
        fleet.run("saltutil.sync_runners")
        fleet.run("saltutil.sync_output")
        for size in FLEETS:
            new = [f"gw{number}" for number in range(len(fleet.ids) + 1, size + 1)]
            fleet.join(new)
            first = seconds(lambda new=new: fleet.apply("ftpgw", new))
            again, empty = (functools.partial(fleet.apply, sls) for sls in ("ftpgw", "empty"))
            empty()
            pairs = in_turn(3, again, empty)
            per_minion = Row("", "", "", pairs).medians[0] / size
            yield Row(
                f"{size} minions, nothing to change",
                "salt '*' state.apply ftpgw",
                "salt '*' state.apply empty",
                pairs,
                note=f"{per_minion:.2f} s each; first {first:.1f} s for {len(new)}",
            )
            yield from runners(fleet, size, again)


def runners(fleet, size, again):
    """Yield what our runners cost, beside what Salt itself takes to ask the same minions."""
    look, ping = functools.partial(fleet.run, "ftpgw.status"), fleet.ping
    pairs = in_turn(3, look, ping)
    yield Row(f"{size} minions", "salt-run ftpgw.status", "salt '*' test.ping", pairs, goal=1.2)
    rollout = functools.partial(fleet.run, "ftpgw.rollout", "*")
    pairs = in_turn(3, rollout, again)
    yield Row(
        f"{size} minions, nothing to change",
        "salt-run ftpgw.rollout '*'",
        "salt '*' state.apply ftpgw",
        pairs,
        goal=1.5,
    )


class Fleet:
    """A master, and minions that share what belongs to the system and nothing else."""

    def __init__(self, root, daemons):
        self.root, self.daemons, self.ids = root, daemons, []
        (root / "pillar").mkdir()
        (gw.PILLAR.parents[1] / "salt/empty.sls").write_text("{}\n")
        share_system()
        self._start(
            "master",
            {
                "interface": "127.0.0.1",
                "auto_accept": True,
                "file_roots": {"base": ["/srv/salt"]},
                "pillar_roots": {"base": [str(root / "pillar")]},
            },
        )

    def join(self, ids):
        """Start more minions, and wait until every one answers."""
        self.ids += ids
        top = {"base": {one: [one] for one in self.ids}}
        (self.root / "pillar/top.sls").write_text(yaml.safe_dump(top))
        for one in ids:
            own = self.root / one
            (own / "service").mkdir(parents=True)
            self._declare(one)
            self.daemons.append(subprocess.Popen(["svscan", own / "service"], stderr=DEVNULL))
            self._start(
                "minion",
                {
                    "id": one,
                    "master": "127.0.0.1",
                    "daemontools.definition_dir": str(own / "svc.d"),
                    "daemontools.log_dir": str(own / "multilog"),
                    "daemontools.service_dir": str(own / "service"),
                    "tcprules.dir": str(own / "tcprules"),
                },
            )
        eventually("the last minion", self._all_answer, 180)

    def apply(self, sls, ids=None):
        """Apply states on minions; raises if one of them failed."""
        ids = ids or self.ids
        answers = self._salt(ids, "state.apply", sls)
        assert set(answers) == set(ids), f"only {', '.join(answers)} answered"
        for one, states in answers.items():
            assert isinstance(states, dict), f"{one}: {states}"
            failed = [state["comment"] for state in states.values() if not state["result"]]
            assert not failed, f"{one}: {failed}"

    def ping(self):
        """Ask the minions for nothing; raises if one of them does not answer."""
        assert set(self._salt(self.ids, "test.ping")) == set(self.ids)

    def run(self, *command):
        """Run a runner; raises if it stopped, or a gateway is not well."""
        words = ["salt-run", "-c", self.root / "master", *command]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _declare(self, one):
        """Give a minion the pillar of the example, with an address list and a port of its own."""
        number = int(one.removeprefix("gw"))
        settings = yaml.safe_load(gw.PILLAR.read_text())
        settings["ftpgw"] |= {"service_dir": str(self.root / one / "service")}
        # They share the packet filter of one machine, in which each would have its own port.
        settings["ftpgw"]["firewall"] = {"manage": False}
        settings["ftpgw"]["services"] = {
            "open-ftpd": {"tcpserver": {"address": "127.0.0.1", "port": PORT + number}},
            "ftp-proxy": ABSENT,
        }
        settings["ftpgw"]["rules"]["ftp"]["sites"][one] = {"allow": [f"203.0.113.{number}"]}
        (self.root / "pillar" / f"{one}.sls").write_text(yaml.safe_dump(settings))

    def _start(self, kind, settings):
        folder = self.root / settings.get("id", kind)
        folder.mkdir(exist_ok=True)
        (folder / kind).write_text(yaml.safe_dump({**settings, "root_dir": str(folder)}))
        command = [f"salt-{kind}", "-c", folder, "--log-level=quiet"]
        self.daemons.append(subprocess.Popen(command, stdout=DEVNULL, stderr=DEVNULL))

    def _all_answer(self):
        return set(self._salt(self.ids, "test.ping", timeout=5)) == set(self.ids)

    def _salt(self, ids, *command, timeout=120):
        options = ["-c", self.root / "master", "-t", timeout, "--static", "--out=json"]
        words = ["salt", *options, "-L", ",".join(ids), *command]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(done.stdout)
        return {}


def share_system():
    """Make what belongs to the system right, so that no minion has to change it."""
    with gw.pillar() as ftpgw:
        ftpgw["services"] = {"ftp-proxy": ABSENT}
    gw.apply()
