"""The state of a packet filter, with a real nft in a network of the test's own."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

import _inforce
import _peers
import jinja2
import pytest

CLONE_NEWNET = 0x40000000
SHOW = ["nft", "--stateless", "--terse", "list", "table", "ip", "ours"]
FILTER = {
    "check": ["nft", "--check", "--file", "{file}"],
    "load": ["nft", "--file", "{file}"],
    "show": SHOW,
    "unload": ["nft", "delete", "table", "ip", "ours"],
}
TABLE = """\
table ip ours
delete table ip ours
table ip ours {{
	chain input {{
		type filter hook input priority filter; policy accept;
		tcp dport {} drop
	}}
}}
"""
OLD, NEW = TABLE.format(7), TABLE.format("{ 7, 9 }")


@pytest.fixture(autouse=True)
def _network():
    """A network without anybody else's rules."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as before:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
        assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def load(minion, tmp_path):
    """Apply firewall.loaded to one file."""

    def apply(text, test=False, by=minion, **other):
        path = str(tmp_path / "rules.d" / "ours.nft")
        return by.apply("firewall.loaded", test, name=path, text=text, filter={**FILTER, **other})

    apply.path = tmp_path / "rules.d" / "ours.nft"
    return apply


@pytest.fixture(scope="module")
def subject(minion, tmp_path_factory):
    """A minion that has a master."""
    root = tmp_path_factory.mktemp("subject")
    return type(minion)(root, file_client="remote", master="127.0.0.1")


@pytest.fixture
def master():
    """Its master answers at both ports."""
    with socket.create_server(("127.0.0.1", 4505)), socket.create_server(("127.0.0.1", 4506)):
        yield


def in_force():
    """Return the ports that are closed now."""
    shown = subprocess.run(SHOW, capture_output=True, text=True, check=False).stdout
    return [line.split("dport ")[1] for line in shown.splitlines() if "dport" in line]


def test_rules_are_in_the_file_and_in_force(load):
    """And the second time there is nothing to do."""
    done = load(OLD)
    assert done["result"] is True, done["comment"]
    assert done["changes"].keys() == {"file", "loaded"}
    assert load.path.read_text() == OLD
    assert in_force() == ["7 drop"]
    assert load(OLD)["changes"] == {}
    assert load(OLD, test=True)["result"] is True


def test_test_mode_says_it_and_does_nothing(load):
    """The same changes are named, and neither file nor filter has them."""
    predicted = load(OLD, test=True)
    assert predicted["result"] is None
    assert not load.path.exists()
    assert in_force() == []
    assert load(OLD)["changes"] == predicted["changes"]


def test_new_rules_replace_the_old(load):
    """The changes are those of the text, line by line."""
    load(OLD)
    done = load(NEW)
    assert done["result"] is True
    assert done["changes"] == {"file": "-\t\ttcp dport 7 drop\n+\t\ttcp dport { 7, 9 } drop"}
    assert in_force() == ["{ 7, 9 } drop"]


@pytest.mark.parametrize(
    ("command", "change"),
    [
        (["flush", "ruleset"], "there were none"),
        (["add", "rule", "ip", "ours", "input", "accept"], "-\t\taccept"),
        (["flush", "chain", "ip", "ours", "input"], "+\t\ttcp dport 7 drop"),
    ],
    ids=["gone", "one more", "one less"],
)
def test_rules_that_were_edited_by_hand_are_loaded_again(load, command, change):
    """As after a boot without our file, or after somebody's experiment."""
    load(OLD)
    subprocess.run(["nft", *command], check=True)
    assert load(OLD, test=True)["changes"] == {"loaded": change}
    assert load(OLD)["changes"] == {"loaded": change}
    assert in_force() == ["7 drop"]
    assert load(OLD)["changes"] == {}


def test_a_memory_that_is_older_than_the_file_is_told_as_that(load):
    """A run that was killed between the two writes; nobody has edited the rules."""
    load(OLD)
    memory = load.path.with_name("ours.nft.loaded")
    old = memory.read_bytes()
    load(NEW)
    memory.write_bytes(old)
    expected = {"loaded": "what is remembered of them is older than the file"}
    assert load(NEW, test=True)["changes"] == expected
    assert load(NEW)["changes"] == expected
    assert load(NEW)["changes"] == {}
    memory.unlink()
    assert load(NEW)["changes"] == {"loaded": "nothing is remembered of them"}
    assert load(NEW)["changes"] == {}


