"""The box leaves nothing behind, however it ends. A box in the box shows it."""

import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

BOX = [sys.executable, str(pathlib.Path(__file__).parents[1] / "sandbox/box.py")]
MARK = "98765.4321"


def machine():
    """What a box could leave behind: mounts, networks, files."""
    listed = [
        subprocess.run(["ip", "-o", *what], capture_output=True, text=True, check=True).stdout
        for what in (["netns", "list"], ["link"], ["route"])
    ]
    paths = sorted(path for root in ("/etc", "/srv") for path in pathlib.Path(root).rglob("*"))
    return pathlib.Path("/proc/self/mounts").read_text(), listed, paths


def processes():
    """The processes that have our mark among their arguments."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if MARK.encode() in arguments:
            found.append(path.parent.name)
    return found


def eventually(condition):
    """Return whether a condition comes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("status", [0, 3])
def test_a_box_exits_as_its_command_did(status):
    """And what the command wrote, mounted and connected is gone."""
    before = machine()
    script = f"echo x >/etc/from-the-box; mount -t tmpfs x /srv; hostname; exit {status}"
    done = subprocess.run([*BOX, "bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "gw\n")
    assert machine() == before


def test_what_runs_in_a_box_hears_hup_whoever_started_it():
    """Under nohup too: daemons in the box are told by it to read their files again."""
    command = ["nohup", *BOX, "sh", "-c", "kill -HUP $$; echo unheard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (128 + signal.SIGHUP, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_box_that_is_killed_takes_everything_with_it(number):
    """Not one process survives, not even one that left its session and ignores signals."""
    before = machine()
    script = f"trap '' INT TERM HUP; setsid sleep {MARK} & touch /etc/x; sleep {MARK}"
    with subprocess.Popen([*BOX, "bash", "-c", script]) as box:
        assert eventually(lambda: len(processes()) == 2)
        box.send_signal(number)
        assert box.wait(10) != 0
    assert eventually(lambda: not processes())
    assert machine() == before


@contextlib.contextmanager
def at_work(script, *arguments):
    """Have a box that has come as far as its script says; yield what tells its last words."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*BOX, "bash", "-c", script, "box", *arguments], **pipes) as box:
        assert box.stdout.readline() == "ready\n"
        yield lambda: box.communicate("go on\n")[0]


def test_two_boxes_at_once_have_nothing_in_common():
    """Neither files, networks, terminals, processes nor rules."""
    script = """
    echo $1 >/etc/who; ip netns exec lan ip link add $1 type veth peer name other
    nft add table ip $1; exec -a $1 sleep 1000 & echo ready; read
    cat /etc/who; ip netns exec lan ip -o link show type veth | grep -o "a[12]@"
    nft list tables; ps -e -o args= | grep -o '^a[12] '; echo /dev/pts/*
    """
    with at_work(script, "a1") as first, at_work(script, "a2") as second:
        for name, said in (("a1", first()), ("a2", second())):
            assert said.split() == [name, f"{name}@", "table", "ip", name, name, "/dev/pts/ptmx"]


def test_what_is_configured_and_installed_on_the_machine_meanwhile_is_not_seen():
    """Neither files, nor packages, nor their programs, which dpkg renames into their places."""
    late, status = pathlib.Path("/etc/late"), pathlib.Path("/var/lib/dpkg/status")
    program = pathlib.Path("/usr/bin/versioned")
    before = status.read_text()
    with contextlib.ExitStack() as stack:
        stack.callback(replace, status, before)
        for path in (late, program):
            stack.callback(path.unlink, missing_ok=True)
        replace(program, "echo old")
        script = "echo ready; read; grep -c '^Package: late-' /var/lib/dpkg/status"
        with at_work(f"{script}; ls /etc/late; sh /usr/bin/versioned") as last:
            replace(status, before.replace("Package: ", "Package: late-"))
            replace(program, "echo new")
            late.touch()
            assert last() == "0\nold\n"


def replace(path, text):
    """Put a file in the place of another one, as dpkg does."""
    new = path.with_name(f"{path.name}.dpkg-new")
    new.write_text(text)
    new.rename(path)


def test_the_programs_of_this_box_are_not_those_of_the_machine():
    """But those that the cache keeps as they were when it began."""
    mounted = pathlib.Path("/proc/self/mountinfo").read_text()
    assert re.search(r"/programs-[0-9a-f]{16}/usr /run/ftpgw-box/%2Fusr/lower ro", mounted)


def test_a_box_in_a_box_has_what_that_one_has():
    """Not what was removed there, nor what was in the place of something new."""
    script = """
    rm -r /usr/bin/lftp /usr/share/lftp; mkdir /usr/share/lftp; touch /usr/share/lftp/new
    "$@" ls /usr/bin /usr/share/lftp
    """
    command = [*BOX, "sh", "-c", script, "box", *BOX]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    programs, others = done.stdout.split("/usr/share/lftp:\n")
    assert "\nlftpget\n" in programs
    assert "\nlftp\n" not in programs
    assert others == "new\n"


def test_three_hosts_know_each_other():
    """lan and wan reach the gateway's addresses by name, each from its own network."""
    script = "for host in lan wan; do ip netns exec $host getent hosts gw gw-outside; done"
    script += (
        "; ip netns exec lan ip route get 9.9.9.9; ip netns exec wan ip route get 192.168.0.10"
    )
    done = subprocess.run([*BOX, "bash", "-c", script], capture_output=True, text=True, check=True)
    assert "9.9.9.9 via 192.168.0.254" in done.stdout
    assert "192.168.0.10 via 203.0.113.1" in done.stdout
    assert done.stdout.count("192.168.0.254") >= 3


def test_a_command_that_is_not_there_is_one_line():
    """The shell's own exit status for it, and no traceback."""
    done = subprocess.run([*BOX, "no-such-command"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        127,
        "box: no-such-command: No such file or directory\n",
    )


def test_a_shell_shows_who_is_where_and_ends_well():
    """It has a terminal of its own, salt-call and a prompt; it exits with 0 whatever was typed."""
    shell = [*BOX, sys.executable, str(pathlib.Path(BOX[1]).with_name("shell.py"))]
    typed = "tty; type salt-call; salt-call tcprules.check ftp 9.9.9.9; false; exit 3\n"
    done = subprocess.run(shell, input=typed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for said in ("192.168.0.10", "198.51.100.7", "gw# ", "/dev/pts/0", "salt-call is /", "allow"):
        assert said in done.stdout, done.stdout
