"""daemontools as Salt's service provider, under Salt's own states/service.py.

The numbers are those of the faults that the module of Salt 3007 had.
"""

import importlib
import inspect
import os

import _supervise
import pytest
import salt.state
from salt.exceptions import CommandExecutionError

COUNT_HUPS = "trap 'echo hup >> hups' HUP\n: > ready\nwhile :; do sleep 0.1; done"
STUBBORN = "trap '' TERM\nwhile :; do sleep 0.1; done"
# The public functions of Salt's systemd_service, which a provider must not leave to it.
CONTRACT = {
    *("available", "disable", "disabled", "enable", "enabled", "execs", "firstboot"),
    *("force_reload", "get_all", "get_disabled", "get_enabled", "get_running", "get_static"),
    *("mask", "masked", "missing", "offline", "reload", "restart", "show", "start", "status"),
    *("stop", "systemctl_reload", "unmask"),
}


@pytest.fixture(scope="module")
def call(supervise):
    def call(function, *arguments, **options):
        return supervise.minion.functions[f"daemontools.{function}"](*arguments, **options)

    return call


@pytest.fixture(scope="module")
def service(supervise):
    """Apply a state of Salt's own service module."""

    def apply(function, name, **options):
        return supervise.minion.apply(f"service.{function}", name=name, **options)

    return apply


@pytest.fixture(scope="module")
def sleeper(supervise):
    supervise("sleeper")
    return "sleeper"


@pytest.fixture(scope="module")
def flapping(supervise):
    supervise("flapping", run="exit 1")
    return "flapping"


def watched(service, name, **options):
    return service("mod_watch", name, sfun="running", **options)


def outcome(result):
    return result["result"], result["changes"]


def test_b1_an_order_that_nobody_gets_is_not_reported_as_done(call):
    for deed in ("start", "restart", "term", "up", "down", "hup", "kill", "full_restart"):
        with pytest.raises(CommandExecutionError, match="nosuch: no such service"):
            call(deed, "nosuch")


def test_b2_stopping_what_does_not_exist_raises_nothing(call, service):
    assert call("stop", "nosuch") is False
    result = service("dead", "nosuch")
    assert outcome(result) == (True, {})
    assert result["comment"] == "The named service nosuch is not available"
    assert watched(service, "nosuch")["result"] is False


def test_b3_stop_and_start_return_when_it_is_so(call, service, sleeper):
    assert outcome(service("dead", sleeper, test=True))[0] is None
    assert outcome(service("dead", sleeper)) == (True, {sleeper: False})
    assert call("pid", sleeper) is None
    assert outcome(service("dead", sleeper)) == (True, {})
    assert outcome(service("running", sleeper, test=True))[0] is None
    assert outcome(service("running", sleeper)) == (True, {sleeper: True})
    assert outcome(service("running", sleeper)) == (True, {})


def test_b4_status_is_a_bool_and_the_comments_of_the_state_are_true(call, service, sleeper):
    assert call("status", sleeper) is True
    assert call("status", "nosuch") is False
    comment = service("running", sleeper, enable=True)["comment"]
    assert comment == f"The service {sleeper} is already running"
    comment = service("enabled", sleeper)["comment"]
    assert comment == f"Service {sleeper} is already enabled, and is in the desired state"


def test_b5_another_pid_is_no_change(call, service, sleeper, eventually):
    before = call("pid", sleeper)
    call("term", sleeper)
    eventually(lambda: call("pid", sleeper) not in (None, before))
    assert outcome(service("running", sleeper)) == (True, {})
    assert call("pid", sleeper) not in (None, before)


def test_b6_b24_restart_waits_for_another_process_and_tells_failure(
    call, service, supervise, sleeper, eventually
):
    before = call("pid", sleeper)
    assert call("restart", sleeper) is True
    assert call("pid", sleeper) not in (None, before)
    assert outcome(watched(service, sleeper)) == (True, {sleeper: True})

    supervise("stubborn", run=STUBBORN)
    with pytest.raises(CommandExecutionError, match=r"not up within 2 s \(the old process"):
        call("restart", "stubborn", timeout=2)
    assert call("stop", "stubborn", timeout=1) is False
    before = call("pid", "stubborn")
    assert call("kill", "stubborn") is True
    eventually(lambda: call("pid", "stubborn") != before)


