"""What people see of the modules: few functions, each of which can be typed."""

import re

OURS = ("daemontools", "ftpgw", "tcprules")


def test_few_functions_are_public(minion):
    """A person types them, a state file names them, or a state needs them as a pair."""
    names = [name for name in minion.functions if name.partition(".")[0] in OURS]
    assert len(names) <= 90


def test_no_private_noun_is_a_module(minion):
    modules = {name.partition(".")[0] for name in minion.functions}
    assert set(OURS) <= modules
    assert not [name for name in modules if name.startswith("_")]


def test_every_public_function_has_an_example(minion):
    """Of itself: one that can be typed."""
    for name in minion.functions:
        if name.partition(".")[0] in OURS:
            text = minion.functions[name].__doc__
            example = text.partition("CLI Example")[2]
            assert re.search(rf"salt(-call --local)? .*{re.escape(name)}\b", example), name
