"""Custom modules and states come to the minion when they differ, and are used in that very run."""

import os
import sys
import types

import pytest

MODULE = "def answer():\n    return {}\n"
# A public module that knows something only by two private ones, one behind the other.
CHAIN = {
    "_modules/asked.py": "import _near\n\n\ndef value():\n    return _near.value()\n",
    "_modules/_near.py": "import _far\n\n\ndef value():\n    return _far.VALUE\n",
}


def serve(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture
def served(tmp_path, fresh_minion):
    """What the file server has: a module, a state, and a file that is neither."""
    paths = ("_modules/probe.py", "_states/probe.py", "_modules/read.me")
    serve(tmp_path / "srv", dict.fromkeys(paths, MODULE.format(1)))
    return tmp_path / "srv"


@pytest.fixture
def sync(fresh_minion):
    return lambda *arguments: fresh_minion.functions["ftpgw.sync"](*arguments)


@pytest.fixture
def here(fresh_minion):
    return fresh_minion.root / "cache/extmods"


def test_what_is_missing_comes(served, sync, here):
    """Modules and states, each named as Salt names them; other files are not meant."""
    assert sync() == ["modules.probe", "states.probe"]
    files = {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()}
    assert files == {"modules/probe.py", "states/probe.py"}


def test_what_is_compiled_stays_when_nothing_differs(served, sync, here):
    """Salt's own function throws it away, to be compiled again by every run of states."""
    sync()
    compiled = here / "modules/__pycache__/probe.pyc"
    compiled.parent.mkdir()
    compiled.touch()
    assert sync() == []
    assert compiled.exists()


def test_beacons_come_too(served, sync, here):
    serve(served, {"_beacons/probe.py": MODULE})
    assert sync() == ["beacons.probe", "modules.probe", "states.probe"]
    assert (here / "beacons/probe.py").exists()
    assert sync() == []


@pytest.mark.parametrize("kind", ["modules", "states"])
def test_what_differs_comes(served, sync, here, kind):
    """On either side, and nothing but that."""
    sync()
    (served / f"_{kind}/probe.py").write_text(MODULE.format(2))
    assert sync() == [f"{kind}.probe"]
    (here / kind / "probe.py").write_text(MODULE.format(3))
    assert sync() == [f"{kind}.probe"]
    assert (here / kind / "probe.py").read_text() == MODULE.format(2)
    assert sync() == []


def test_what_is_no_longer_served_goes(served, sync, here):
    """Nothing comes, so nothing is new; a folder with a similar name is not ours to look at."""
    sync()
    (served / "_modules_old").mkdir()
    (served / "_modules/probe.py").rename(served / "_modules_old/probe.py")
    assert sync() == []
    assert not (here / "modules/probe.py").exists()
    assert (here / "states/probe.py").exists()


def test_one_run_of_states_syncs_once(served, sync):
    """Every state file asks; only the first one of a run has it done."""
    assert sync("base", ["modules.earlier"]) == ["modules.earlier", "modules.probe", "states.probe"]
    (served / "_modules/probe.py").write_text(MODULE.format(2))
    assert sync("base") == ["modules.earlier", "modules.probe", "states.probe"]
    assert sync() == ["modules.probe"]


@pytest.fixture
def value(fresh_minion):
    """What the served module answers, in one process that goes on, as without multiprocessing."""
    return lambda: fresh_minion.functions["asked.value"]()


def test_what_has_come_is_used_at_once(tmp_path, fresh_minion, sync, value):
    """Also where only the second of two private nouns differs, one is renamed, and one is gone."""
    root = tmp_path / "srv"
    serve(root, {**CHAIN, "_modules/_far.py": "VALUE = 1\n"})
    sync()
    assert value() == 1
    serve(root, {"_modules/_far.py": "VALUE = 22\n"})
    assert sync() == ["modules._far"]
    assert value() == 22
    (root / "_modules/_far.py").rename(root / "_modules/_farther.py")
    serve(root, {"_modules/_near.py": CHAIN["_modules/_near.py"].replace("_far", "_farther")})
    sync()
    assert value() == 22
    for name in ("_near", "_farther"):
        os.unlink(root / f"_modules/{name}.py")
    serve(root, {"_modules/asked.py": "def value():\n    return 4\n"})
    sync()
    assert value() == 4


@pytest.mark.parametrize("before", [[], ["modules"]])
def test_what_another_extension_has_by_the_same_name_is_used_no_more(
    tmp_path, fresh_minion, sync, value, monkeypatch, before
):
    """It was loaded when there was nothing else; whoever has synced need not be this function."""
    serve(tmp_path / "srv", {**CHAIN, "_modules/_far.py": "VALUE = 1\n"})
    far = types.ModuleType("_far")
    far.VALUE, far.__file__ = 9, "/usr/lib/python3/dist-packages/saltext/far/_far.py"
    monkeypatch.setitem(sys.modules, "_far", far)
    monkeypatch.delitem(sys.modules, "_near", raising=False)
    new = [
        name
        for kind in before
        for name in fresh_minion.functions[f"saltutil.sync_{kind}"]("base", refresh=False)
    ]
    sync("base", new)
    assert value() == 1
