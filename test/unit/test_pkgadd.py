"""Packages of OpenBSD come, stay and go."""

import _pkgadd
import pytest
from fakes import Fakes, run_all
from salt.exceptions import CommandExecutionError

from _states import pkgadd as states

PKGS = ["ucspi-tcp", "rsync"]


@pytest.fixture
def openbsd(tmp_path, monkeypatch):
    """OpenBSD's three programs, of which each package is a file in a directory."""
    (tmp_path / "db").mkdir()
    fakes = Fakes(tmp_path, monkeypatch)
    fakes.add("pkg_info", f"ls {tmp_path}/db/$2 >/dev/null 2>&1")
    fakes.add("pkg_add", f'shift; for name; do touch "{tmp_path}/db/$name-1.0"; done')
    fakes.add("pkg_delete", f'shift; for name; do rm {tmp_path}/db/"$name"-*; done')
    monkeypatch.setattr(states, "__salt__", {"cmd.run_all": run_all}, raising=False)
    return fakes


@pytest.fixture
def apply(monkeypatch):
    """Run a state, with test=True where asked for."""

    def run(state, test=False):
        monkeypatch.setattr(states, "__opts__", {"test": test}, raising=False)
        return state("packages", PKGS)

    return run


def test_what_is_missing_is_installed(openbsd, apply):
    """Only that, without questions; the second run asks and changes nothing."""
    _pkgadd.install(["rsync"], run_all)
    openbsd.calls()
    assert apply(states.installed, test=True)["result"] is None
    assert "pkg_add" not in " ".join(openbsd.calls())
    done = apply(states.installed)
    assert (done["result"], done["changes"]) == (True, {"ucspi-tcp": "installed"})
    asked = ["pkg_info -e ucspi-tcp-*", "pkg_info -e rsync-*"]
    assert openbsd.calls() == [*asked, "pkg_add -I ucspi-tcp", *asked]
    again = apply(states.installed)
    assert (again["result"], again["changes"]) == (True, {})
    assert openbsd.calls() == asked


def test_what_is_there_is_removed(openbsd, apply):
    """And what is not there is not mentioned."""
    _pkgadd.install(["rsync"], run_all)
    assert apply(states.removed, test=True)["result"] is None
    assert apply(states.removed)["changes"] == {"rsync": "removed"}
    assert apply(states.removed)["changes"] == {}


def test_the_words_of_pkg_add_are_told(openbsd, apply):
    """In one line, which begins with the package."""
    openbsd.add("pkg_add", 'echo "Can\'t find" >&2; echo ucspi-tcp >&2; exit 1')
    done = apply(states.installed)
    assert done["result"] is False
    assert done["comment"] == "ucspi-tcp, rsync: pkg_add: Can't find ucspi-tcp"


def test_a_package_that_did_not_come_is_noticed(openbsd, apply):
    """pkg_add exits 0 for much."""
    openbsd.add("pkg_add")
    done = apply(states.installed)
    assert (done["result"], done["changes"]) == (False, {})
    assert done["comment"] == "ucspi-tcp, rsync: not installed after all"


def test_the_nouns_raise_where_states_fail(openbsd):
    """With the same line."""
    openbsd.add("pkg_delete", "exit 1")
    with pytest.raises(CommandExecutionError, match="rsync: pkg_delete"):
        _pkgadd.remove(["rsync"], run_all)


@pytest.mark.parametrize(("kernel", "loaded"), [("OpenBSD", True), ("Linux", False)])
def test_it_is_only_there_on_openbsd(monkeypatch, kernel, loaded):
    """Elsewhere the name pkg_add means something else."""
    monkeypatch.setattr(states, "__grains__", {"kernel": kernel}, raising=False)
    assert (states.__virtual__() is True) == loaded
