"""On a machine that takes itself for OpenBSD: what is run, in order, and a gateway that serves.

Real are Salt, daemontools built from its author's sources, tcpserver and the FTP session. Imitated
are the programs that only OpenBSD has: sandbox/openbsd.py.
"""

import json
import pathlib
import subprocess
import sys

import pytest

TEST = pathlib.Path(__file__).parents[1]
CALLS = TEST / "data/openbsd-7.6.calls"
BUILT = "/package/admin/daemontools-0.76/command"


@pytest.fixture(scope="module")
def facts():
    """What the gateway did, in a box within this box."""
    box = [sys.executable, TEST / "sandbox/box.py", sys.executable, TEST / "sandbox/openbsd.py"]
    done = subprocess.run(box, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_programs_are_called_as_a_person_has_read(facts):
    """In order: packages, ports, base services, accounts, the filter's check before its load."""
    assert facts["calls"] == CALLS.read_text()


def test_no_program_gets_the_hash_as_an_argument(facts):
    """And yet the account can log in: the password was really set."""
    assert "$2b$" not in facts["calls"]
    assert facts["came back"] == "there and back"


def test_the_second_run_only_asks(facts):
    """Nothing is changed, and nothing is called that could change something."""
    assert facts["second"] == []
    asked = set(facts["calls of the second run"].splitlines())
    assert asked <= set(facts["calls"].splitlines())
    assert not [call for call in asked if " -f " in call or "=" in call or "stop" in call]


def test_the_prediction_is_what_then_changes(facts):
    """With daemontools not even built yet."""
    assert facts["predicted"] == facts["first"]


def test_the_gateway_runs_on_the_daemontools_that_was_built(facts):
    """svscan and supervise are those of /package; both services are up; strangers stay out."""
    assert (facts["svscan"], facts["supervise"]) == (f"{BUILT}/svscan", f"{BUILT}/supervise")
    assert facts["states"] == {"ftp-proxy": "up", "open-ftpd": "up"}
    assert facts["stranger"] == ""


def test_the_proxy_that_listens_by_itself_is_logged(facts):
    """Its own words are in its multilog, since it stays in the foreground."""
    assert "listening on 127.0.0.1 port 8021" in facts["log of ftp-proxy"][-1]


def test_the_rules_of_others_stay(facts):
    """Ours come first, between marks; then those that were there."""
    assert facts["pf.conf"].startswith("# ftpgw: begin\n")
    assert facts["pf.conf"].endswith("# ftpgw: end\nset skip on lo\nblock return\npass\n")
