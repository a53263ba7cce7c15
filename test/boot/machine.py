"""A gateway that boots: Debian under systemd-nspawn, in the box of box.py, between lan and wan.

Its files are an overlay over the root that root.py built, with a Salt in it; what it writes is in
memory. The formula and its modules are this repository's, read-only.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import box
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SCRATCH = pathlib.Path("/run/boot")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# The guest's side of each cable, and who is at the other end; clients know the gateway's addresses.
CABLES = {"int0": ("br-int", "02:00:00:00:00:01"), "ext0": ("br-ext", "02:00:00:00:00:02")}
REBOOTED = 133
# Enough for a machine that has much else to do.
BOOTED = 60
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/salt/bin"
ENVIRONMENT = ["HOME=/root", "LANG=C.UTF-8", f"PATH={PATH}"]
# A restart ends what the minion has started, unless that has a unit of its own.
MINION = f"""\
[Unit]
After=network.target
[Service]
Environment=PATH={PATH}
ExecStart=/opt/salt/bin/salt-minion
KillMode=control-group
[Install]
WantedBy=multi-user.target
"""


def bridges():
    """Put a bridge at the gateway's end of both cables of the box, for a gateway that reboots."""
    for device, (bridge, _) in CABLES.items():
        _ip("address", "flush", "dev", device)
        _ip("link", "set", device, "down", "name", f"c-{device}")
        _ip("link", "add", bridge, "type", "bridge")
        for name in (f"c-{device}", bridge):
            if name != bridge:
                _ip("link", "set", name, "master", bridge)
            _ip("link", "set", name, "up")


@contextlib.contextmanager
def control_groups():
    """Give systemd the control groups of version 2, all of them in one of our own."""
    _call("mount", "-t", "cgroup2", "none", CGROUPS)
    own = CGROUPS / f"ftpgw-boot-{time.time_ns()}"
    own.mkdir()
    yield own
    for folder, _, _ in os.walk(own, topdown=False):
        os.rmdir(folder)


