"""Programs that are not on this machine: they write down how they were called, and do as told."""

import subprocess


class Fakes:
    """A directory at the beginning of PATH."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.log = folder, folder / "log"
        self.log.touch()
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    def add(self, name, script="exit 0"):
        """Imitate a program by a script of sh."""
        program = self.folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\n{script}\n')
        program.chmod(0o755)

    def calls(self):
        """Return the calls since the last time this was asked."""
        calls = self.log.read_text().splitlines()
        self.log.write_text("")
        return calls


def run_all(command, stdin=None, **_):
    """Run a program as `cmd.run_all` does."""
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    return {"retcode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
