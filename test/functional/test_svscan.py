"""svscan: where services are looked for, and the links there."""

import pytest
from salt.exceptions import CommandExecutionError

from _modules import svscan as module


@pytest.fixture
def unconfigured(monkeypatch):
    functions = {"config.get": lambda key, default: default}
    monkeypatch.setattr(module, "__salt__", functions, raising=False)
    monkeypatch.setattr(module, "_found", [])
    return module


def test_a_running_svscan_is_found(unconfigured, svscan, minion, eventually):
    directory = str(minion.root / "service")
    eventually(lambda: directory in list(unconfigured._running()))
    assert unconfigured.watches(directory) is True
    assert unconfigured._found


def test_a_directory_that_no_svscan_watches_is_known(unconfigured, svscan, tmp_path):
    assert unconfigured.watches(str(tmp_path)) is False


def test_an_svscan_whose_directory_is_gone_is_not_found(unconfigured, monkeypatch):
    monkeypatch.setattr(unconfigured, "_command", lambda process: "svscan")
    monkeypatch.setattr(unconfigured.os, "readlink", lambda path: "/nowhere (deleted)")
    assert list(unconfigured._running()) == []


def test_without_svscan_the_usual_directory_that_exists_is_taken(
    unconfigured, monkeypatch, tmp_path
):
    monkeypatch.setattr(unconfigured, "_running", lambda: iter(()))
    usual = (str(tmp_path / "service"), str(tmp_path))
    monkeypatch.setattr(unconfigured, "USUAL_DIRECTORIES", usual)
    assert unconfigured.directory() == str(tmp_path)
    (tmp_path / "service").mkdir()
    assert unconfigured.directory() == str(tmp_path / "service")
    monkeypatch.setattr(unconfigured, "USUAL_DIRECTORIES", ())
    assert unconfigured.directory() is None


def test_the_minion_configuration_comes_first(unconfigured, monkeypatch):
    monkeypatch.setitem(unconfigured.__salt__, "config.get", lambda key, default: "/here")
    assert unconfigured.directory() == "/here"


def test_a_link_that_nobody_looks_at_is_told_in_time(supervise, tmp_path):
    functions = supervise.minion.functions
    target, link = tmp_path / "svc.d", tmp_path / "hello"
    target.mkdir()
    with pytest.raises(CommandExecutionError) as failure:
        functions["svscan.link"](str(link), str(target), timeout=0.1)
    assert str(failure.value) == (
        f"supervise did not answer within 0.1 s (is svscan running on {tmp_path}?)"
    )
    assert functions["svscan.is_link"](str(link), str(target)) is True
    assert functions["svscan.unlink"](str(link), str(target)) is True
    assert functions["svscan.unlink"](str(link), str(target)) is True
    assert not link.is_symlink()


def test_a_logger_that_svscan_did_not_see_is_told_from_its_service(supervise):
    functions = supervise.minion.functions
    target = supervise("half")
    (target / "log").mkdir()
    link = supervise.directory / ".half"
    with pytest.raises(CommandExecutionError, match="supervise of its log did not answer"):
        functions["svscan.link"](str(link), str(target), timeout=0.1)


def test_what_is_no_link_of_ours_is_left_alone(supervise, tmp_path):
    functions = supervise.minion.functions
    (tmp_path / "hello").mkdir()
    for deed in ("link", "unlink"):
        with pytest.raises(CommandExecutionError, match="is not a link to"):
            functions[f"svscan.{deed}"](str(tmp_path / "hello"), str(tmp_path / "svc.d"))
    assert (tmp_path / "hello").is_dir()


def test_a_service_that_is_unlinked_has_no_process_left(supervise):
    functions = supervise.minion.functions
    target = supervise("leaving")
    link = supervise.directory / ".leaving"
    link.symlink_to(target)
    assert functions["svscan.unlink"](str(link), str(target)) is True
    assert functions["supervise.answers"](str(target)) is False
    assert functions["supervise.read"](str(target))["state"] == "unsupervised"