def test_b7_b9_reload_is_hup_and_says_so(call, service, supervise, eventually):
    folder = supervise("reloads", run=COUNT_HUPS)
    eventually((folder / "ready").exists)
    before = call("pid", "reloads")
    assert call("reload", "reloads") is True
    assert outcome(watched(service, "reloads", reload=True)) == (True, {"reloads": True})
    assert outcome(watched(service, "reloads", reload=True, force=True)) == (
        True,
        {"reloads": True},
    )
    eventually((folder / "hups").exists)
    assert call("pid", "reloads") == before


def test_b8_full_restart_stops_and_starts(call, service, sleeper):
    before = call("pid", sleeper)
    result = watched(service, sleeper, full_restart=True)
    assert outcome(result) == (True, {sleeper: True})
    assert call("pid", sleeper) not in (None, before)


def test_b10_b25_starting_and_stopping_leave_the_down_file_as_it_is(
    call, service, supervise, flapping
):
    manual = supervise("manual", down=True)
    assert call("start", "manual") is True
    assert call("restart", "manual") is True
    assert call("enabled", "manual") is False
    assert (manual / "down").exists()
    assert call("stop", "manual") is True
    assert (manual / "down").exists()

    call("stop", flapping)
    result = watched(service, flapping)
    assert outcome(result) == (False, {})
    assert result["comment"].startswith("flapping: does not stay up")
    assert call("enabled", flapping) is True


def test_b11_enabling_is_about_this_service_and_starts_nothing(call, service, supervise):
    folder = supervise("boots", down=True)
    assert outcome(service("enabled", "boots", test=True))[0] is None
    assert outcome(service("enabled", "boots")) == (True, {"boots": True})
    assert outcome(service("enabled", "boots")) == (True, {})
    assert not (folder / "down").exists()
    assert call("pid", "boots") is None
    assert outcome(service("disabled", "boots")) == (True, {"boots": True})
    assert outcome(service("disabled", "boots")) == (True, {})
    assert (folder / "down").exists()
    assert call("disable", "nosuch") is False
    with pytest.raises(CommandExecutionError, match="nosuch: no such service"):
        call("enable", "nosuch")


def test_b12_it_is_never_offline(call):
    assert call("offline") is False


@pytest.mark.parametrize("state", ["masked", "unmasked"])
@pytest.mark.parametrize("test", [False, True])
def test_nothing_is_promised_about_masks(service, sleeper, state, test):
    result = service(state, sleeper, test=test)
    assert outcome(result) == (False, {})
    assert "daemontools has no masks" in result["comment"]


def test_b13_only_what_svscan_runs_is_a_service(call, supervise, sleeper):
    (supervise.directory / ".hidden").mkdir()
    (supervise.directory / "README").write_text("a file")
    (supervise.directory / "empty").mkdir()
    (supervise.directory / "broken").symlink_to("nowhere")
    assert sleeper in call("get_all")
    for name in (".hidden", "README", "empty", "broken"):
        assert name not in call("get_all")
        assert call("available", name) is False
        assert call("missing", name) is True


def test_b14_a_logger_is_a_service_too(call, service, supervise):
    supervise("logged")
    folder = supervise("logged/log")
    assert call("available", "logged/log") is True
    assert outcome(service("dead", "logged/log")) == (True, {"logged/log": False})
    assert outcome(service("running", "logged/log")) == (True, {"logged/log": True})
    assert call("disable", "logged/log") is True
    assert (folder / "down").exists()


def test_b15_the_directory_is_looked_for_at_every_call(supervise, tmp_path):
    minion = type(supervise.minion)(tmp_path)
    assert minion.functions["daemontools.get_all"]() == []
    (tmp_path / "service" / "late").mkdir(parents=True)
    run = tmp_path / "service" / "late" / "run"
    run.touch(mode=0o755)
    assert minion.functions["daemontools.get_all"]() == ["late"]