def test_what_is_in_force_may_take_several_programs_to_show(load):
    """Each of which may have nothing to show."""
    show = [SHOW, ["nft", "list", "table", "ip", "theirs"], ["no-such-filter"]]
    assert load(OLD, show=show)["result"] is True
    assert load(OLD, show=show)["changes"] == {}
    subprocess.run(["nft", "add", "table", "ip", "theirs"], check=True)
    assert load(OLD, show=show, test=True)["changes"] == {"loaded": "-table ip theirs {\n-}"}


def test_a_name_that_a_load_makes_up_is_no_difference(load):
    """pf calls the table of a long list __automatic_RANDOM_NUMBER."""
    show = ["sh", "-c", 'nft list table ip ours && echo "<__automatic_$(date +%N | tr -d g)_0>"']
    assert load(OLD, show=show)["result"] is True
    assert load(OLD, show=show)["changes"] == {}


def test_rules_that_the_filter_refuses_are_never_loaded(load):
    """One line quotes the parser, and the old rules stand."""
    load(OLD)
    done = load(NEW.replace("drop", "dorp"))
    assert done["result"] is False
    assert done["comment"].startswith(
        f"{load.path}: nft refuses these rules, so the old ones stand"
    )
    assert "\n" not in done["comment"]
    assert load.path.read_text() == OLD
    assert in_force() == ["7 drop"]


def test_rules_that_cannot_be_loaded_leave_the_old_ones(load):
    """Sound to the parser, refused by the kernel."""
    load(OLD)
    refuse_new = ["sh", "-c", 'grep -q 9 "$0" && exit 1; nft --file "$0"', "{file}"]
    done = load(NEW, load=refuse_new)
    assert done["result"] is False
    assert done["comment"] == f"{load.path}: sh refuses these rules, so the old ones stand: exit 1"
    assert load.path.read_text() == OLD
    assert in_force() == ["7 drop"]


def test_old_rules_that_cannot_come_back_are_not_said_to_be_back(load):
    """One line says what to run by hand."""
    load(OLD)
    done = load(NEW, load=["false", "{file}"])
    assert done["result"] is False
    assert "not even the old rules could be loaded" in done["comment"]
    assert f"false {load.path}" in done["comment"]
    assert "so ours are out of force" in done["comment"]
    assert in_force() == []


@pytest.mark.usefixtures("master")
@pytest.mark.parametrize("port", [4505, 4506], ids=["publishing", "returns"])
@pytest.mark.parametrize("before", [OLD, ""], ids=["old rules", "no rules"])
def test_rules_that_cut_the_minion_off_are_taken_back(load, subject, port, before):
    """The master answers as before, and one line says what happened."""
    if before:
        load(before)
    done = load(TABLE.format(port).replace("drop", "reject with tcp reset"), by=subject)
    assert done["result"] is False
    assert f"the master at 127.0.0.1:{port} does not answer any more" in done["comment"]
    assert "\n" not in done["comment"]
    socket.create_connection(("127.0.0.1", port), 1).close()
    assert in_force() == (["7 drop"] if before else [])
    assert load.path.exists() == bool(before)


@pytest.mark.usefixtures("master")
def test_silence_of_the_master_is_noticed_in_time(load, subject):
    """Packets that are dropped, not rejected, cost a wait that ends."""
    start = time.monotonic()
    assert load(TABLE.format(4506), by=subject)["result"] is False
    assert time.monotonic() - start < 8
    assert in_force() == []


def test_a_master_that_was_away_before_is_no_reason_to_go_back(load, subject):
    """The rules are not to blame."""
    assert load(OLD, by=subject)["result"] is True
    assert in_force() == ["7 drop"]


@pytest.fixture
def visitor(monkeypatch):
    """Somebody came by ssh from an address at which nobody listens."""
    monkeypatch.setenv("SSH_CONNECTION", "127.0.0.9 50000 127.0.0.1 22")


