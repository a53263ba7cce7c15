#!/usr/bin/env python3
"""A gateway in a box: run a command on a throw-away Debian gateway between two networks.

    box.py COMMAND [ARG ...]

The command runs as root on **gw**, which is this machine seen through an overlay: it reads the
machine's files, and whatever it writes goes to memory. What is configured and installed, programs
too, is what was when the box began, whatever apt does on the machine since: snapshot.py keeps it.
The rest, such as /usr/local, /home and /var, is the machine's. A box in a box stands on that one as
it was. Two more hosts share its files and have networks of their own (`ip netns exec lan COMMAND`):

    lan 192.168.0.10 --- int0 192.168.0.254 gw 203.0.113.1 ext0 --- wan 203.0.113.2
        192.168.0.11                                                    9.9.9.9, 198.51.100.7

Everything lives in namespaces of one process, the box's init. When the command ends, or the box
is killed, the kernel takes all of it away: processes, mounts, networks. The machine itself is not
changed.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

import snapshot

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# Beside the virtual environment is what else the Makefile has prepared.
CACHE = pathlib.Path(sys.prefix).parent
PROGRAMS = ("ip", "mount", "pivot_root", "umount")
KEPT = ("CI", "LANG", "ROOT", "TERM")
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
SCAN_DIRECTORY = "/etc/service"
# Debian's package makes it as the last thing when it is installed, and systemd then starts svscan.
UNIT = "/etc/systemd/system/multi-user.target.wants/daemontools-run.service"
# What a box stands on and what it wrote: for each of its file systems a folder with its name, which
# has `lower` and `upper`.
LAYERS = pathlib.Path("/run/ftpgw-box")

# The gateway reaches no mirror: packages come from the directory that the Makefile fills. Images of
# Debian for containers have apt keep no cache, and work a second longer each time.
APT = f"""\
Dir::Cache::archives "{CACHE}/debs";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Acquire::Retries "0";
"""

HOSTS = """\
127.0.0.1 localhost
192.168.0.10 lan
192.168.0.11 neighbour
192.168.0.254 gw
203.0.113.1 gw-outside
203.0.113.2 wan
9.9.9.9 partner
198.51.100.7 stranger
"""

LOOKUPS = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"

NETWORK = """
link add int0 type veth peer name eth0 netns lan
link add ext0 type veth peer name eth0 netns wan
address add 192.168.0.254/24 dev int0
address add 203.0.113.1/24 dev ext0
link set lo up
link set int0 up
link set ext0 up
route add default via 203.0.113.2
-n lan address add 192.168.0.10/24 dev eth0
-n lan address add 192.168.0.11/24 dev eth0
-n lan link set lo up
-n lan link set eth0 up
-n lan route add default via 192.168.0.254
-n wan address add 203.0.113.2/24 dev eth0
-n wan address add 9.9.9.9/32 dev lo
-n wan address add 198.51.100.7/32 dev lo
-n wan link set lo up
-n wan link set eth0 up
-n wan route add default via 203.0.113.1
"""

# <sched.h> and <sys/prctl.h>; Python has os.unshare only since 3.12.
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1


def main():
    """Run the command given in a box and exit as it does."""
    if os.geteuid() != 0:
        sys.exit("box: namespaces need root: run this with sudo")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        sys.exit(f"box: {', '.join(missing)}: not found (install iproute2, mount and util-linux)")
    if not sys.argv[1:]:
        sys.exit("usage: box.py COMMAND [ARG ...]")
    sys.exit(run(sys.argv[1:]))


def run(command):
    """Run `command` in a new box and return its exit status."""
    _unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
    init = os.fork()
    if init == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os._exit(_init(command))

    def end(signum, frame):
        os.kill(init, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    # A shell on a terminal answers Ctrl-C itself; everything else ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN if _interactive(command) else end)
    _, status = os.waitpid(init, 0)
    return _exit_status(status)


def _interactive(command):
    return sys.stdin.isatty() and command[-1].endswith("shell.py")


def _exit_status(status):
    """A signal becomes 128 + its number, as a shell has it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _unshare(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        sys.exit(f"box: no new namespaces: {os.strerror(ctypes.get_errno())}")


def _init(command):
    """Be the first process of the box: build it, run the command, keep svscan running, reap."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _files()
        _network()
        _salt()
        _replace("/etc/apt/apt.conf.d/zz-box", APT)
        # Nobody reads manuals here, and to index them takes man-db minutes after each package.
        pathlib.Path("/var/lib/man-db/auto-update").unlink(missing_ok=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        print(f"box: {exc}", file=sys.stderr)
        return 111
    try:
        child = subprocess.Popen(command, env=_environment(), preexec_fn=_default_signals)
    except OSError as exc:
        print(f"box: {command[0]}: {exc.strerror}", file=sys.stderr)
        return 127
    return _wait(child.pid)


def _default_signals():
    # nohup has all that it starts ignore HUP, daemons too.
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)


def _wait(child):
    """Reap until `child` ends, and do what systemd does on a real gateway: svscan always runs."""
    svscan = None
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return _exit_status(status)
        if pid == svscan:
            svscan = None
        wanted = shutil.which("svscanboot") and all(map(os.path.lexists, (UNIT, SCAN_DIRECTORY)))
        if wanted and svscan is None:
            svscan = _svscan()
        elif svscan and not wanted:
            # The package is gone, and with it the directory in which svscan stands.
            os.killpg(svscan, signal.SIGKILL)
        if pid == 0:
            time.sleep(0.05)


def _svscan():
    process = subprocess.Popen(
        ["svscanboot", SCAN_DIRECTORY],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return process.pid


def _environment():
    path = f"{pathlib.Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    return {**kept, "HOME": "/root", "PATH": path, "PS1": "gw# ", "BOX": "1"}


def _files():
    """Enter an overlay of the machine's file systems whose upper layers are in memory."""
    scratch = pathlib.Path("/mnt")
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=0755", "box", scratch)
    root, layers = scratch / "root", scratch / "layers"
    root.mkdir()
    layers.mkdir(mode=0o700)
    if LAYERS.is_dir():
        _over_a_box(layers)
    else:
        _over_a_machine(layers)
    # A file system comes before those that are mounted in it.
    for layer in sorted(layers.iterdir()):
        below = f"lowerdir={layer}/lower,upperdir={layer}/upper,workdir={layer}/work"
        target = root / urllib.parse.unquote(layer.name).lstrip("/")
        _mount("-t", "overlay", "-o", below, "box", target)
    _mount("-t", "proc", "proc", root / "proc")
    _mount("-t", "sysfs", "sysfs", root / "sys")
    _mount("-t", "tmpfs", "-o", "mode=0755", "run", root / "run")
    kept = root / LAYERS.relative_to("/")
    kept.mkdir()
    _mount("--rbind", layers, kept)
    _devices(root / "dev")
    where = os.getcwd()
    old = root / "mnt"
    _call("pivot_root", root, old)
    os.chdir("/")
    _call("umount", "--lazy", "/mnt")
    os.chdir(where)


def _over_a_box(layers):
    """Stand on what that box stands on, and on copies of what it has written until now."""
    for below in LAYERS.iterdir():
        layer = _layer(layers, urllib.parse.unquote(below.name), below / "lower")
        # One that is gone before it is copied was somebody's, for a moment.
        copy = ["cp", "--archive", below / "upper", layer]
        subprocess.run(copy, stderr=subprocess.DEVNULL, check=False)


def _over_a_machine(layers):
    """Stand on its file systems, but in /usr on a snapshot, and on copies of what is configured."""
    places = [path.resolve() for path in (pathlib.Path("/usr/local"), REPOSITORY, CACHE)]
    apart = {path.parts[2] for path in places if path.parts[:2] == ("/", "usr")}
    points = {*(f"/usr/{name}" for name in apart), *map(_mount_point, _needed())}
    for point in points - {"/", "/usr"}:
        _layer(layers, point, point)
    upper = _layer(layers, "/", "/") / "upper"
    _layer(layers, "/usr", snapshot.taken(pathlib.Path("/"), CACHE, upper, apart))
    for folder in snapshot.COPIED:
        # Nothing of the machine's shines through.
        os.setxattr(upper / folder, "trusted.overlay.opaque", b"y")


def _layer(layers, target, lower):
    """Lay out one file system of the box, and return its folder."""
    layer = layers / urllib.parse.quote(target, safe="")
    for name in ("lower", "upper", "work"):
        (layer / name).mkdir(parents=True)
    _mount("--bind", "-o", "ro", lower, layer / "lower")
    return layer


def _needed():
    """What the command must find in the box: this repository and the Python that runs it."""
    return str(REPOSITORY), sys.prefix, sys.base_prefix


def _mount_point(path):
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def _devices(dev):
    """A /dev of the box's own: a syslogd in the box must not answer on the machine's /dev/log."""
    _mount("-t", "tmpfs", "-o", "mode=0755", "dev", dev)
    for name in DEVICES:
        (dev / name).touch()
        _mount("--bind", f"/dev/{name}", dev / name)
    # Terminals too: two boxes at once do not see each other's.
    (dev / "pts").mkdir()
    _mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620,gid=5", "pts", dev / "pts")
    (dev / "ptmx").symlink_to("pts/ptmx")
    (dev / "shm").mkdir()
    _mount("-t", "tmpfs", "shm", dev / "shm")
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        (dev / name).symlink_to(f"/proc/self/fd{target}")


def _network():
    """Three hosts, two cables, and every name in /etc/hosts: a daemon would wait for a resolver."""
    pathlib.Path("/proc/sys/kernel/hostname").write_text("gw")
    pathlib.Path("/etc/hosts").write_text(HOSTS)
    _replace("/etc/resolv.conf", "")
    pathlib.Path("/etc/nsswitch.conf").write_text(LOOKUPS)
    for host in ("lan", "wan"):
        _call("ip", "netns", "add", host)
    for line in NETWORK.strip().splitlines():
        _call("ip", *line.split())
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _salt():
    """A masterless minion that serves this very repository and has pillar.example as its pillar."""
    _replace("/etc/salt/minion", (REPOSITORY / "test/sandbox/minion").read_text())
    for name in ("_beacons", "_modules", "_output", "_runners", "_states", "ftpgw"):
        link = pathlib.Path("/srv/salt", name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(REPOSITORY / name)
    _replace("/srv/pillar/top.sls", "base: {'*': [ftpgw]}\n")
    _replace("/srv/pillar/ftpgw.sls", (REPOSITORY / "pillar.example").read_text())


def _replace(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)


def _mount(*arguments):
    _call("mount", *arguments)


def _call(*command):
    subprocess.run([str(word) for word in command], check=True)


if __name__ == "__main__":
    main()
