"""_servicechange: what a process needs to become what it is wanted to be."""

import _servicechange
import pytest


def record(state, want, pid):
    return {"state": state, "want": want, "pid": pid}


# What it does now; what is done to it where it is wanted up, where it is wanted up and what it
# runs was replaced, and where it is wanted down.
DEEDS = [
    (record("up", "up", 7), None, "restarted", "stopped"),
    (record("up", "once", 7), "kept up", "restarted", "stopped"),
    (record("up", "down", 7), "kept up", "restarted", "stopped"),
    (record("paused", "up", 7), "continued", "restarted", "stopped"),
    (record("down", "up", None), "started", "started", "stopped"),
    (record("down", "down", None), "started", "started", None),
    (record("down", None, None), "started", "started", None),
    (record("failed", "up", None), "started", "started", "stopped"),
    (record("unsupervised", None, None), "started", "started", None),
    (record("missing", None, None), "started", "started", None),
]


@pytest.mark.parametrize(("now", "up", "replaced", "down"), DEEDS)
def test_the_deed_follows_from_what_is_and_what_is_wanted(now, up, replaced, down):
    assert _servicechange.deed(now, "up", False) == up
    assert _servicechange.deed(now, "up", True) == replaced
    assert _servicechange.deed(now, "down", False) == down
    assert _servicechange.deed(now, "down", True) == down


def test_every_deed_has_its_orders():
    deeds = {deed for _, *row in DEEDS for deed in row if deed}
    assert deeds == set(_servicechange.ORDERS)
