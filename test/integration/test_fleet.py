"""A real master and a fresh minion: what is typed on the master works at the first try."""

import datetime
import json
import pathlib
import re
import subprocess
import time

import fleet as sandbox
import gateway as gw
import pytest
import yaml
from clients import LAN

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = re.findall(r"```(?:yaml|jinja)\n(.*?)```", (ROOT / "docs/fleet.md").read_text(), re.S)
REACTION = pathlib.Path("/srv/reactor/ftpgw-down.sls")


@pytest.fixture(scope="session")
def salt_factories_config():
    """Salt is the one of this virtual environment."""
    return {"code_dir": None, "inject_sitecustomize": False, "start_timeout": 60}


@pytest.fixture(scope="module")
def master(salt_factories):
    """A master that serves the formula, and pillar.example to every minion."""
    roots = {"file_roots": {"base": ["/srv/salt"]}, "pillar_roots": {"base": ["/srv/pillar"]}}
    # As docs/fleet.md has it, word for word.
    configuration, reaction = EXAMPLES
    REACTION.parent.mkdir(parents=True)
    REACTION.write_text(reaction)
    roots |= yaml.safe_load(configuration)
    daemon = salt_factories.salt_master_daemon("master", overrides=roots)
    with daemon.started():
        yield daemon


@pytest.fixture(scope="module")
def salt(master):
    """`salt gw1 ...`, with a minion that has never synced anything."""
    # Beacons are looked at once in that many seconds.
    minion = master.salt_minion_daemon("gw1", overrides={"loop_interval": 1})
    with minion.started():
        assert not list(pathlib.Path(minion.config["extension_modules"]).rglob("*.py"))
        cli = master.salt_cli(timeout=120)
        yield lambda *arguments: cli.run(*arguments, minion_tgt="gw1")


def test_a_fresh_minion_becomes_a_gateway(salt):
    """`salt gw1 state.apply ftpgw` is all it takes, also with test=True before."""
    predicted = salt("state.apply", "ftpgw", "test=True")
    assert predicted.returncode == 0, predicted.stdout
    done = salt("state.apply", "ftpgw")
    assert done.returncode == 0, done.stdout
    states = {state["__id__"]: state for state in done.data.values()}
    assert all(state["result"] for state in states.values())
    assert gw.changed(states) <= gw.changed({s["__id__"]: s for s in predicted.data.values()})
    assert LAN.greeting().startswith(b"220")


def test_the_status_is_known_on_the_master(salt):
    """`salt gw1 daemontools.status` is a line for each service, each after the minion's name."""
    record = salt("daemontools.show").data["open-ftpd"]
    assert record["state"] == "up"
    assert record["log"]["state"] == "up"
    heading, *lines = salt("--out=txt", "daemontools.status").stdout.splitlines()
    assert heading == "gw1: 2 services, all as wanted"
    assert [line.split()[:3] for line in lines] == [
        ["gw1:", "ftp-proxy", "up"],
        ["gw1:", "open-ftpd", "up"],
    ]


def test_the_exit_status_on_the_master_is_that_of_health(salt):
    """`salt gw1 ftpgw.health || ...`; with `--static` it is 0 whatever is found."""
    # What tests before this one have left is none of it.
    tidy = json.dumps({"ftpgw": {"leftovers": "remove"}})
    assert salt("state.apply", "ftpgw.accounts", f"pillar={tidy}").returncode == 0
    gw.forget_starts()
    well = salt("ftpgw.health")
    assert (well.returncode, well.data["problems"]) == (0, [])
    subprocess.run(["svc", "-p", "/etc/service/open-ftpd"], check=True)
    try:
        [ill, hidden] = salt("ftpgw.health"), salt("--static", "ftpgw.health")
    finally:
        subprocess.run(["svc", "-c", "/etc/service/open-ftpd"], check=True)
    assert ill.data["problems"] == ["open-ftpd: paused (daemontools.cont open-ftpd)"]
    assert (ill.returncode, hidden.returncode) == (1, 0)


def test_health_asks_the_file_server_only_where_other_modules_have_come(salt):
    """The last run has had its settings: `ftpgw.problems` asks for those that the next one has."""
    assert salt("state.apply", "ftpgw.rules").returncode == 0
    served = pathlib.Path("/srv/salt/ftpgw")
    formula = served.readlink()
    served.unlink()
    try:
        known, next_run = salt("ftpgw.health").data, salt("ftpgw.problems").data
        modules = pathlib.Path(salt("config.get", "extension_modules").data, "modules")
        (modules / "ftpgw.py").touch()
        unknown = salt("ftpgw.health").data
    finally:
        served.symlink_to(formula)
    lacks = "the file server does not have salt://ftpgw/defaults.yaml"
    assert lacks in unknown["problems"][0]
    assert lacks in next_run
    assert not [line for line in known["problems"] if lacks in line]


