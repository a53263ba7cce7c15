"""Figures of a real tcpserver and a real multilog, against what the test itself did."""

import contextlib
import pathlib
import re
import shutil
import socket
import subprocess
import time

import _figures
import _multilog
import _supervise
import pytest
from salt.exceptions import CommandExecutionError, SaltInvocationError

KEYS = {"address": lambda hour, address: address, "hour": lambda hour, address: hour}


def stamped(seconds, text):
    return f"@{int(seconds) + _supervise.TAI_OFFSET:016x}00000000 tcpserver: {text}\n"


def ok(seconds, address, pid=7):
    return stamped(seconds, f"ok {pid} gw:203.0.113.1:21 :{address}::51234")


@pytest.fixture
def log(tmp_path):
    """Write a log: the finished files by the time of their end, and the current one."""

    def write(current, **finished):
        for end, text in finished.items():
            moment = int(end.removeprefix("until")) + _supervise.TAI_OFFSET
            (tmp_path / f"@{moment:016x}00000000.s").write_text(text)
        (tmp_path / "current").write_text(current)
        return str(tmp_path)

    return write


def read(folder, since=0, by="address", until=None):
    return _figures.read(folder, since, KEYS[by], until)


def test_whoever_was_let_in_and_refused_is_counted(log):
    deny = stamped(60, "deny 8 gw:203.0.113.1:21 :198.51.100.7::5")
    found = read(log(ok(60, "9.9.9.9") * 3 + deny + ok(61, "192.168.0.7")))
    assert list(found["connections"].items()) == [
        ("9.9.9.9", {"admitted": 3, "refused": 0}),
        ("192.168.0.7", {"admitted": 1, "refused": 0}),
        ("198.51.100.7", {"admitted": 0, "refused": 1}),
    ]


def test_an_hour_is_a_key_too(log):
    found = read(log(ok(3599, "9.9.9.9") + ok(3600, "9.9.9.9") + ok(7199, "9.9.9.9")), by="hour")
    assert {hour: row["admitted"] for hour, row in found["connections"].items()} == {0: 1, 3600: 2}


def test_the_peak_and_how_often_it_was_full(log):
    lines = [stamped(s, f"status: {n}/3") for s, n in enumerate((1, 2, 3, 2, 3, 3, 0))]
    found = read(log("".join(lines)))
    assert (found["peak"], found["limit"], found["full"]) == ((3, 2), 3, 2)


def test_what_sessions_ended_with_is_said_in_words(log):
    states = [0, 0, 100 << 8, 111 << 8, 127 << 8, 9, 5 << 8]
    lines = [stamped(60, f"end 7 status {status}") for status in states]
    assert read(log("".join(lines)))["ends"] == {
        "well": 2,
        "denied": 1,
        "failed before the daemon (its rules, a limit, no memory)": 1,
        "the daemon or a library of it is not there": 1,
        "killed by signal 9": 1,
        "exit 5": 1,
    }


def test_nothing_older_is_counted_and_no_file_that_was_finished_before_is_read(log, monkeypatch):
    folder = log(ok(900, "9.9.9.9"), until100=ok(99, "9.9.9.9"), until800=ok(799, "9.9.9.9"))
    opened, open_file = [], _multilog._open

    def noted(directory, name):
        opened.append(name)
        return open_file(directory, name)

    monkeypatch.setattr(_multilog, "_open", noted)
    assert read(folder, since=799)["connections"]["9.9.9.9"]["admitted"] == 2
    assert read(folder, since=900)["connections"]["9.9.9.9"]["admitted"] == 1
    assert len([name for name in opened if name.startswith("@")]) == 1


def test_what_is_of_the_last_second_and_later_is_not_counted(log):
    folder = log("".join(ok(second, "9.9.9.9") for second in range(10)))
    assert read(folder, since=3, until=7)["connections"]["9.9.9.9"]["admitted"] == 4
    assert read(folder, since=7, until=7)["connections"] == {}


def test_a_line_is_counted_whole_though_it_is_read_in_two_pieces(log, monkeypatch):
    monkeypatch.setattr(_multilog, "BLOCK", 1)
    assert read(log(ok(60, "9.9.9.9") * 50))["connections"]["9.9.9.9"]["admitted"] == 50


def test_what_others_write_is_not_counted(log):
    noise = "no stamp tcpserver: ok 7 gw:1:2 :9.9.9.9::5\n" + stamped(1, "okay") + "\xff\n"
    fake = f"@{_supervise.TAI_OFFSET:016x}00000000 ftpd: tcpserver: ok 7 gw:1:2 :9.9.9.9::5\n"
    assert read(log(noise + fake))["connections"] == {}


