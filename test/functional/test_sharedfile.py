"""Lines of ours in a file of others."""

import os

import _block
import pytest


@pytest.fixture
def shells(tmp_path):
    """A file of somebody else."""
    file = tmp_path / "shells"
    file.write_text("/bin/sh\n")
    return file


@pytest.fixture
def lines(minion, shells):
    """Apply the state to it."""

    def apply(lines, test=False):
        if not lines:
            return minion.apply("sharedfile.no_lines", test, name=str(shells))
        return minion.apply("sharedfile.lines", test, name=str(shells), lines=lines)

    return apply


def test_our_lines_come_change_and_go(lines, shells):
    """Announced with test=True, done once, then left alone; the others' stay."""
    for ours in (["a"], ["b"], []):
        before = shells.read_text()
        predicted = lines(ours, test=True)
        assert (predicted["result"], shells.read_text()) == (None, before)
        done = lines(ours)
        assert (done["result"], done["changes"]) == (True, predicted["changes"])
        assert lines(ours)["changes"] == {}
    assert shells.read_text() == "/bin/sh\n"


def test_a_mark_that_is_lost_is_told_and_nothing_is_touched(lines, shells):
    """Or the second run would take the lines of others for ours."""
    shells.write_text(f"{_block.BEGIN}\nours\n/bin/sh\n/bin/ksh\n")
    before = shells.read_text()
    for ours in (["new"], ["new"], []):
        done = lines(ours)
        assert done["result"] is False
        assert done["comment"].startswith(f"{shells}: the lines ")
        assert "\n" not in done["comment"]
        assert shells.read_text() == before


def test_a_link_stays_a_link(lines, shells):
    """What it names has our lines."""
    shells.rename(shells.with_name("elsewhere"))
    shells.symlink_to("elsewhere")
    assert lines(["a"])["result"] is True
    assert shells.is_symlink()
    assert "a" in shells.with_name("elsewhere").read_text().splitlines()


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_a_new_file_is_for_all_to_read_and_for_nobody_to_write(lines, shells, umask):
    """Whatever the umask of whoever applies this."""
    shells.unlink()
    before = os.umask(umask)
    try:
        lines(["a"])
    finally:
        os.umask(before)
    assert shells.stat().st_mode & 0o7777 == 0o644


def test_a_file_that_cannot_be_read_is_one_line(lines, shells):
    """Such as a directory."""
    shells.unlink()
    shells.mkdir()
    assert lines(["a"])["comment"] == f"{shells}: Is a directory"