@pytest.mark.usefixtures("visitor")
def test_rules_that_cut_off_whoever_came_by_ssh_are_taken_back(load, monkeypatch):
    """As with salt-ssh, or a person: what is sent to them must come back, be it a refusal."""
    load(OLD)
    monkeypatch.setattr(_peers, "CONNECTION", 0.5)
    cut = OLD.replace("tcp dport 7 drop", "ip daddr 127.0.0.9 drop")
    done = load(cut)
    assert done["result"] is False
    assert "the ssh client at 127.0.0.9:22 does not answer any more" in done["comment"]
    assert in_force() == ["7 drop"]
    monkeypatch.delenv("SSH_CONNECTION")
    assert load(cut)["result"] is True


@pytest.mark.usefixtures("master")
def test_a_minion_of_several_masters_must_lose_none(load, subject, tmp_path):
    """Its configuration names those of whom the process that runs this knows nothing."""
    (tmp_path / "minion").write_text("master: [127.0.0.1, '127.0.0.1:4508']\n")
    both = type(subject)(
        tmp_path, file_client="remote", master="127.0.0.1", multimaster=True,
        conf_file=str(tmp_path / "minion"),
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 4508)):
        done = load(TABLE.format(4508).replace("drop", "reject with tcp reset"), by=both)
    assert done["result"] is False
    assert "the master at 127.0.0.1:4508 does not answer any more" in done["comment"]