@pytest.mark.parametrize(
    ("address", "verdict", "site"),
    [
        ("9.9.9.9", "allow", "acme"),
        ("9.9.9.13", "deny", "acme"),
        ("198.51.100.7", "deny", "default"),
    ],
)
def test_the_rules_answer_on_the_master(salt, address, verdict, site):
    """`salt gw1 tcprules.check ftp ADDRESS` says who may connect, and by which site."""
    answer = salt("tcprules.check", "ftp", address).data
    assert (answer["verdict"], answer["site"]) == (verdict, site)


def test_a_second_apply_changes_nothing(salt):
    """Not from the master either."""
    states = salt("state.apply", "ftpgw").data.values()
    assert not gw.changed({state["__id__"]: state for state in states})


@pytest.mark.parametrize("module", ["daemontools", "tcprules"])
def test_the_documentation_prints(salt, module):
    """`salt gw1 sys.doc MODULE` has every public function, each with an example."""
    functions = set(salt("sys.list_functions", module).data)
    documented = salt("sys.doc", module).data
    assert set(documented) == functions
    assert [name for name, text in documented.items() if "CLI Example" not in text] == []


def test_a_setting_has_the_minion_write_metrics_each_minute(salt, pillar, tmp_path):
    """For node_exporter; without it, neither the schedule nor the file is left."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        with pillar() as ftpgw:
            ftpgw["metrics"] = str(folder)
        done = salt("state.apply", "ftpgw")
        assert done.returncode == 0, done.stdout
        again = {state["__id__"]: state for state in salt("state.apply", "ftpgw").data.values()}
        assert not gw.changed(again)
        sandbox.eventually((folder / "ftpgw.prom").exists)
        text = (folder / "ftpgw.prom").read_text()
        assert 'ftpgw_service_up{service="open-ftpd"} 1' in text
        assert time.time() - 600 < float(re.search(r"^ftpgw_last_run_seconds (.*)", text, re.M)[1])
    assert not (folders[0] / "ftpgw.prom").exists()
    with pillar() as ftpgw:
        del ftpgw["metrics"]
    assert salt("state.apply", "ftpgw").returncode == 0
    assert not (folders[1] / "ftpgw.prom").exists()
    assert "ftpgw metrics" not in salt("schedule.list", "show_all=True").stdout


def test_bans_and_accounts_that_end_are_told_of(salt, mistaken, event_listener):
    """As soon as the beacon looks; once."""
    soon = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(5)
    with mistaken() as ftpgw:
        ftpgw["accounts"]["partner"]["until"] = str(soon)
    salt("saltutil.refresh_pillar", "wait=True")
    # As the filter has it for rules whose limits ban.
    gone = "delete set ip ftpgw banned-ftp"
    made = "{ type ipv4_addr; flags dynamic,timeout; timeout 1h; }"
    for line in (
        f"add set ip ftpgw banned-ftp {made}",
        "add element ip ftpgw banned-ftp {9.9.9.9}",
    ):
        subprocess.run(["nft", line], check=True)
    begun = time.time()
    added = salt("beacons.add", "daemontools", "[{interval: 1}, {settle: 2}]")
    assert added.data["result"], added.data
    tags = [f"salt/beacon/gw1/daemontools/{what}" for what in ("account/ends", "bans/made")]
    wanted = [("master", tag) for tag in tags]
    found = event_listener.wait_for_events(wanted, after_time=begun, timeout=180)
    subprocess.run(["nft", gone], check=True)
    salt("beacons.delete", "daemontools")
    assert found.found_all_events, found.missed
    told = {event.data["service"]: event.data for event in found.matches}
    assert (told["account"]["account"], told["account"]["is"]) == ("partner", "ends")
    assert told["bans"]["problem"] == "banned: 9.9.9.9 by ftp"


def test_what_goes_down_is_told_and_a_reactor_has_it_up_again(salt, event_listener):
    """The beacon came with the first run of states; each change is one event."""
    settings = "[{interval: 1}, {settle: 2}, {disable_during_state_run: true}]"
    added = salt("beacons.add", "daemontools", settings)
    assert added.data["result"], added.data
    events = [
        ("master", f"salt/beacon/gw1/daemontools/open-ftpd/{what}") for what in ("down", "up")
    ]
    begun = time.time()
    salt("daemontools.stop", "open-ftpd")
    found = event_listener.wait_for_events(events, after_time=begun, timeout=180)
    assert found.found_all_events, found.missed
    assert sorted(event.data["is"] for event in found.matches) == ["down", "up"]
    assert LAN.greeting().startswith(b"220")
    salt("beacons.delete", "daemontools")
