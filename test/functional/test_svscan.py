"""_svscan: where services are looked for, and the links there."""

import os
import signal
import subprocess

import _supervise
import _svscan
import pytest
from salt.exceptions import CommandExecutionError


@pytest.fixture(autouse=True)
def _not_found_yet(monkeypatch):
    monkeypatch.setattr(_svscan, "_found", [])


def test_a_running_svscan_is_found(svscan, minion, eventually):
    directory = str(minion.root / "service")
    eventually(lambda: directory in list(_svscan._running()))
    assert _svscan.watches(directory) is True
    assert _svscan._found


def test_a_directory_that_no_svscan_watches_is_known(svscan, tmp_path):
    assert _svscan.watches(str(tmp_path)) is False


def test_an_svscan_whose_directory_is_gone_is_not_found(monkeypatch):
    monkeypatch.setattr(_svscan, "_command", lambda process: "svscan")
    monkeypatch.setattr(_svscan.os, "readlink", lambda path: "/nowhere (deleted)")
    assert list(_svscan._running()) == []


def test_without_svscan_the_usual_directory_that_exists_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(_svscan, "_running", lambda: iter(()))
    usual = (str(tmp_path / "service"), str(tmp_path))
    monkeypatch.setattr(_svscan, "USUAL_DIRECTORIES", usual)
    assert _svscan.directory() == str(tmp_path)
    (tmp_path / "service").mkdir()
    assert _svscan.directory() == str(tmp_path / "service")


@pytest.mark.parametrize(
    ("system", "folder"),
    [("Debian", "/etc/service"), ("FreeBSD", "/var/service"), ("OpenBSD", "/service")],
)
def test_where_there_is_none_yet_it_is_known_where_it_will_be(monkeypatch, system, folder):
    """So that a first run foretells the link that it makes."""
    monkeypatch.setattr(_svscan, "_running", lambda: iter(()))
    monkeypatch.setattr(_svscan.os.path, "isdir", lambda path: False)
    assert _svscan.directory(system=system) == folder
    assert _svscan.directory() == "/service"
    assert _svscan.directory(system="Debian") == "/etc/service"
    assert _svscan.directory(system="FreeBSD") == "/var/service"


def test_the_configured_directory_comes_first():
    assert _svscan.directory("/here") == "/here"


def test_a_link_that_nobody_looks_at_is_told_in_time(tmp_path):
    target, link = tmp_path / "svc.d", tmp_path / "hello"
    target.mkdir()
    with pytest.raises(CommandExecutionError) as failure:
        _svscan.link(str(link), str(target), timeout=0.1)
    begin = f"supervise did not answer within 0.1 s (no svscan runs on {tmp_path}"
    assert str(failure.value).startswith(begin)
    assert _svscan.is_link(str(link), str(target)) is True
    assert _svscan.unlink(str(link), str(target)) is True
    assert _svscan.unlink(str(link), str(target)) is True
    assert not link.is_symlink()


def test_where_no_svscan_runs_it_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(_svscan, "START", 0.2)
    (tmp_path / "svc.d").mkdir()
    with pytest.raises(CommandExecutionError, match=r"within 0.2 s \(no svscan runs on"):
        _svscan.link(str(tmp_path / "hello"), str(tmp_path / "svc.d"), timeout=30)


def test_a_link_outside_the_directory_of_svscan_is_told_with_it(svscan, tmp_path):
    (tmp_path / "svc.d").mkdir()
    # Another run of tests has some, too.
    with pytest.raises(CommandExecutionError, match=r" runs on .*, but one on /.*/service\)$"):
        _svscan.link(str(tmp_path / "hello"), str(tmp_path / "svc.d"), timeout=0.1)


def test_an_svscan_that_is_stopped_is_told_with_what_wakes_it(svscan, minion, tmp_path, eventually):
    (tmp_path / "svc.d").mkdir()
    eventually(lambda: _svscan.watches(str(minion.root / "service")))
    link = minion.root / "service/unseen"
    os.kill(svscan.pid, signal.SIGSTOP)
    try:
        with pytest.raises(CommandExecutionError, match=f"stopped: kill -CONT {svscan.pid}"):
            _svscan.link(str(link), str(tmp_path / "svc.d"), timeout=0.1)
    finally:
        link.unlink()
        os.kill(svscan.pid, signal.SIGCONT)


def test_a_logger_that_svscan_did_not_see_is_told_from_its_service(supervise):
    target = supervise("half")
    (target / "log").mkdir()
    link = supervise.directory / ".half"
    with pytest.raises(CommandExecutionError, match="supervise of its log did not answer"):
        _svscan.link(str(link), str(target), timeout=0.1)


def test_what_is_no_link_of_ours_is_left_alone(tmp_path):
    (tmp_path / "hello").mkdir()
    for deed in ("link", "unlink"):
        with pytest.raises(CommandExecutionError, match="is not a link to"):
            getattr(_svscan, deed)(str(tmp_path / "hello"), str(tmp_path / "svc.d"))
    assert (tmp_path / "hello").is_dir()


def test_a_service_that_is_unlinked_has_no_process_left(supervise):
    target = supervise("leaving")
    link = supervise.directory / ".leaving"
    link.symlink_to(target)
    assert _svscan.unlink(str(link), str(target)) is True
    assert _supervise.answers(str(target)) is False
    assert _supervise.read(str(target))["state"] == "unsupervised"


SAID = """\
noise of a service
supervise: fatal: unable to start hello/run: file does not exist
supervise: fatal: unable to start hello/run: access denied
supervise: fatal: unable to start hello-too/run: exec format error
supervise: fatal: unable to start log/run: access denied
"""


@pytest.fixture
def readproctitle(eventually):
    """What svscanboot has its messages shown by, with some of them."""
    command = ["readproctitle", "service", "errors:", "." * 400]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        process.stdin.write(SAID.encode())
        process.stdin.flush()
        eventually(lambda: len(list(_svscan._said())) == 4)
        yield
        process.stdin.close()


@pytest.mark.usefixtures("readproctitle")
@pytest.mark.parametrize(
    ("name", "problem", "explained"),
    [
        ("hello", "down", "down (supervise: fatal: unable to start hello/run: access denied)"),
        ("hello", None, None),
        ("ello", "down", "down"),
        (
            "hello",
            "log: down",
            "log: down (supervise: fatal: unable to start log/run: access denied)",
        ),
    ],
)
def test_a_problem_has_the_last_words_of_its_own_supervise(name, problem, explained):
    """Of no other service, nothing older, and nothing where all is well."""
    assert _svscan.explained({name: {"problem": problem}}) == {name: {"problem": explained}}