@pytest.mark.parametrize("before", [OLD, ""], ids=["old rules", "no rules"])
def test_a_run_killed_before_the_verdict_leaves_the_old_rules(load, before):
    """The load itself kills the run, with the new rules in force; nobody is left but the guard."""
    if before:
        load(before)
    killed = os.fork()
    if killed == 0:
        kill = ["sh", "-c", 'nft --file "$0" && kill -KILL $PPID', "{file}"]
        load(NEW, load=kill)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while in_force() != (["7 drop"] if before else []) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert in_force() == (["7 drop"] if before else [])
    assert load(NEW)["result"] is True
    assert in_force() == ["{ 7, 9 } drop"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_killed_while_the_filter_loads_leaves_the_old_rules(load, number):
    """The program that it started lives on, and puts the new ones in force afterwards."""
    load(OLD)
    loaded = load.path.with_name("loaded")
    slow = f'kill -{int(number)} $PPID; sleep 0.5; nft --file "$0"; touch {loaded}'
    killed = os.fork()
    if killed == 0:
        load(
            NEW,
            load=["sh", "-c", f'case $0 in *.new) {slow} ;; *) nft --file "$0" ;; esac', "{file}"],
        )
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == -number
    deadline = time.monotonic() + 60
    while not (loaded.exists() and in_force() == ["7 drop"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert loaded.exists()
    assert in_force() == ["7 drop"]


def test_rules_are_unloaded_and_their_files_removed(load, minion):
    """With test=True only announced, and the second time there is nothing to do."""
    load(OLD)
    arguments = {"name": str(load.path), "filter": FILTER}
    predicted = minion.apply("firewall.unloaded", test=True, **arguments)
    assert predicted["result"] is None
    assert in_force() == ["7 drop"]
    done = minion.apply("firewall.unloaded", **arguments)
    assert done["result"] is True
    assert done["changes"] == predicted["changes"]
    assert in_force() == []
    assert list(load.path.parent.iterdir()) == []
    assert minion.apply("firewall.unloaded", **arguments)["changes"] == {}


def test_rules_to_begin_with_are_loaded_only_where_there_are_none(load, minion):
    """Others in force stay, edited or not; what is in the file does not count."""
    arguments = {"name": str(load.path), "filter": FILTER}
    assert minion.apply("firewall.begun", text=OLD, test=True, **arguments)["result"] is None
    assert in_force() == []
    assert minion.apply("firewall.begun", text=OLD, **arguments)["result"] is True
    assert in_force() == ["7 drop"]
    load(NEW)
    assert minion.apply("firewall.begun", text=OLD, **arguments)["changes"] == {}
    assert in_force() == ["{ 7, 9 } drop"]
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert minion.apply("firewall.begun", text=OLD, **arguments)["result"] is True
    assert in_force() == ["7 drop"]


def test_tables_of_others_are_not_touched(load, minion):
    """Neither by loading, nor by going back, nor by unloading."""
    subprocess.run(["nft", "add", "table", "ip", "theirs"], check=True)
    load(OLD)
    load(NEW, load=["false"])
    minion.apply("firewall.unloaded", name=str(load.path), filter=FILTER)
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    assert tables.stdout == "table ip theirs\n"


def test_a_filter_that_is_not_installed_is_one_line(load):
    """It says what to do; with test=True nothing is missing yet."""
    absent = {key: ["no-such-filter"] for key in FILTER}
    assert load(OLD, test=True, **absent)["result"] is None
    done = load(OLD, **absent)
    assert done["result"] is False
    assert done["comment"] == f"{load.path}: no program 'no-such-filter' (install it)"


def test_a_file_that_cannot_be_written_is_one_line(load):
    """The filter is not asked for anything."""
    load.path.parent.write_text("a file where a directory should be")
    done = load(OLD)
    assert done["result"] is False
    assert done["comment"] == f"{load.path}: Not a directory"
    assert in_force() == []


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_a_directory_of_rules_is_nobodys_to_write(load, umask):
    """Whatever the umask of whoever applies this; the rules are the administrator's to read."""
    before = os.umask(umask)
    try:
        load(OLD)
    finally:
        os.umask(before)
    made = [load.path.parent, load.path, load.path.with_name("ours.nft.loaded")]
    assert [path.stat().st_mode & 0o7777 for path in made] == [0o755, 0o600, 0o600]


def test_a_filter_that_hangs_is_one_line(load, monkeypatch):
    """Also where it is only asked what it has."""
    monkeypatch.setattr(_inforce, "PROGRAM", 0.2)
    for test in (True, False):
        done = load(OLD, test=test, show=["sleep", "9"])
        assert done["result"] is False
        assert done["comment"] == f"{load.path}: sleep did not end within 0.2 s"
    assert not load.path.exists()


def test_what_a_filter_shows_may_be_no_text(load):
    """A comment in Latin 1, say; it is remembered to the byte."""
    shown = ["sh", "-c", r"nft list table ip ours && printf 'caf\351\n'"]
    assert load(OLD, show=shown)["result"] is True
    assert load(OLD, show=shown)["changes"] == {}
    assert load(OLD)["changes"]["loaded"].encode()


LIMITED = {
    "plain": {"ports": ["ftp"], "per_client": 19, "never": []},
    "a.b-c_D9": {
        "ports": [2121, "ftp"], "per_client": 1, "never": ["9.9.9.0/24", "10.0.0.1"],
        "new": "20/minute", "count": 20, "seconds": 60, "ban": "9999d",
    },
    "0": {"ports": [1], "per_client": 1, "never": [], "new": "1/hour", "count": 1, "seconds": 3600},
}  # fmt: skip


@pytest.mark.parametrize("ports", [["ftp"], []], ids=["server", "no server"])
@pytest.mark.parametrize("proxied", [True, False], ids=["proxy", "no proxy"])
@pytest.mark.parametrize("names", [(), LIMITED], ids=["without limits", "with limits"])
def test_the_rules_of_a_gateway_are_sound(minion, tmp_path, names, proxied, ports):
    """With all that it may have or not, and loaded twice."""
    template = pathlib.Path(__file__).parents[2] / "ftpgw/files/nftables.jinja"
    network = {"int_if": "xl1", "int_net": "10.0.0.0/8", "int_ip": "10.0.0.1", "proxy_port": 8021}
    limited = {name: LIMITED[name] for name in names}
    text = jinja2.Template(template.read_text()).render(
        ftpgw={"proxied": proxied, "limited": limited}, network=network, ports=ports,
        passive="50000-60000", kernel=[50000, 60000],
    )  # fmt: skip
    file = tmp_path / "rules"
    file.write_text(f"{text}\n")
    for _ in range(2):
        subprocess.run(["nft", "-f", file], check=True)
    show = ["nft", "--stateless", "--terse", "list", "table", "ip", "ftpgw"]
    shown = subprocess.check_output(show, text=True)
    assert ("ct helper" in shown) == bool(proxied or ports)
    assert shown.count("ct count over") == len(limited)
