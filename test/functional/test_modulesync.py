"""Custom modules and states come to the minion when they differ, and otherwise stay as they are."""

import pytest

MODULE = "def answer():\n    return {}\n"


@pytest.fixture
def served(tmp_path, fresh_minion):
    """What the file server has: a module, a state, and a file that is neither."""
    for path in ("_modules/probe.py", "_states/probe.py", "_modules/read.me"):
        (tmp_path / "srv" / path).parent.mkdir(exist_ok=True)
        (tmp_path / "srv" / path).write_text(MODULE.format(1))
    return tmp_path / "srv"


@pytest.fixture
def sync(fresh_minion):
    return fresh_minion.functions["modulesync.sync"]


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
