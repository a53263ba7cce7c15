"""The states of services, against a real svscan: with test on and off, and applied twice."""

import contextlib
import os
import pwd
import resource
import signal
import socket
import subprocess
import tempfile
import time

import _filetree
import pytest
import salt.state
from printed import plain, shown

STUBBORN = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n"
SLEEP = {"command": ["sleep", "1000"], "multilog": {"user": False}, "stable_for": 2}

pytestmark = pytest.mark.usefixtures("svscan")


def declare(minion, name="hello", test=False, **given):
    settings = {key: value for key, value in (SLEEP | given).items() if value is not None}
    return minion.apply(
        "daemontools.declared",
        name=name,
        settings=settings,
        path=f"ftpgw:services:{name}",
        test=test,
    )


def applied(minion, keys, name="hello", **given):
    """Apply a state: what test=True predicts is what happens, and then nothing is left to do."""
    predicted = declare(minion, name, test=True, **given)
    result = declare(minion, name, **given)
    assert result["result"] is True, result["comment"]
    assert predicted["result"] is None
    assert predicted["changes"] == result["changes"]
    assert sorted(result["changes"]) == sorted(keys)
    again = declare(minion, name, **given)
    assert (again["result"], again["changes"]) == (True, {})
    return result["changes"]


def record(minion, name="hello"):
    return minion.functions["daemontools.show"](name)


def definition(minion, name="hello"):
    return minion.root / "svc.d" / name


def files(minion, name="hello"):
    return _filetree.read(str(definition(minion, name)), ("log", "env"))


@pytest.fixture
def up(minion):
    """A service that is up and as it is declared."""
    result = declare(minion)
    assert result["result"] is True, result["comment"]
    return minion


