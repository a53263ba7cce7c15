"""A guard that nobody ends."""

import os
import signal

import _guard
import pytest
from fakes import Fakes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_guard_is_not_ended_with_us(tmp_path, number):
    """It is in a session of its own, and ignores what a service manager sends to all."""
    guard = _guard.start([["touch", str(tmp_path / "back")]], 10, 10)
    assert os.getsid(guard.pid) == guard.pid
    guard.send_signal(number)
    assert _guard.end(guard) == _guard.BACK
    assert (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ('test "$1 $2 $3 $4" = "--scope --quiet --collect --"; shift 4; exec "$@"', 1),
        ("exit 1", 1),
    ],
    ids=["it works", "it fails"],
)
def test_where_systemd_runs_a_guard_has_a_unit_of_its_own(tmp_path, monkeypatch, script, calls):
    """Or does without, where systemd cannot be asked."""
    fakes = Fakes(tmp_path, monkeypatch)
    fakes.add("systemd-run", script)
    monkeypatch.setattr(_guard, "SYSTEMD", str(tmp_path))
    guard = _guard.start([["touch", str(tmp_path / "back")]], 10, 10)
    assert _guard.end(guard) == _guard.BACK
    assert (tmp_path / "back").exists()
    assert len(fakes.calls()) == calls
