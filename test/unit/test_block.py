"""A block of lines: ours come and go, the others' stay."""

import pathlib
import tempfile

import _block
import _files
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

OTHERS = st.lists(st.sampled_from(["/bin/sh", "", "# ftpgw", "root"])).map("\n".join)
OURS = st.lists(st.sampled_from(["/usr/sbin/nologin", "ftp"]), min_size=1)


def test_lines_go_to_the_end():
    """A file without a final newline gets one first: our mark must not join its last line."""
    block = "# ftpgw: begin\nftp\n# ftpgw: end\n"
    assert _block.plan("root", ["ftp"]) == f"root\n{block}"
    assert _block.plan("", ["ftp"]) == block


def test_lines_go_to_the_beginning_when_asked():
    """PAM reads from the top."""
    assert _block.plan("b\n", ["a"], first=True).endswith("# ftpgw: end\nb\n")


@given(OTHERS, OURS, OURS, st.booleans())
def test_new_lines_replace_old_ones(others, old, new, first):
    """However often lines are put, only the last are there."""
    text = _block.plan(_block.plan(others, old, first), new, first)
    assert text == _block.plan(others, new, first)


@given(OTHERS, OURS, st.booleans())
def test_taking_our_lines_away_leaves_the_others(others, ours, first):
    """Only a missing final newline is not taken away again."""
    text = _block.plan(_block.plan(others, ours, first), [])
    assert text.rstrip("\n") == others.rstrip("\n") or text == others + "\n"


@given(OTHERS)
def test_no_lines_change_nothing(others):
    """A file without our lines is left as it is."""
    assert _block.plan(others, []) == others


@given(st.binary())
def test_what_was_read_is_written_back_to_the_byte(data):
    """Also what is no text, and lines that end as elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "file")
        file.write_bytes(data)
        _block.apply(str(file), _block.read(str(file)), _files.put)
        assert file.read_bytes() == data


def test_a_file_keeps_its_mode(tmp_path):
    """And one that is not there is empty."""
    file = tmp_path / "file"
    assert _block.read(str(file)) == ""
    file.touch(0o640)
    _block.apply(str(file), "new\n", _files.put)
    assert file.stat().st_mode & 0o7777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_and_the_file_it_names_is_replaced(tmp_path):
    """Such as an /etc/shells that is kept elsewhere."""
    (tmp_path / "link").symlink_to("file")
    for text in ("one\n", "two\n"):
        _block.apply(str(tmp_path / "link"), text, _files.put)
        assert (tmp_path / "file").read_text() == text
    assert (tmp_path / "link").is_symlink()


BEGIN, END = "# ftpgw: begin", "# ftpgw: end"


@pytest.mark.parametrize("lines", [["ours"], []], ids=["put", "taken"])
@pytest.mark.parametrize(
    "marks",
    [
        [BEGIN],
        [END],
        [END, BEGIN],
        [BEGIN, BEGIN, END],
        [BEGIN, END, BEGIN, END],
        [BEGIN, END, END],
    ],
    ids=lambda marks: "-".join(mark.split()[-1] for mark in marks),
)
def test_marks_that_are_no_pair_are_refused(marks, lines):
    """Nothing tells then which of the lines between them is ours."""
    text = "".join(f"theirs\n{mark}\n" for mark in marks)
    with pytest.raises(CommandExecutionError, match="are no pair any more") as refused:
        _block.plan(text, lines)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("end", ["\r\n", " \n", "\t \n"])
def test_a_mark_is_known_with_white_space_after_it(end):
    """As an editor of another system leaves it."""
    text = f"a\n{BEGIN}{end}old{end}{END}{end}b\n"
    assert _block.plan(text, ["new"]) == f"a\n{BEGIN}\nnew\n{END}\nb\n"
    assert _block.plan(text, []) == "a\nb\n"


def test_a_line_that_only_looks_like_a_mark_is_none():
    """Somebody may write about ours."""
    text = f"# see {BEGIN}\n{BEGIN}ning\n"
    assert _block.plan(_block.plan(text, ["ours"]), []) == text


def test_a_difference_can_be_told():
    """Only what differs, also of what is no text."""
    assert _block.difference("a\nb\n", "a\nc\n") == "-b\n+c"
    assert _block.difference("--a", "++a") == "---a\n+++a"
    _block.difference("", b"\xff".decode(errors="surrogateescape")).encode()