@pytest.fixture
def logs():
    """A directory that any account can reach, as those below pytest's own cannot."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield f"{folder}/multilog"


def test_a_new_service_is_linked_logged_and_up_and_an_absent_one_leaves_its_log(minion, logs):
    account = "nobody" if os.geteuid() == 0 else False
    owner = pwd.getpwnam("nobody").pw_uid if account else os.geteuid()
    log = f"{logs}/new"
    changes = applied(
        minion,
        [log, "env/SECRET", "link", "log/run", "run", "service"],
        name="new",
        envdir={"SECRET": "hunter2"},
        multilog={"user": account, "directory": log},
    )
    assert changes["env/SECRET"] == "added"
    assert "hunter2" not in str(changes)
    new = record(minion, "new")
    assert (new["state"], new["want"], new["enabled"]) == ("up", "up", True)
    assert new["log"]["state"] == "up"
    assert os.readlink(minion.root / "service" / "new") == str(definition(minion, "new"))
    assert "*** Starting new service..." in minion.functions["daemontools.log"]("new")[0]
    assert os.stat(log).st_mode & 0o777 == 0o750
    assert {os.stat(log).st_uid, os.stat(f"{log}/current").st_uid} == {owner}

    applied(minion, ["definition", "link", "service"], name="new", state="absent")
    assert not definition(minion, "new").exists()
    assert sorted(os.listdir(log)) == ["current", "lock", "state"]


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_no_permission_depends_on_the_umask_of_the_caller(minion, logs, umask):
    root = definition(minion, "masked")
    log = {"user": False, "directory": f"{logs}/masked"}
    before = os.umask(umask)
    try:
        changed = {"envdir": {"SITE": "acme"}, "enabled": False, "multilog": log}
        assert declare(minion, "masked", **changed)["result"] is True
        assert minion.functions["daemontools.enable"]("masked") is True
        assert minion.functions["daemontools.disable"]("masked") is True
    finally:
        os.umask(before)
    paths = ("", ".written-by-salt", "run", "down", "env", "env/SITE", "log", "log/run")
    modes = {path: oct(os.stat(root / path).st_mode & 0o7777) for path in paths}
    modes |= {path: oct(os.stat(path).st_mode & 0o7777) for path in (logs, f"{logs}/masked")}
    folders = dict.fromkeys(("", "run", "env", "log", "log/run", logs), "0o755")
    files = dict.fromkeys((".written-by-salt", "down"), "0o644")
    assert modes == {**folders, **files, "env/SITE": "0o600", f"{logs}/masked": "0o750"}
    assert declare(minion, "masked", state="absent")["result"] is True


def test_a_stable_service_is_left_alone_at_once(up):
    before, started = record(up), time.monotonic()
    result = declare(up)
    assert time.monotonic() - started < 0.5
    assert (result["result"], result["changes"]) == (True, {})
    assert result["comment"] == f"hello is up (pid {before['pid']})."
    assert record(up)["pid"] == before["pid"]


def test_a_plan_is_to_the_line_touches_nothing_and_tells_no_secret(up):
    call, before = up.functions, files(up)
    settings = SLEEP | {"command": ["sleep", "3000"], "envdir": {"SECRET": "hunter2"}}
    plan = call["daemontools.plan"]("hello", settings)
    assert (plan["wanted"], plan["changes"]["service"]) == ("up", "restarted")
    assert "+    sleep 3000" in plan["changes"]["run"]
    shown = call["daemontools.files"]("hello", settings)
    assert shown["env/SECRET"] == {"mode": "0600", "text": None}
    assert "hunter2" not in f"{plan} {shown}"
    assert files(up) == before
    assert call["daemontools.apply"]("hello", settings)["changes"] == {}
    assert files(up)["env/SECRET"]["text"] == "hunter2\n"
    assert record(up)["state"] == "up"


def test_a_changed_run_restarts_the_service_and_not_its_logger(up):
    before = record(up)
    changes = applied(up, ["run", "service"], command=["sleep", "2000"])
    assert changes["service"] == "restarted"
    assert "-exec sleep 1000\n+exec sleep 2000" in changes["run"]
    after = record(up)
    assert after["pid"] != before["pid"]
    assert after["log"]["pid"] == before["log"]["pid"]


def test_a_changed_log_run_restarts_the_logger_and_not_the_service(up):
    before = record(up)
    changes = applied(up, ["log", "log/run"], multilog={"user": False, "size": 50000})
    assert changes["log"] == "restarted"
    after = record(up)
    assert after["pid"] == before["pid"]
    assert after["log"]["pid"] != before["log"]["pid"]


def test_changed_variables_restart_the_service(up):
    applied(up, ["env/WHO", "run", "service"], envdir={"WHO": "acme"})
    applied(up, ["env/ALSO", "env/WHO", "service"], envdir={"ALSO": "acme"})


def test_variables_of_pillar_are_those_that_pillar_has(minion):
    """Though `pillar.get` of Salt 3008 has asterisks for a state that asks."""
    pillar = {"mine": {"services": {"asks": {"envdir": {"SECRET": "hunter2"}}}}}
    other = type(minion)(minion.root, pillar=pillar)
    given = {"name": "asks", "settings": SLEEP, "path": "mine:services:asks"}
    done = other.apply("daemontools.declared", **given)
    assert (done["result"], "hunter2" in str(done)) == (True, False)
    assert (minion.root / "svc.d/asks/env/SECRET").read_text() == "hunter2\n"
    assert other.apply("daemontools.dead", name="asks")["result"] is True


def test_a_service_that_is_not_enabled_is_up_with_a_down_file(up):
    before = record(up)["pid"]
    applied(up, ["down"], enabled=False)
    assert (record(up)["enabled"], record(up)["pid"]) == (False, before)
    applied(up, ["down"])
    assert (record(up)["enabled"], record(up)["pid"]) == (True, before)


def test_a_service_declared_down_is_down_and_its_logger_is_up(up):
    applied(up, ["down", "service"], state="down")
    assert (record(up)["state"], record(up)["log"]["state"]) == ("down", "up")


def test_a_service_declared_down_with_nothing_to_run_keeps_its_files(up):
    before = files(up)
    applied(up, ["down", "service"], state="down", command=None)
    assert files(up) == {**before, "down": {"mode": "0644", "text": ""}}


@pytest.mark.parametrize(
    ("letter", "key", "value"),
    [("d", "state", "down"), ("p", "state", "paused"), ("o", "want", "once")],
)
def test_what_somebody_did_by_hand_is_undone(up, eventually, letter, key, value):
    up.functions["daemontools.svc"]("hello", letter)
    eventually(lambda: record(up)[key] == value)
    applied(up, ["service"])
    assert (record(up)["state"], record(up)["want"]) == ("up", "up")


def test_a_logger_that_was_stopped_by_hand_is_started(up, eventually):
    before = record(up)["pid"]
    up.functions["daemontools.svc"]("hello/log", "d")
    eventually(lambda: record(up, "hello/log")["state"] == "down")
    applied(up, ["log"])
    assert record(up)["pid"] == before


def test_a_process_that_was_killed_is_waited_for(up, eventually):
    pid = record(up)["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: record(up)["pid"] != pid)
    assert declare(up)["result"] is True
    assert record(up)["seconds"] >= SLEEP["stable_for"]


def test_files_edited_by_hand_are_set_right(up):
    run = definition(up) / "run"
    run.write_text(run.read_text() + "# edited\n")
    (definition(up) / "finish").write_text("#!/bin/sh\n")
    changes = applied(up, ["finish", "run", "service"])
    assert "-# edited" in changes["run"]


def test_a_run_that_was_killed_before_its_restart_is_made_good(up):
    """The files are right already, but the process is older than they are."""
    run, pid = definition(up) / "run", record(up)["pid"]
    run.write_text(run.read_text())
    applied(up, ["service"])
    assert record(up)["pid"] != pid


@pytest.mark.parametrize("delay", [0.003, 0.1])
def test_a_run_killed_at_any_moment_leaves_a_service_that_the_next_run_repairs(up, delay):
    old = files(up)["run"]
    new = old | {"text": old["text"].replace("1000", "2000")}
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            declare(up, command=["sleep", "2000"])
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert files(up)["run"] in (old, new)
    assert record(up)["want"] == "up"
    assert declare(up)["result"] is True
    assert declare(up)["changes"] == {}
    assert files(up)["run"] == old


def test_a_full_disk_is_one_line_and_the_service_goes_on(up):
    before, present = record(up), files(up)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        result = declare(up, command=["sleep", "0" * 10000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (result["result"], result["changes"]) == (False, {})
    assert result["comment"] == f"hello: {definition(up)}/run: File too large"
    assert record(up)["pid"] == before["pid"]
    assert files(up) == present


def test_a_literal_script_is_run(up):
    script = "#!/bin/sh\nexec 2>&1\necho literally\nexec sleep 1000\n"
    applied(up, ["run", "service"], command=None, run=script)
    assert files(up)["run"]["text"] == script
    assert up.functions["daemontools.log"]("hello", lines=1)[0].endswith("0 literally")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"run": "#!/bin/sh\nif true\n"}, "hello: its run script is broken: "),
        ({"run": "#! /bin/sh -e\necho 'half\n"}, "hello: its run script is broken: "),
        ({"run": "#!/no/such/shell\n"}, "hello: no program /no/such/shell"),
        ({"command": ["/no/such/ftpd", "-l"]}, "hello: no program /no/such/ftpd"),
        ({"command": ["/etc/passwd"]}, "hello: no program /etc/passwd"),
        ({"command": ["/etc"]}, "hello: no program /etc"),
        ({"command": ["no-such-program"]}, "hello: no program no-such-program"),
    ],
)
def test_what_could_not_start_is_refused_and_the_service_goes_on(up, given, problem):
    before, present = record(up)["pid"], files(up)
    result = declare(up, **{"command": None, **given})
    assert (result["result"], result["changes"]) == (False, {})
    assert result["comment"].startswith(problem)
    assert (record(up)["pid"], files(up)) == (before, present)


def test_a_broken_script_is_told_in_advance(up):
    result = declare(up, command=None, run="#!/bin/sh\nif true\n", test=True)
    assert result["result"] is False
    assert result["comment"].startswith("hello: its run script is broken: ")


@pytest.mark.parametrize(
    "script", ["#!/usr/bin/perl\nif {{{\nsleep 9;", "#!/bin/sh -e\nexec sleep 9\n"]
)
def test_what_is_no_broken_script_of_a_shell_is_not_judged(up, script):
    assert declare(up, command=None, run=script, test=True)["result"] is None


def test_a_service_that_does_not_stay_up_fails_with_the_end_of_its_log(up):
    started = time.monotonic()
    result = declare(up, command=None, run="#!/bin/sh\nexec 2>&1\necho no config\nexit 1\n")
    assert time.monotonic() - started < 15
    assert result["result"] is False
    first, *log = result["comment"].splitlines()
    assert first == "hello: does not stay up (5 starts); its log ends with:"
    assert log
    assert all(line.endswith("0 no config") for line in log[1:])
    assert "run" in result["changes"]


def test_a_service_that_ignores_term_fails_in_time(up):
    assert declare(up, command=None, run=STUBBORN)["result"] is True
    pid = record(up)["pid"]
    result = declare(up, timeout=2)
    assert result["comment"].startswith(f"hello: pid {pid} did not end within 2 s of TERM")
    assert (result["result"], sorted(result["changes"])) == (False, ["run"])
    result = declare(up, state="down", timeout=2)
    assert result["comment"] == (
        "hello: did not end within 2 s of TERM (daemontools.kill hello, or set kill_after)"
    )
    assert record(up)["pid"] == pid
    assert up.functions["daemontools.kill"]("hello") is True


def test_a_service_that_ignores_term_is_killed_where_it_is_said_when(up):
    applied(up, ["run", "service"], command=None, run=STUBBORN)
    applied(up, ["service", "run"], kill_after=1)
    applied(up, ["run", "service"], command=None, run=STUBBORN)
    applied(up, ["down", "service"], command=None, run=STUBBORN, state="down", kill_after=1)


@pytest.mark.parametrize("stubborn", ["", "/log"])
def test_an_absent_service_has_ended_though_it_ignores_term(minion, stubborn):
    script = f"{definition(minion, 'mule')}{stubborn}/run"
    assert declare(minion, "mule")["result"] is True
    with open(script, "w") as run:
        run.write(STUBBORN)
    minion.functions["daemontools.restart"](f"mule{stubborn}")
    pid = record(minion, f"mule{stubborn}")["pid"]
    result = declare(minion, "mule", state="absent", timeout=2)
    assert result["result"] is True, result["comment"]
    assert not os.path.exists(f"/proc/{pid}")
    assert not definition(minion, "mule").exists()


def test_a_port_that_is_taken_is_told_with_who_has_it(up):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = {"address": "127.0.0.1", "port": port}
        result = declare(up, tcpserver=server)
    assert result["result"] is False
    first, *log = result["comment"].splitlines()
    assert f"; port {port} is held by " in first
    assert f"(pid {os.getpid()})" in first
    assert any("unable to bind: address already used" in line for line in log)
    assert declare(up, tcpserver=server)["result"] is True


def test_a_port_that_is_taken_is_told_as_the_page_has_it(minion, eventually):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    holder = subprocess.Popen(["tcpserver", "127.0.0.1", str(port), "true"])
    page = shown("docs/services.md", "bye: does not stay up")

    def told():
        server = {"address": "127.0.0.1", "port": port}
        comment = declare(minion, "bye", tcpserver=server)["comment"]
        declare(minion, "bye", state="absent")
        return plain(comment)

    # The log may have been read between two lines of a start.
    eventually(lambda: told() == page)
    holder.kill()
    holder.wait()


def test_live_sessions_survive_the_restart_of_tcpserver(up):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = {"address": "127.0.0.1", "port": listener.getsockname()[1]}
    echo = {"tcpserver": server, "command": ["cat"]}
    assert declare(up, **echo)["result"] is True
    with socket.create_connection((server["address"], server["port"]), 5) as session:
        session.sendall(b"before\n")
        assert session.recv(99) == b"before\n"
        applied(up, ["run", "service"], **echo, umask="027")
        session.sendall(b"after\n")
        assert session.recv(99) == b"after\n"


def test_a_log_that_is_removed_and_added_later_is_noticed(up):
    changes = applied(up, ["log", "log/run", "service"], multilog=False)
    assert (changes["log"], changes["service"]) == ("removed", "restarted")
    assert record(up)["log"] is None
    assert not (definition(up) / "log").exists()

    changes = applied(up, ["log", "log/run", "service"])
    assert (changes["log"], changes["service"]) == ("added", "restarted")
    assert record(up)["log"]["state"] == "up"
    assert "*** Starting hello" in up.functions["daemontools.log"]("hello", lines=1)[0]


def test_a_foreign_directory_is_never_rewritten(minion):
    folder = definition(minion, "foreign")
    folder.mkdir(parents=True)
    (folder / "run").write_text("#!/bin/sh\nexec precious\n")
    for state in ("up", "absent"):
        for test in (True, False):
            result = declare(minion, "foreign", test=test, state=state)
            assert result["result"] is False
            assert result["comment"].startswith(f"foreign: {folder} was not written by Salt (")
    assert os.listdir(folder) == ["run"]
    assert not (minion.root / "service" / "foreign").exists()


def test_a_directory_that_is_as_declared_already_is_adopted(up):
    before = record(up)["pid"]
    (definition(up) / ".written-by-salt").unlink()
    assert applied(up, ["definition"]) == {"definition": "adopted"}
    assert record(up)["pid"] == before


def test_a_link_to_somewhere_else_is_left_alone(minion, tmp_path):
    link = minion.root / "service" / ".elsewhere"
    link.symlink_to(tmp_path)
    link = link.rename(minion.root / "service" / "elsewhere")
    try:
        for test in (True, False):
            result = declare(minion, "elsewhere", test=test)
            assert result["comment"].startswith(f"elsewhere: {link} is not a link to ")
            assert declare(minion, "elsewhere", test=test, state="absent")["result"] is False
    finally:
        link.unlink()
    assert not definition(minion, "elsewhere").exists()


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"setuidgid": "nosuchuser"}, "setuidgid"),
        ({"multilog": {"user": "nosuchuser"}}, "multilog:user"),
    ],
)
def test_a_missing_account_is_refused_before_anything_is_written(minion, given, setting):
    """With test=True an earlier state may be about to make it."""
    assert declare(minion, "ghost", test=True, **given)["result"] is None
    result = declare(minion, "ghost", **given)
    assert (result["result"], result["changes"]) == (False, {})
    assert result["comment"] == f"ghost: no account 'nosuchuser', which '{setting}' names"
    assert not definition(minion, "ghost").exists()


def test_wrong_settings_are_one_line_that_begins_with_the_pillar_path(minion):
    for test in (True, False):
        result = declare(minion, tcpserver={"adress": 0, "port": 21}, test=test)
        assert (result["result"], result["changes"]) == (False, {})
        assert result["comment"] == (
            "ftpgw:services:hello:tcpserver: unknown setting 'adress' (did you mean 'address'?)"
        )


def test_a_watched_change_does_not_hide_a_failure(up, tmp_path):
    pid = record(up)["pid"]
    sls = f"""
        conf: {{file.managed: [name: {tmp_path}/conf, contents: new]}}
        hello:
          daemontools.declared:
            - settings: {{comand: [x]}}
            - watch: [file: conf]
    """
    states = salt.state.State(up.functions.opts).call_template_str(sls)
    result = next(value for key, value in states.items() if key.startswith("daemontools_"))
    assert result["result"] is False
    assert "unknown setting 'comand'" in result["comment"]
    assert record(up)["pid"] == pid


@pytest.mark.parametrize("settings", [None, [], "up", 7, {}, {"state": 1}, {"command": None}])
def test_settings_of_a_wrong_type_are_one_line(minion, settings):
    for state in ("declared", "supervised"):
        result = minion.apply(f"daemontools.{state}", name="hello", settings=settings)
        assert result["result"] is False
        assert result["comment"].startswith("hello:")
        assert "\n" not in result["comment"]


def test_a_dead_service_is_down_now_and_at_the_next_boot(up):
    assert up.apply("daemontools.dead", name="hello", test=True)["result"] is None
    assert record(up)["state"] == "up"
    result = up.apply("daemontools.dead", name="hello")
    assert (result["result"], result["changes"]) == (True, {"down": "added", "service": "stopped"})
    assert (record(up)["state"], record(up)["enabled"]) == ("down", False)
    assert up.apply("daemontools.dead", name="hello")["changes"] == {}
    applied(up, ["down", "service"])


@pytest.mark.parametrize("state", ["dead", "absent"])
def test_a_service_that_does_not_exist_is_dead_and_absent(minion, state):
    for test in (True, False):
        result = minion.apply(f"daemontools.{state}", name="nosuch", test=test)
        assert (result["result"], result["changes"]) == (True, {})


def test_a_watched_change_restarts_a_service_that_is_meant_to_be_up(up):
    watch = {"name": "hello", "sfun": "declared", "settings": SLEEP}
    before = record(up)["pid"]
    assert up.apply("daemontools.mod_watch", test=True, **watch)["result"] is None
    assert record(up)["pid"] == before
    result = up.apply("daemontools.mod_watch", **watch)
    assert (result["result"], result["changes"]) == (True, {"service": "restarted"})
    after = record(up)["pid"]
    assert after not in (None, before)

    watch["settings"] = SLEEP | {"state": "down"}
    assert up.apply("daemontools.mod_watch", **watch)["changes"] == {}
    assert up.apply("daemontools.mod_watch", name="hello", sfun="dead")["changes"] == {}
    assert record(up)["pid"] == after


def test_without_a_directory_for_svscan_it_is_said_what_to_install(minion, tmp_path):
    fresh = type(minion)(tmp_path)
    assert declare(fresh, test=True)["result"] is None
    result = declare(fresh)
    assert (result["result"], result["changes"]) == (False, {})
    assert result["comment"] == (
        f"hello: there is no {tmp_path}/service for svscan "
        "(install daemontools, or set daemontools.service_dir)"
    )
    assert not definition(fresh).exists()


def test_nothing_is_left_of_writing(minion):
    assert list((minion.root / "svc.d").rglob("*.new")) == []


@pytest.mark.parametrize("state", ["down", "absent"])
def test_a_service_with_nothing_to_run_is_not_supervised(up, state):
    """Its files would all be removed as not declared."""
    before = files(up)
    result = up.apply("daemontools.supervised", name="hello", settings={"state": state})
    assert result["comment"] == "hello: is not to be run (use daemontools.declared)"
    assert files(up) == before


@pytest.mark.parametrize("made", [True, False])
def test_a_log_where_somebody_else_could_point_elsewhere_is_refused(minion, logs, made):
    os.makedirs(logs)
    os.chown(logs, 1, 1)
    os.makedirs(f"{logs}-victim")
    if made:
        os.symlink(f"{logs}-victim", f"{logs}/trap")
    given = {"multilog": {"user": "nobody", "directory": f"{logs}/trap"}}
    for test in (True, False):
        result = declare(minion, "trap", test=test, **given)
        assert result["comment"] == (
            f"trap: {logs} belongs to daemon, who could point {logs}/trap elsewhere "
            f"(chown root {logs})"
        )
    assert os.stat(f"{logs}-victim").st_uid == 0
    assert os.listdir(logs) == (["trap"] if made else [])


def test_a_log_directory_that_is_a_link_is_not_given_away(minion, logs):
    os.makedirs(f"{logs}-victim")
    os.makedirs(logs)
    os.symlink(f"{logs}-victim", f"{logs}/trap")
    result = declare(minion, "trap", multilog={"user": "nobody", "directory": f"{logs}/trap"})
    assert result["comment"] == f"trap: {logs}/trap: Not a directory"
    assert os.stat(f"{logs}-victim").st_uid == 0


def test_a_log_of_another_account_is_refused(minion, logs):
    os.makedirs(f"{logs}/other")
    with open(f"{logs}/other/current", "w"):
        pass
    account = "daemon" if os.geteuid() == pwd.getpwnam("nobody").pw_uid else "nobody"
    given = {"multilog": {"user": account, "directory": f"{logs}/other"}}
    for test in (True, False):
        result = declare(minion, "other", test=test, **given)
        assert result["comment"] == (
            f"other: the files in {logs}/other do not belong to {account} "
            f"(chown -R {account} {logs}/other)"
        )
    assert not definition(minion, "other").exists()