class Machine:
    """One gateway, from its first boot until it is thrown away."""

    def __init__(self, lower, cgroup):
        """Lay out its files over the root that was built: nothing of the gateway is installed."""
        self.folder = SCRATCH / str(time.monotonic_ns())
        self.root, self.cgroup = self.folder / "root", cgroup
        for name in ("root", "upper", "work"):
            (self.folder / name).mkdir(parents=True)
        layers = f"lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work"
        _call("mount", "-t", "overlay", "-o", layers, "boot", self.root)
        self._salt()
        self.nspawn = self.init = None

    def _salt(self):
        self.write("/etc/salt/minion", (REPOSITORY / "test/sandbox/minion").read_text())
        self.write("/etc/hosts", box.HOSTS)
        self.write("/etc/nsswitch.conf", box.LOOKUPS)
        self.write("/srv/pillar/top.sls", "base: {'*': [ftpgw]}\n")
        self.write("/srv/pillar/ftpgw.sls", (REPOSITORY / "pillar.example").read_text())
        self.shared = {
            f"{REPOSITORY}/{name}": f"/srv/salt/{name}" for name in ("_modules", "_states", "ftpgw")
        }

    def path(self, path):
        """Return where a file of the machine is, seen from here."""
        return self.root / path.lstrip("/")

    def write(self, path, text, mode=0o644):
        """Write a file of the machine."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    @contextlib.contextmanager
    def pillar(self, edit):
        """Have `ftpgw:` in pillar edited by a function meanwhile."""
        file = self.path("/srv/pillar/ftpgw.sls")
        whole = file.read_text()
        content = yaml.safe_load(whole)
        edit(content["ftpgw"])
        file.write_text(yaml.safe_dump(content))
        try:
            yield
        finally:
            file.write_text(whole)

    def minion(self, master):
        """Give it a minion that asks a master, now and after every boot."""
        own = self.path("/etc/salt/minion").read_text().replace("file_client: local\n", "")
        self.write("/etc/salt/minion", f"{own}master: {master}\n")
        self.write("/etc/systemd/system/salt-minion.service", MINION)
        self.run("systemctl", "enable", "--now", "--quiet", "salt-minion")

    def start(self):
        """Switch it on; what is not up yet goes on while this returns."""
        for device, (bridge, address) in CABLES.items():
            # The kernel is slow to take away those of the boot before.
            if os.path.exists(f"/sys/class/net/v-{device}"):
                _ip("link", "delete", f"v-{device}")
            _ip("link", "add", f"v-{device}", "type", "veth", "peer", "name", device)
            _ip("link", "set", device, "address", address)
            _ip("link", "set", f"v-{device}", "master", bridge, "up")
            _initialized(device)
        own = self.cgroup / f"machine-{time.monotonic_ns()}"
        own.mkdir()
        options = ["--quiet", "--boot", f"--directory={self.root}", "--register=no", "--keep-unit"]
        options += [f"--network-interface={device}" for device in CABLES]
        options += ["--console=pipe", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        options += [f"--bind-ro={here}:{there}" for here, there in self.shared.items()]
        with open(self.folder / "console", "ab") as console:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", *options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                preexec_fn=lambda: (own / "cgroup.procs").write_text("0"),
            )
        self.init = self._wait_for(self._init, "its first process")

    def boot(self):
        """Switch it on and wait until systemd is done."""
        self.start()
        self.booted()

    def booted(self):
        """Wait until systemd is done with starting."""
        self._wait_for(
            lambda: (
                self.run("systemctl", "is-system-running", check=False).stdout.strip()
                in ("running", "degraded")
            ),
            "systemd",
        )

    def reboot(self, wait=True):
        """Reboot as a person would."""
        self.run("systemctl", "reboot", check=False)
        assert self.nspawn.wait(BOOTED) == REBOOTED, self.console()
        self.start()
        if wait:
            self.booted()

    def cut(self):
        """Take its power away."""
        os.kill(self.init, signal.SIGKILL)
        self.nspawn.wait(BOOTED)

    def destroy(self):
        """Throw it away."""
        if self.nspawn and self.nspawn.poll() is None:
            self.cut()
        _call("umount", "--lazy", self.root)
        shutil.rmtree(self.folder)

    def console(self):
        """Return the last words on the console."""
        return (self.folder / "console").read_text(errors="replace")[-3000:]

    def command(self, *words):
        """Return the command that runs one in the machine."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-C"]
        return [*enter, "env", "-i", *ENVIRONMENT, *map(str, words)]

    def run(self, *words, check=True, timeout=300):
        """Run a command in the machine; returns the finished process."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=timeout
        )
        assert not check or done.returncode == 0, f"{words}: {done.stderr or done.stdout}"
        return done

    def call(self, *arguments):
        """Run `salt-call --local` in the machine and return its answer."""
        return json.loads(self.run("salt-call", "--local", "--out=json", *arguments).stdout)[
            "local"
        ]

    def apply(self, sls="ftpgw", check=True, **pillar):
        """Apply `sls`; returns {state id: its answer}; raises if one failed, unless told not to."""
        more = [f"pillar={json.dumps(pillar)}"] if pillar else []
        said = self.run(
            "salt-call", "--local", "--out=json", "state.apply", sls, *more, check=False
        )
        answer = json.loads(said.stdout)["local"]
        assert isinstance(answer, dict), "\n".join(answer)
        failed = [state for state in answer.values() if state["result"] is False]
        told = "\n".join(f"{state['__id__']}: {state['comment']}" for state in failed)
        assert not check or not failed, told
        return {state["__id__"]: state for state in answer.values()}

    def packages(self):
        """Return the names of the packages that are installed."""
        show = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n"]
        lines = self.run(*show).stdout.splitlines()
        return {name for state, name in map(str.split, lines) if state == "installed"}

    def _init(self):
        """Return the pid of the machine's first process, seen from here."""
        assert self.nspawn.poll() is None, self.console()
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children")
        for pid in children.read_text().split():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
            if len(numbers.split()) > 2 and numbers.split()[-1] == "1":
                return int(pid)
        return None

    def _wait_for(self, found, what):
        deadline = time.monotonic() + BOOTED
        while not (result := found()):
            assert time.monotonic() < deadline, f"no {what} within {BOOTED} s: {self.console()}"
            time.sleep(0.05)
        return result


def _initialized(device):
    """Say for udev, which is not in the box, that a network interface may be used."""
    index = pathlib.Path(f"/sys/class/net/{device}/ifindex").read_text().strip()
    known = pathlib.Path("/run/udev/data", f"n{index}")
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text("I:1\nV:1\n")


def _ip(*words):
    _call("ip", *words)


def _call(*command):
    subprocess.run([str(word) for word in command], check=True)
