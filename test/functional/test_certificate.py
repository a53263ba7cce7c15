"""Until when the certificate of the FTP server is valid, as it is asked of many gateways."""

import pathlib
import subprocess
import time

import pytest


@pytest.fixture
def ask(minion, tmp_path):
    """Ask another minion, with some `tls` in its pillar."""

    def ask(tls, **more):
        asked = type(minion)(tmp_path, pillar={"ftpgw": {"tls": tls}, **more})
        return asked.functions["ftpgw.certificate"]()

    return ask


@pytest.fixture
def files(tmp_path):
    """A certificate for 30 days, and its key."""
    files = {"key": str(tmp_path / "key"), "certificate": str(tmp_path / "certificate")}
    new = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=gw", "-days", "30", "-newkey", "rsa"]
    new += ["-keyout", files["key"], "-out", files["certificate"]]
    subprocess.run(new, check=True, capture_output=True)
    return files


def test_the_days_that_are_left_are_told(ask, files):
    found = ask(files)
    assert found["days"] in (29, 30)
    assert 29 * 86400 < found["until"] - time.time() <= 30 * 86400
    assert found["ends"].startswith("20")


def test_they_are_told_of_one_that_pillar_holds(ask, files):
    """Though `pillar.get` of Salt 3008 has asterisks for whoever asks."""
    texts = {what: pathlib.Path(path).read_text() for what, path in files.items()}
    sources = {"certificate": "gw-tls:certificate", "key": "gw-tls:key"}
    tls = {"key": "/none/k", "certificate": "/none/c", "contents_pillar": sources}
    assert ask(tls, **{"gw-tls": texts}) == ask(files)


@pytest.mark.parametrize("tls", [None, {}, "x", {"certificate": "/none", "key": "/none"}])
def test_where_there_is_none_nothing_is_told(ask, tls):
    assert ask(tls) == {}