def test_b16_no_program_is_looked_for(call, sleeper, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert call("restart", sleeper) is True
    assert sleeper in call("show")


def test_b17_a_service_that_dies_again_and_again_is_not_running(call, service, flapping):
    call("up", flapping)
    assert call("status", flapping) is False
    result = service("running", flapping)
    assert outcome(result) == (False, {})
    assert result["comment"].startswith("flapping: does not stay up")
    assert call("show", flapping)["problem"] == "just started, or flapping (up for less than 2 s)"


def test_b18_a_paused_service_is_not_running_and_is_continued(call, service, sleeper, eventually):
    pid = call("pid", sleeper)
    call("pause", sleeper)
    eventually(lambda: call("show", sleeper)["state"] == "paused")
    assert call("status", sleeper) is False
    assert outcome(service("running", sleeper)) == (True, {sleeper: True})
    assert call("pid", sleeper) == pid


def test_a_paused_or_flapping_service_is_not_dead_already(
    call, service, supervise, flapping, eventually
):
    supervise("dozing")
    call("pause", "dozing")
    eventually(lambda: call("show", "dozing")["state"] == "paused")
    call("up", flapping)
    eventually(lambda: call("show", flapping)["want"] == "up")
    for name in ("dozing", flapping):
        assert outcome(service("dead", name, test=True))[0] is None
        assert outcome(service("dead", name)) == (True, {name: False})
        assert outcome(service("dead", name)) == (True, {})
        record = call("show", name)
        assert (record["state"], record["want"]) == ("down", "down")
    assert outcome(service("running", flapping))[0] is False
    assert call("status", flapping) is False


def test_b19_the_reasons_for_not_being_up_are_told_apart(call, supervise, flapping):
    supervise("idle", down=True)
    (supervise.directory / "unseen").mkdir()
    states = {name: call("show", name)["state"] for name in ("idle", "unseen", "nosuch")}
    assert states == {"idle": "down", "unseen": "unsupervised", "nosuch": "missing"}


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "x/log/log", "-x", ".x", " x", "", "a\0b", None, 7]
)
def test_b20_a_name_that_leads_elsewhere_is_no_service(call, service, name):
    assert call("available", name) is False
    assert call("status", name or "/") is False
    assert call("stop", name) is False
    with pytest.raises(CommandExecutionError, match="no such service"):
        call("start", name)


def test_b21_a_signature_is_looked_for(call, sleeper):
    assert call("status", sleeper, "no such process anywhere") is False
    assert call("status", "nosuch", "sleep 1000") is True


def test_b22_the_module_is_not_the_service_module_of_every_minion():
    assert "__virtualname__" not in vars(importlib.import_module("_modules.daemontools"))
    assert "__virtual__" not in vars(importlib.import_module("_modules.daemontools"))


def public():
    loaded = importlib.import_module("_modules.daemontools")
    for name, function in inspect.getmembers(loaded, inspect.isfunction):
        if function.__module__ == loaded.__name__ and not name.startswith("_"):
            yield loaded.__func_alias__.get(name, name), function


def test_b23_every_function_says_what_it_does_with_an_example():
    for name, function in public():
        assert "CLI Example:" in (function.__doc__ or ""), name
        assert function.__doc__.strip().partition("\n")[0].endswith((".", ",")), name


def test_there_is_no_function_that_nobody_needs():
    """Beyond the contract, people and states have use for a few."""
    assert len({name for name, _ in public()} - CONTRACT) <= 25


def test_all_of_the_contract_is_ours(supervise):
    functions = supervise.minion.functions
    assert {name for name in CONTRACT if f"daemontools.{name}" not in functions} == set()
    for name in CONTRACT:
        assert inspect.getmodule(functions[f"service.{name}"].func).__name__.endswith("daemontools")


def test_one_state_may_name_its_provider(supervise, tmp_path, sleeper):
    directory = str(supervise.directory)
    minion = type(supervise.minion)(tmp_path, **{"daemontools.service_dir": directory})
    sls = f"""
        watched: {{file.managed: [name: {tmp_path}/conf, contents: new]}}
        {sleeper}: {{service.running: [provider: daemontools, watch: [{{file: watched}}]]}}
    """
    before = minion.functions["daemontools.pid"](sleeper)
    states = salt.state.State(minion.functions.opts).call_template_str(sls)
    result = next(value for key, value in states.items() if key.startswith("service_"))
    assert outcome(result) == (True, {sleeper: True})
    assert minion.functions["daemontools.pid"](sleeper) not in (None, before)


