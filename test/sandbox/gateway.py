"""The gateway of the box, as its administrator drives it: salt-call, its pillar, its inetd."""

import contextlib
import json
import os
import pathlib
import subprocess

import yaml

PILLAR = pathlib.Path("/srv/pillar/ftpgw.sls")
INETD_CONF = pathlib.Path("/etc/inetd.conf")


def call(*arguments):
    """Run `salt-call --local` and return its answer; raises if it failed."""
    done = salt_call("--out=json", *arguments)
    assert done.returncode == 0, f"{arguments}: {done.stderr or done.stdout}"
    return json.loads(done.stdout)["local"]


def salt_call(*arguments):
    """Run `salt-call --local` as typed; returns the finished process."""
    command = ["salt-call", "--local", "--retcode-passthrough", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def apply(sls="ftpgw", test=False, check=True):
    """Apply `sls` and return {state id: its answer}; raises, unless told not to, if one failed."""
    answer = json.loads(salt_call("--out=json", "state.apply", sls, f"test={test}").stdout)["local"]
    if isinstance(answer, list):
        raise AssertionError("\n".join(answer))
    failed = [state for state in answer.values() if state["result"] is False]
    if check and failed:
        raise AssertionError(
            "\n".join(f"{state['__id__']}: {state['comment']}" for state in failed)
        )
    return {
        state["__id__"]: {
            **state,
            "module": tag.partition("_|-")[0],
            "function": tag.rpartition("_|-")[2],
        }
        for tag, state in answer.items()
    }


def changed(states):
    """Return the ids of the states that changed something, or would with test=True."""
    return {name for name, state in states.items() if state["result"] is None or state["changes"]}


@contextlib.contextmanager
def pillar():
    """Edit `ftpgw:` in pillar, for good: `with pillar() as ftpgw: ftpgw["rules"] = ...`."""
    content = yaml.safe_load(PILLAR.read_text())
    yield content["ftpgw"]
    PILLAR.write_text(yaml.safe_dump(content))


@contextlib.contextmanager
def small(directory, room):
    """Have a directory on a file system of its own, with so much room, for a while."""
    copy = pathlib.Path("/run/small", directory.strip("/").replace("/", "-"))
    copy.mkdir(parents=True)
    size = f"size={room},mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "small", copy], check=True)
    try:
        # It comes into its place whole: never is there a moment without what is in it.
        subprocess.run(["cp", "-aT", directory, copy], check=True)
        subprocess.run(["mount", "--bind", copy, directory], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", directory], check=True)
    finally:
        subprocess.run(["umount", "--lazy", copy], check=True)
        copy.rmdir()


def forget_starts():
    """Take the starts of the services out of their logs: tests start them a hundred times."""
    for log in pathlib.Path("/var/multilog").iterdir():
        for file in log.glob("@*"):
            file.unlink()
        os.truncate(log / "current", 0)


def apt_install(*packages):
    """Install packages on the gateway, from what the Makefile has downloaded."""
    command = ["apt-get", "-qq", "install", "-y", *packages]
    subprocess.run(command, check=True, capture_output=True)


def inetd(line):
    """Install a real inetd that serves `line`, as gateways had it before."""
    apt_install("openbsd-inetd")
    INETD_CONF.write_text(f"{line}\n")
    subprocess.run(["inetd"], check=True)


def person(name, password):
    """Make an account that pillar knows nothing of, with a password and a shell."""
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", name], check=True)
    subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
