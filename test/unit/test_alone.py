"""One at a time."""

import os
import signal
import subprocess
import sys

import _alone
import pytest
from salt.exceptions import CommandExecutionError


def test_whoever_comes_second_is_told_who_was_first(tmp_path):
    lock = tmp_path / "lock"
    second = pytest.raises(CommandExecutionError, match="the first")
    with _alone.alone(lock, "the first, with a long name"), second, _alone.alone(lock, "second"):
        pass
    with _alone.alone(lock, "third"):
        assert lock.read_text() == "third"


def test_who_is_killed_keeps_nobody_out(tmp_path):
    lock = tmp_path / "lock"
    script = (
        f"import sys; sys.path.append({os.path.dirname(_alone.__file__)!r}); import _alone, time\n"
        f"with _alone.alone({str(lock)!r}, 'it'): print(flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    holder.stdout.readline()
    with pytest.raises(CommandExecutionError), _alone.alone(lock, "me"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with _alone.alone(lock, "me"):
        pass
