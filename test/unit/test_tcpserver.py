"""What run scripts tell tcpserver, and what the tcpserver of this machine knows."""

import _tcpserver
import pytest
from fakes import Fakes
from salt.exceptions import SaltInvocationError

CDB = "/etc/tcprules/ftp.cdb"


@pytest.fixture
def run(tmp_path):
    """Write the run script of a service."""

    def write(name, script):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run").write_text(f"#!/bin/sh\n{script}\n")

    return write


@pytest.fixture
def tcpserver(tmp_path, monkeypatch):
    """Put a tcpserver on PATH that offers some letters."""
    (tmp_path / "bin").mkdir()

    def install(letters):
        Fakes(tmp_path / "bin", monkeypatch).add("tcpserver", f"echo 'usage: [-{letters}]' >&2")

    return install


def test_the_readers_of_a_cdb_are_those_that_name_it(run, tmp_path):
    run("one", f"exec softlimit -m 9 \\\n tcpserver -v -RH -x {CDB} 0 ftp /bin/true")
    run("two", "exec tcpserver -x /etc/tcprules/other.cdb 0 ftp /bin/true")
    run("three", "exec /bin/true")
    assert _tcpserver.readers(CDB, _tcpserver.scripts(str(tmp_path))) == {"one": "vRH"}


def test_the_ports_of_services_are_those_of_their_tcpservers(run, tmp_path):
    run("one", f"exec softlimit -m 9 \\\n tcpserver -v -RH -x {CDB} 0 ftp /bin/true")
    run("two", "exec tcpserver 127.0.0.1 2121 /bin/true")
    run("three", "exec tcpserver 0 no-such-service /bin/true")
    run("four", "exec /bin/true")
    assert _tcpserver.ports(_tcpserver.scripts(str(tmp_path))) == {"one": 21, "two": 2121}


@pytest.mark.parametrize("script", ["tcpserver -x", "tcpserver 'x", "tcpserver -? 0", ""])
def test_a_script_that_cannot_be_read_reads_nothing(run, tmp_path, script):
    run("one", script)
    assert _tcpserver.readers(CDB, _tcpserver.scripts(str(tmp_path))) == {}


def test_deaf_is_what_no_reader_asks(run, tmp_path):
    """The last of two letters that contradict each other counts."""
    assert _tcpserver.deaf(CDB, _tcpserver.scripts(str(tmp_path))) == []
    run("one", f"exec tcpserver -R -hH -x {CDB} 0 ftp /bin/true")
    assert _tcpserver.deaf(CDB, _tcpserver.scripts(str(tmp_path))) == ["info", "host"]
    run("two", f"exec tcpserver -RrH -x {CDB} 0 ftp /bin/true")
    assert _tcpserver.deaf(CDB, _tcpserver.scripts(str(tmp_path))) == ["host"]


def test_only_the_patched_one_speaks_ipv6(tcpserver):
    tcpserver("1UXpPhHrRoOdDqQv")
    assert not _tcpserver.speaks_ipv6()
    with pytest.raises(SaltInvocationError, match=r"'2001:db8::1' is IPv6, which the tcpserver of"):
        _tcpserver.known("2001:db8::1")
    assert _tcpserver.known("9.9.9.9") == "9.9.9.9"


def test_another_one_is_asked_anew(tcpserver, tmp_path):
    tcpserver("46UXpPhHrRoOdDqQv")
    assert _tcpserver.speaks_ipv6()
    assert _tcpserver.known("2001:db8::1") == "2001:db8::1"


def test_without_a_tcpserver_there_is_no_ipv6(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not _tcpserver.speaks_ipv6()