def test_what_is_finished_while_it_is_read_is_counted_once(log, monkeypatch):
    """Before `current` is opened, and after it has been read."""
    folder = log(ok(60, "9.9.9.9"), until50=ok(49, "9.9.9.9"))
    opened, files = _multilog._open, iter(range(70, 100))

    def late(directory, name):
        if name in ("previous", "current"):
            stamp = f"@{next(files) + _supervise.TAI_OFFSET:016x}00000000.s"
            pathlib.Path(folder, "current").rename(pathlib.Path(folder, stamp))
            pathlib.Path(folder, "current").write_text(ok(80, "9.9.9.8"))
        return opened(directory, name)

    monkeypatch.setattr(_multilog, "_open", late)
    found = read(folder)["connections"]
    assert found["9.9.9.9"] == {"admitted": 2, "refused": 0}


@pytest.mark.parametrize(
    "line",
    [
        stamped(60, f"status: {'9' * 5000}/29"),
        stamped(60, f"end 7 status {'9' * 5000}"),
        stamped(60, "deny 8 gw:203.0.113.1:21 :h\udcff:5"),
        stamped(60, "deny 8 gw:203.0.113.1:21 :\x1b[2J::5"),
        stamped(1 << 60, "deny 8 gw:203.0.113.1:21 :9.9.9.7::5"),
        "@ffffffffffffffffffffffff tcpserver: ok 7 gw:203.0.113.1:21 :9.9.9.7::5\n",
    ],
)
def test_what_no_tcpserver_has_written_is_not_counted(log, line, tmp_path):
    """Whoever writes the log is not trusted, and a number may be one that nobody can read."""
    folder = log(ok(60, "9.9.9.9"))
    with open(tmp_path / "current", "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(line)
    for by in KEYS:
        [row] = read(folder, by=by)["connections"].values()
        assert row == {"admitted": 1, "refused": 0}
    assert (read(folder)["ends"], read(folder)["peak"]) == ({}, None)


@pytest.mark.parametrize("address", ["2001:db8::7", "::ffff:9.9.9.9"])
def test_an_address_of_ipv6_is_one_too(log, address):
    assert list(read(log(ok(60, address)))["connections"]) == [address]


def test_a_service_has_metrics_also_where_pillar_makes_no_sense(minion, tmp_path):
    folder = tmp_path / "svc.d/echo"
    folder.mkdir(parents=True)
    (folder / "run").write_text("#!/bin/sh\nexec tcpserver -c7 127.0.0.1 2100 echo\n")
    (tmp_path / "service").mkdir()
    (tmp_path / "service/echo").symlink_to(folder)
    text = type(minion)(tmp_path).functions["ftpgw.metrics"]()
    assert 'ftpgw_service_up{service="echo"} 0\n' in text
    assert 'ftpgw_service_places{service="echo"} 7\n' in text


class TestService:
    """A service of the minion."""

    @pytest.fixture
    def served(self, minion, tmp_path):
        """Rules, a tcpserver that reads them, and a multilog; the answer is the minion's."""
        sites = {"here": {"allow": ["127.0.0.0/24"], "deny": ["127.0.0.9"]}}
        minion.apply("tcprules.managed", name="figures", settings={"sites": sites})
        cdb = minion.root / "tcprules/figures.cdb"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        folder, log = minion.root / "svc.d/figures", tmp_path / "log"
        (folder / "log").mkdir(parents=True)
        chain = ["tcpserver", "-v", "-RHl0", "-c2", "-x", str(cdb), "127.0.0.1", str(port)]
        (folder / "run").write_text(f"#!/bin/sh\nexec {' '.join(chain)} echo 220\n")
        (folder / "log/run").write_text(f"#!/bin/sh\nexec multilog t {log}\n")
        logger = subprocess.Popen(["multilog", "t", str(log)], stdin=subprocess.PIPE)
        server = subprocess.Popen([*chain, "echo", "220"], stderr=logger.stdin)
        for address in ("127.0.0.7", "127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.1.1"):
            assert self.greeting(port, address) == (
                b"220\n" if address in ("127.0.0.7", "127.0.0.8") else b""
            )
        yield minion.functions["ftpgw.figures"]
        server.kill()
        server.wait()
        logger.stdin.close()
        logger.wait()
        shutil.rmtree(folder)
        minion.apply("tcprules.absent", name="figures")

    def greeting(self, port, address):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError):
                source = (address, 0)
                with socket.create_connection(("127.0.0.1", port), 10, source) as there:
                    with contextlib.suppress(ConnectionResetError):
                        return there.recv(10)
                    return b""
            time.sleep(0.02)
        raise AssertionError("no tcpserver came up")

    def test_sites_rules_and_addresses_are_those_of_the_clients(self, served, eventually):
        def total(by):
            found = served("figures", since="1h", by=by)["figures"]
            return found if sum(found["ends"].values()) == 5 else None

        eventually(lambda: total("site"))
        found = total("site")
        assert (found["admitted"], found["refused"], found["places"]) == (3, 2, 2)
        assert found["by"] == {
            "here": {"admitted": 3, "refused": 1},
            "default": {"admitted": 0, "refused": 1},
        }
        assert total("rule")["by"]["127.0.0.9:deny"] == {"admitted": 0, "refused": 1}
        assert total("address")["by"]["127.0.0.7"] == {"admitted": 2, "refused": 0}
        assert found["ends"] == {"well": 3, "denied": 2}
        assert found["peak"].startswith(("1 at ", "2 at "))
        assert sum(row["admitted"] for row in total("hour")["by"].values()) == 3

    def test_what_cannot_be_asked_is_one_line(self, served):
        with pytest.raises(SaltInvocationError, match=r"^by: expected site, rule, hour, address"):
            served(by="moon")
        with pytest.raises(SaltInvocationError, match=r"^since: expected a time"):
            served(since="soon")
        with pytest.raises(SaltInvocationError, match=r"^by: expected site, rule, hour, address"):
            served(by=["hour"])
        for name in ("nosuch", "../figures", "/log", 21, ["figures"], ""):
            told = f"^{re.escape(str(name))}: no such service under tcpserver .*'?figures'?"
            with pytest.raises(CommandExecutionError, match=told):
                served(name)

    def test_an_overview_has_the_hours_and_who_was_refused(self, served, minion, eventually):
        """Also where pillar makes no sense, which is told."""

        def overview():
            found = minion.functions["ftpgw.overview"]("1h")
            hours = found["connections"]["hours"]
            return found if sum(hour[1] + hour[2] for hour in hours) == 5 else None

        eventually(overview)
        found = overview()
        assert sum(hour[1] for hour in found["connections"]["hours"]) == 3
        refused = found["connections"]["refused"]
        assert sorted(refused) == [["127.0.0.9", 1], ["127.0.1.1", 1]]
        assert found["rules"]["figures"]["sites"] == {"default": "deny", "here": "in part"}
        digest = minion.functions["tcprules.digest"]("figures")
        assert found["rules"]["figures"]["digest"] == digest
        assert "pillar has nothing for this gateway" in found["problems"][0]
        assert (found["sessions"], found["certificate"]) == ([], None)

    def test_one_that_has_no_log_hides_no_other(self, served, minion):
        """Pillar may say that it has none: then there is nothing wrong, and nothing to count."""
        folder = minion.root / "svc.d/unlogged"
        folder.mkdir()
        (folder / "run").write_text("#!/bin/sh\nexec tcpserver -c7 127.0.0.1 2100 echo\n")
        try:
            assert list(served()) == ["figures"]
            found = minion.functions["ftpgw.overview"]("1h")
            assert found["connections"]["hours"]
            assert not any("logger" in problem for problem in found["problems"])
            with pytest.raises(CommandExecutionError, match=r"^unlogged: it has no logger"):
                served("unlogged")
        finally:
            shutil.rmtree(folder)

    def test_metrics_go_on_from_what_was_counted(
        self, served, minion, tmp_path, monkeypatch, eventually
    ):
        """The first look counts nothing, a second one what came in between, a third no more."""
        eventually(lambda: sum(served("figures", "1h")["figures"]["ends"].values()) == 5)
        metrics = minion.functions["ftpgw.metrics"]
        # Another minion in this process would have a module look where that one does.
        memory = pathlib.Path(metrics.__globals__["__opts__"]["cachedir"], "ftpgw-metrics.json")
        memory.unlink(missing_ok=True)

        def clients(seconds):
            monkeypatch.setattr(time, "time", lambda now=time.time: now() + seconds)
            text = metrics()
            monkeypatch.undo()
            return [line for line in text.splitlines() if line.startswith("ftpgw_connections")]

        assert clients(-600) == []
        service = 'service="figures"'
        assert clients(600) == [
            f'ftpgw_connections_total{{{service},site="default",verdict="admitted"}} 0',
            f'ftpgw_connections_total{{{service},site="default",verdict="refused"}} 1',
            f'ftpgw_connections_total{{{service},site="here",verdict="admitted"}} 3',
            f'ftpgw_connections_total{{{service},site="here",verdict="refused"}} 1',
        ]
        path = metrics(str(tmp_path / "textfiles"))
        assert path == str(tmp_path / "textfiles/ftpgw.prom")
        assert (
            'site="here",verdict="admitted"} 3' in (tmp_path / "textfiles/ftpgw.prom").read_text()
        )
        assert [file.name for file in (tmp_path / "textfiles").iterdir()] == ["ftpgw.prom"]
        memory.unlink()