def test_a_run_of_salt_kills_a_paused_service(supervise, tmp_path, call, eventually):
    directory = str(supervise.directory)
    minion = type(supervise.minion)(tmp_path, **{"daemontools.service_dir": directory})
    supervise("napping")
    call("pause", "napping")
    eventually(lambda: call("show", "napping")["state"] == "paused")
    sls = "napping: {service.dead: [provider: daemontools]}"
    [result] = salt.state.State(minion.functions.opts).call_template_str(sls).values()
    assert outcome(result) == (True, {"napping": False})
    assert call("show", "napping")["state"] == "down"


@pytest.mark.parametrize(
    ("verb", "number"), [("hup", 1), ("interrupt", 2), ("alarm", 14), ("term", 15)]
)
def test_signals_go_by_their_own_names(call, supervise, eventually, verb, number):
    traps = "".join(f"trap 'echo {n} > got' {n}\n" for n in (1, 2, 14, 15))
    folder = supervise(f"signal-{verb}", f"{traps}: > ready\nwhile :; do sleep 0.05; done")
    eventually((folder / "ready").exists)
    assert call(verb, f"signal-{verb}") is True
    eventually(lambda: (folder / "got").exists() and (folder / "got").read_text())
    assert (folder / "got").read_text() == f"{number}\n"


def test_the_other_orders_go_by_their_own_names(call, supervise, eventually):
    folder = str(supervise("ordered"))
    pid = call("pid", "ordered")
    for verb, key, value in (
        ("once", "want", "once"),
        ("up", "want", "up"),
        ("pause", "state", "paused"),
        ("cont", "state", "up"),
        ("down", "state", "down"),
        ("exit", "state", "unsupervised"),
    ):
        assert call(verb, "ordered") is True
        eventually(lambda key=key, value=value: call("show", "ordered")[key] == value)
    assert not os.path.exists(f"/proc/{pid}")
    assert _supervise.answers(folder) is False


def test_letters_that_svc_does_not_have_are_refused(call, sleeper):
    for letters in ("", "z", "u d", "-u", None, 7):
        with pytest.raises(Exception, match="is not made of the letters udopchaitkx"):
            call("svc", sleeper, letters)


def test_what_has_no_log_is_told_from_what_does_not_exist(call, sleeper):
    for function in ("log", "rotate"):
        with pytest.raises(CommandExecutionError) as refusal:
            call(function, "slepeer")
        assert str(refusal.value) == "slepeer: no such service"
        with pytest.raises(CommandExecutionError) as refusal:
            call(function, sleeper)
        assert str(refusal.value) == f"{sleeper}: it has no logger (no log/run)"


def test_showing_what_does_not_exist_is_a_failure_of_the_command(supervise, call, sleeper):
    context = supervise.minion.functions.pack["__context__"]
    context["retcode"] = 0
    assert call("show", sleeper)["state"] != "missing"
    assert call("pid", "nosuch") is None
    assert context["retcode"] == 0
    assert call("show", "nosuch")["state"] == "missing"
    assert context.pop("retcode") == 1


def test_a_logger_that_is_a_program_is_a_service_too(supervise, call):
    """As with daemontools-encore, of which only the status file is here."""
    folder = supervise("encore")
    (folder / "log").write_text("#!/bin/sh\n")
    (folder / "log").chmod(0o755)
    stopped = bytes.fromhex("03 00 400000006b03d0db 121d2754 00000000 00 75 00 00")
    with open(folder / "supervise/status", "ab") as status:
        status.write(stopped)
    assert call("available", "encore/log") is True
    assert call("enabled", "encore/log") is True
    assert call("show", "encore/log")["state"] == "down"
    assert call("disable", "encore/log") is True
    assert (folder / "down").exists()
    assert call("enabled", "encore/log") is False
    assert call("enable", "encore/log") is True
    assert call("svc", "encore", "q") is True


def test_all_records_name_every_service(call, sleeper, flapping):
    records = call("show")
    assert records[sleeper]["state"] == "up"
    assert records[sleeper].keys() == records[flapping].keys()
    assert os.path.basename(call("execs")[sleeper]) == "run"
    assert sleeper in call("get_enabled")
    assert sleeper in call("get_running")
    assert set(call("get_enabled")) | set(call("get_disabled")) == set(call("get_all"))
