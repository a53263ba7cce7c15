"""What keeps a service from serving is told, though its process is up."""

import os
import subprocess

import _serving
import pytest

RUN = """\
#!/bin/sh
exec softlimit -m 9000000 \\
    tcpserver -v -RH -l0 -x {cdb} 0 {port} \\
    {program}
"""


@pytest.fixture
def folder(tmp_path):
    """A service that lacks nothing, and whose logger is root's."""
    log = tmp_path / "logs"
    log.mkdir(mode=0o750)
    (tmp_path / "svc/log").mkdir(parents=True)
    (tmp_path / "ftp.cdb").touch()
    (tmp_path / "svc/run").write_text(
        RUN.format(cdb=tmp_path / "ftp.cdb", port=2121, program="/bin/true -l")
    )
    logger = f"#!/bin/sh\nexec setuidgid root multilog t s4096 {log}\n"
    (tmp_path / "svc/log/run").write_text(logger)
    return tmp_path / "svc"


def told(folder):
    return _serving.problem(str(folder))


def test_of_what_lacks_nothing_nothing_is_told(folder):
    assert told(folder) is None


def test_a_cdb_that_is_gone(folder, tmp_path):
    """tcpserver then drops every client, and says nothing to anybody but its log."""
    (tmp_path / "ftp.cdb").unlink()
    assert told(folder).startswith(f"there is no {tmp_path}/ftp.cdb, so every client is dropped")


def test_a_program_that_is_gone(folder, tmp_path):
    program = tmp_path / "ftpd"
    text = (folder / "run").read_text()
    (folder / "run").write_text(text.replace("/bin/true", str(program)))
    assert told(folder).startswith(f"{program} is not there, or cannot be executed")
    program.write_text("#!/bin/sh\n")
    assert told(folder)
    program.chmod(0o755)
    assert told(folder) is None


def test_the_program_of_a_service_without_tcpserver(folder):
    (folder / "run").write_text("#!/bin/sh\nexec 2>&1\nexec setuidgid nobody /no/such -p 8021\n")
    assert told(folder).startswith("/no/such is not there")


def test_a_whole_script_is_not_second_guessed(folder):
    (folder / "run").write_text("#!/bin/sh\n. /etc/rc.conf\n[ -x /no/such ] || exec sleep 9\n")
    assert told(folder) is None


@pytest.fixture
def small(tmp_path):
    """A file system of 64 kB at the place of the log."""
    log = tmp_path / "logs"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0750", "x", log], check=True)
    yield log
    subprocess.run(["umount", log], check=True)


def test_a_log_without_room(folder, small):
    """multilog waits for room, tcpserver for multilog, and every client for tcpserver."""
    assert told(folder) is None
    (small / "current").write_bytes(bytes(1 << 17))
    assert told(folder) == f"log: no space is left for {small}, and the service waits for it"


def test_a_log_that_cannot_be_written(folder, small):
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    assert told(folder) == f"log: {small} is on a file system that cannot be written"


def test_a_log_directory_of_somebody_else(folder, tmp_path):
    os.chown(tmp_path / "logs", 4321, 4321)
    assert told(folder) == f"log: {tmp_path}/logs does not belong to root, who writes it"


def test_a_log_directory_that_is_gone(folder, tmp_path):
    (tmp_path / "logs").rmdir()
    assert told(folder) == f"log: there is no {tmp_path}/logs to write to"


def test_a_changed_script_is_read_again(folder, tmp_path):
    assert told(folder) is None
    (folder / "run").write_text(RUN.format(cdb="/no.cdb", port=21, program="/bin/true"))
    assert told(folder).startswith("there is no /no.cdb")


def test_status_and_show_tell_it(minion, svscan, eventually, tmp_path):
    """Where nothing worse is to be told."""
    settings = {
        "tcpserver": {"address": "127.0.0.1", "port": 0, "rules": str(tmp_path / "no.cdb")},
        "command": ["/bin/true"],
        "multilog": False,
    }
    done = minion.apply("daemontools.supervised", name="lacking", settings=settings)
    assert done["result"], done["comment"]
    show, status = (minion.functions[f"daemontools.{name}"] for name in ("show", "status"))
    eventually(lambda: show("lacking")["seconds"] >= 2)
    for record in (show("lacking"), status()["lacking"]):
        assert record["problem"].startswith(f"there is no {tmp_path}/no.cdb")
    minion.apply("daemontools.absent", name="lacking")


def test_without_svscan_nothing_is_started_again(supervise):
    supervise("alone")
    problem = supervise.minion.functions["daemontools.show"]("alone")["problem"]
    assert "no svscan runs" in problem or "just started" in problem
