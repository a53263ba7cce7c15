"""Until when the certificate of the FTP server is valid, as it is asked of many gateways."""

import subprocess
import time

import pytest


@pytest.fixture
def ask(minion, tmp_path):
    """Ask another minion, with some `tls` in its pillar."""

    def ask(tls):
        asked = type(minion)(tmp_path, pillar={"ftpgw": {"tls": tls}})
        return asked.functions["ftpgw.certificate"]()

    return ask


def test_the_days_that_are_left_are_told(ask, tmp_path):
    files = {"key": str(tmp_path / "key"), "certificate": str(tmp_path / "certificate")}
    new = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=gw", "-days", "30", "-newkey", "rsa"]
    new += ["-keyout", files["key"], "-out", files["certificate"]]
    subprocess.run(new, check=True, capture_output=True)
    found = ask(files)
    assert found["days"] in (29, 30)
    assert 29 * 86400 < found["until"] - time.time() <= 30 * 86400
    assert found["ends"].startswith("20")


@pytest.mark.parametrize("tls", [None, {}, "x", {"certificate": "/none", "key": "/none"}])
def test_where_there_is_none_nothing_is_told(ask, tls):
    assert ask(tls) == {}
