"""A daemon is told of a change of its files, whatever happens in between."""

import os
import signal
import subprocess

import _files
import _hup
import pytest


def test_no_daemon_is_no_error(tmp_path):
    """Without a process id file, or with a stale or broken one, nobody gets the signal."""
    pidfile = tmp_path / "inetd.pid"
    assert _hup.signalled(str(pidfile)) is False
    for stale in ("4194305\n", "", "not a number"):
        pidfile.write_text(stale)
        assert _hup.signalled(str(pidfile)) is False
        assert _hup.signalled(str(pidfile), "sshd") is False


@pytest.mark.parametrize(("program", "told"), [("sshd", False), ("sleep", True)])
def test_who_has_the_number_now_is_not_told(tmp_path, program, told):
    """Only a process of that name; a HUP would end most others."""
    pidfile = tmp_path / "sshd.pid"
    with subprocess.Popen(["sleep", "100"]) as process:
        pidfile.write_text(f"{process.pid}\n")
        assert _hup.signalled(str(pidfile), program) is told
        if not told:
            process.kill()
    assert process.returncode == (-signal.SIGHUP if told else -signal.SIGKILL)


def test_a_daemon_is_owed_its_signal_until_it_was_sent(tmp_path, monkeypatch):
    """Whatever ends a run between the change and the signal."""
    path = str(tmp_path / "inetd.conf")
    texts, pidfile = {path: "text\n", str(tmp_path / "gone"): None}, str(tmp_path / "none")
    for fails in ("_hup.signalled", "_hup._block.apply"):
        with monkeypatch.context() as patch:
            patch.setattr(fails, lambda *_: 1 / 0)
            before = os.umask(0)
            with pytest.raises(ZeroDivisionError):
                _hup.apply(path, texts, _files.put, pidfile)
            os.umask(before)
        assert os.stat(f"{path}.hup").st_mode & 0o7777 == 0o644
        assert _hup.owes(path)
    _hup.apply(path, texts, _files.put, pidfile)
    assert not _hup.owes(path)
    assert [file.name for file in tmp_path.iterdir()] == ["inetd.conf"]
