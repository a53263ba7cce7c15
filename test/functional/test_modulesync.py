"""Custom modules and states come to the minion when they differ, and otherwise stay as they are."""

import pathlib

import pytest
from conftest import Minion

MODULE = "def answer():\n    return {}\n"


@pytest.fixture
def minion(tmp_path):
    """A minion whose file server has the module of this repository, and two files more."""
    served, root = tmp_path / "srv", tmp_path / "minion"
    for path in ("_modules/probe.py", "_states/probe.py", "_modules/read.me"):
        (served / path).parent.mkdir(parents=True, exist_ok=True)
        (served / path).write_text(MODULE.format(1))
    root.mkdir()
    roots = {"base": [str(served)]}
    minion = Minion(root, file_roots=roots, extension_modules=str(root / "cache/extmods"))
    minion.served, minion.here = served, root / "cache/extmods"
    return minion


def sync(minion):
    return minion.functions["modulesync.sync"]("base")


def test_what_is_missing_comes(minion):
    """Modules and states, each named as Salt names them; other files are not meant."""
    assert sync(minion) == ["modules.probe", "states.probe"]
    files = minion.here.rglob("*.*")
    assert {str(path.relative_to(minion.here)) for path in files if path.is_file()} == {
        "modules/probe.py",
        "states/probe.py",
    }


def test_what_is_compiled_stays_when_nothing_differs(minion):
    """Salt's own function throws it away, to be compiled again by every run of states."""
    sync(minion)
    compiled = minion.here / "modules/__pycache__/probe.pyc"
    compiled.parent.mkdir()
    compiled.touch()
    assert sync(minion) == []
    assert compiled.exists()


@pytest.mark.parametrize("kind", ["modules", "states"])
def test_what_differs_comes(minion, kind):
    """On either side, and nothing but that."""
    sync(minion)
    (minion.served / f"_{kind}/probe.py").write_text(MODULE.format(2))
    assert sync(minion) == [f"{kind}.probe"]
    (minion.here / kind / "probe.py").write_text(MODULE.format(3))
    assert sync(minion) == [f"{kind}.probe"]
    assert pathlib.Path(minion.here, kind, "probe.py").read_text() == MODULE.format(2)
    assert sync(minion) == []
