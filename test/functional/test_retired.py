"""Ports that inetd has no more, and a real process that gets its signal."""

import subprocess

import _inetd
import pytest

FTP = "ftp stream tcp nowait root /usr/libexec/ftpd ftpd\n"
OTHERS = "telnet stream tcp nowait root /usr/libexec/telnetd telnetd\n"


@pytest.fixture
def inetd(tmp_path, monkeypatch):
    """An inetd that notes each HUP, and its configuration."""
    told = tmp_path / "told"
    script = f"trap 'echo HUP >>{told}' HUP; echo; while :; do sleep 0.01; done"
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    process.stdout.readline()
    (tmp_path / "pid").write_text(f"{process.pid}\n")
    monkeypatch.setattr(_inetd, "PIDFILE", str(tmp_path / "pid"))
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "etc/inetd.conf"
    conf.write_text(FTP + OTHERS)
    yield conf
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def hups(inetd, eventually):
    """Wait until inetd got so many signals."""
    told = inetd.parents[1] / "told"
    return lambda many: eventually(lambda: told.exists() and told.read_text() == "HUP\n" * many)


@pytest.fixture
def retired(minion, inetd):
    return lambda **test: minion.apply("inetd.retired", name=str(inetd), services=["ftp"], **test)


def test_a_port_is_taken_once_and_given_back(minion, inetd, retired, hups):
    """Announced with test=True; inetd is told of each change."""
    predicted = retired(test=True)
    assert (predicted["result"], inetd.read_text()) == (None, FTP + OTHERS)
    done = retired()
    assert (done["result"], done["changes"]) == (True, predicted["changes"])
    assert done["comment"].endswith("inetd has read it")
    hups(1)
    assert inetd.read_text() == f"#ftpgw# {FTP}{OTHERS}"
    assert retired()["changes"] == {}
    assert minion.apply("inetd.restored", name=str(inetd))["result"] is True
    hups(2)
    assert inetd.read_text() == FTP + OTHERS
    assert [file.name for file in inetd.parent.iterdir()] == ["inetd.conf"]


def test_what_inetd_reads_beside_its_file_is_retired_too(minion, inetd, retired, hups):
    """Every file of inetd.d, by one signal; without the file itself as well."""
    inetd.unlink()
    folder = inetd.with_name("inetd.d")
    folder.mkdir()
    for name in ("ftpd", "more"):
        (folder / name).write_text(FTP)
    (folder / "others").write_text(OTHERS)
    assert retired()["changes"] == {"lines": [f"#ftpgw# {FTP.strip()}"] * 2, "inetd": "HUP"}
    hups(1)
    assert sorted(file.name for file in folder.iterdir()) == ["ftpd", "more", "others"]
    assert [file.name for file in inetd.parent.iterdir()] == ["inetd.d"]
    minion.apply("inetd.restored", name=str(inetd))
    assert [(folder / name).read_text() for name in ("ftpd", "others")] == [FTP, OTHERS]


def test_a_signal_that_was_not_sent_is_sent_by_the_next_run(inetd, retired, hups):
    """Nothing else is left to do then."""
    inetd.write_text(OTHERS)
    inetd.with_name("inetd.conf.hup").touch()
    assert retired()["changes"] == {"lines": [], "inetd": "HUP"}
    hups(1)
    assert retired()["changes"] == {}


def test_a_system_without_inetd_has_nothing_to_retire(minion, tmp_path):
    """No file is made."""
    done = minion.apply("inetd.retired", name=str(tmp_path / "inetd.conf"), services=["ftp"])
    assert (done["result"], done["changes"]) == (True, {})
    assert list(tmp_path.iterdir()) == []
