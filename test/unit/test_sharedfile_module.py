"""sharedfile: our lines come and go, the others' stay."""

import pathlib
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from _modules import sharedfile

OTHERS = st.lists(st.sampled_from(["/bin/sh", "", "# ftpgw", "root"])).map("\n".join)
OURS = st.lists(st.sampled_from(["/usr/sbin/nologin", "ftp"]), min_size=1)


def test_lines_go_to_the_end():
    """A file without a final newline gets one first: our mark must not join its last line."""
    block = "# ftpgw: begin\nftp\n# ftpgw: end\n"
    assert sharedfile.put("root", ["ftp"]) == f"root\n{block}"
    assert sharedfile.put("", ["ftp"]) == block


def test_lines_go_to_the_beginning_when_asked():
    """PAM reads from the top."""
    assert sharedfile.put("b\n", ["a"], first=True).endswith("# ftpgw: end\nb\n")


@given(OTHERS, OURS, OURS, st.booleans())
def test_new_lines_replace_old_ones(others, old, new, first):
    """However often lines are put, only the last are there."""
    text = sharedfile.put(sharedfile.put(others, old, first), new, first)
    assert text == sharedfile.put(others, new, first)


@given(OTHERS, OURS, st.booleans())
def test_taking_our_lines_away_leaves_the_others(others, ours, first):
    """Only a missing final newline is not taken away again."""
    text = sharedfile.put(sharedfile.put(others, ours, first), [])
    assert text.rstrip("\n") == others.rstrip("\n") or text == others + "\n"


@given(OTHERS)
def test_no_lines_change_nothing(others):
    """A file without our lines is left as it is."""
    assert sharedfile.put(others, []) == others


@given(st.binary())
def test_what_was_read_is_written_back_to_the_byte(data):
    """Also what is no text, and lines that end as elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "file")
        file.write_bytes(data)
        sharedfile.write(str(file), sharedfile.read(str(file)))
        assert file.read_bytes() == data


def test_a_file_keeps_its_mode(tmp_path):
    """And one that is not there is empty."""
    file = tmp_path / "file"
    assert sharedfile.read(str(file)) == ""
    file.touch(0o640)
    sharedfile.write(str(file), "new\n")
    assert file.stat().st_mode & 0o7777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
