"""_startable: what can be known about a service before it starts."""

import _startable
import pytest


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("#!/bin/sh\nexec sleep 9\n", None),
        ("#! /bin/sh -e\nexec sleep 9\n", None),
        ("#!/usr/bin/perl\nif {{{\n", None),
        ("#!/usr/bin/flash\nif\n", None),
        ("#!/no/such/sh\nif\n", None),
        ("#!\n", None),
    ],
)
def test_what_may_be_a_good_script_has_no_fault(script, fault):
    assert _startable.fault(script) is fault


@pytest.mark.parametrize("first", ["#!/bin/sh", "#! /bin/sh -e", "#!/bin/bash"])
def test_a_shell_says_where_its_script_is_broken(first):
    assert "ntax error" in _startable.fault(f"{first}\nif true\n")


def test_a_script_is_read_and_not_run(tmp_path):
    assert _startable.fault(f"#!/bin/sh\ntouch {tmp_path}/run\nif\n")
    assert not (tmp_path / "run").exists()


PLAIN = {"multilog": False}


@pytest.mark.parametrize(
    ("given", "program"),
    [
        ({"command": ["sleep"]}, None),
        ({"command": ["/bin/sh"], "multilog": {}}, None),
        ({"command": ["nothing-like-it"]}, "nothing-like-it"),
        ({"command": ["/etc/passwd"]}, "/etc/passwd"),
        ({"run": "#!/bin/sh -e\n"}, None),
        ({"run": "#!/no/such/shell\n"}, "/no/such/shell"),
    ],
)
def test_the_program_that_is_not_there_is_named(given, program):
    assert _startable.missing(PLAIN | given) == program


@pytest.mark.parametrize("tool", ["envdir", "softlimit", "tcpserver", "setuidgid"])
def test_the_tools_that_run_a_command_must_be_there_too(tool, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_startable, "PLACES", (str(tmp_path),))
    assert _startable.missing(PLAIN | {tool: {"x": 1}, "command": ["/bin/sh"]}) == tool
    assert _startable.missing(PLAIN | {tool: {}, "command": ["/bin/sh"]}) is None
