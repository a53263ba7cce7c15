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


def told(folder, pid=1):
    process = {"pid": pid, "since": "now", "want": "up"}
    return _serving.look(str(folder), {**process, "log": process})[2]


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


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    _serving._needed.cache_clear()
    _serving._written.cache_clear()


def test_a_log_without_room(folder, small):
    """multilog waits for room, tcpserver for multilog, and every client for tcpserver."""
    assert told(folder) is None
    (small / "current").write_bytes(bytes(1 << 17))
    assert told(folder) == (
        f"log: no space is left for {small}, and the service waits for it (df {small})"
    )


def test_a_log_that_cannot_be_written(folder, small):
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    assert (
        told(folder) == f"log: {small} is on a file system that cannot be written (mount it anew)"
    )


def test_a_log_directory_of_somebody_else(folder, tmp_path):
    os.chown(tmp_path / "logs", 4321, 4321)
    logs = f"{tmp_path}/logs"
    assert told(folder) == (
        f"log: {logs} does not belong to root, who writes it (chown -R root {logs})"
    )


def test_a_log_directory_that_is_gone(folder, tmp_path):
    (tmp_path / "logs").rmdir()
    assert told(folder) == f"log: there is no {tmp_path}/logs to write to (apply its state)"


def test_another_process_is_told_by_another_script(folder):
    """What runs goes by the script as it was; a script is not read again as long as it runs."""
    assert told(folder) is None
    (folder / "run").write_text(RUN.format(cdb="/no.cdb", port=21, program="/bin/true"))
    assert told(folder) is None
    assert told(folder, pid=2).startswith("there is no /no.cdb")


def test_the_places_of_a_tcpserver_are_counted(folder):
    """Each client that is served is a child of it."""
    with subprocess.Popen(["sh", "-c", "sleep 100 & echo; wait"], stdout=subprocess.PIPE) as parent:
        parent.stdout.read(1)
        record = {"pid": parent.pid, "since": "now", "want": "up", "log": None}
        assert _serving.look(str(folder), record) == (1, 40, None)
        (folder / "run").write_text("#!/bin/sh\nexec tcpserver -c 1 0 ftp /bin/true\n")
        problem = "all 1 places are taken: the next client waits (raise tcpserver: concurrency)"
        assert _serving.look(str(folder), {**record, "since": "later"}) == (1, 1, problem)
        subprocess.run(["pkill", "-P", str(parent.pid)], check=True)


def test_what_is_no_tcpserver_has_no_places(folder):
    (folder / "run").write_text("#!/bin/sh\nexec sleep 100\n")
    record = {"pid": 1, "since": "now", "want": "up", "log": None}
    assert _serving.look(str(folder), record) == (None, None, None)


def test_what_is_not_wanted_lacks_nothing(folder, tmp_path):
    (tmp_path / "ftp.cdb").unlink()
    record = {"pid": None, "since": "now", "want": "down", "log": None}
    assert _serving.look(str(folder), record) == (None, 40, None)


def test_show_tells_it_of_one_and_of_all(minion, svscan, eventually, tmp_path):
    """Where nothing worse is to be told."""
    settings = {
        "tcpserver": {"address": "127.0.0.1", "port": 0, "rules": str(tmp_path / "no.cdb")},
        "command": ["/bin/true"],
        "multilog": False,
    }
    done = minion.apply("daemontools.supervised", name="lacking", settings=settings)
    assert done["result"], done["comment"]
    show = minion.functions["daemontools.show"]
    eventually(lambda: show("lacking")["seconds"] >= 2)
    for record in (show("lacking"), show()["lacking"]):
        assert record["problem"].startswith(f"there is no {tmp_path}/no.cdb")
    minion.apply("daemontools.absent", name="lacking")


def test_without_svscan_nothing_is_started_again(supervise):
    supervise("alone")
    problem = supervise.minion.functions["daemontools.show"]("alone")["problem"]
    assert "no svscan runs" in problem or "just started" in problem
