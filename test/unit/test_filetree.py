"""_filetree: a directory of small files, read, compared and written whole."""

import os
import resource

import _filetree
import _version
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

FOLDERS = ("log", "env")
RUN = {"mode": "0755", "text": "#!/bin/sh\nexec sleep 9\n"}
TREE = {
    "run": RUN,
    "log/run": {"mode": "0755", "text": "#!/bin/sh\nexec multilog t ./main\n"},
    "env/SECRET": {"mode": "0600", "text": "hunter2\n"},
}


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "svc.d" / "hello")


@pytest.fixture
def written(directory):
    _filetree.write(directory, TREE, FOLDERS)
    return directory


def test_what_was_written_is_read_back(written):
    assert _filetree.read(written, FOLDERS) == TREE


def test_a_directory_that_does_not_exist_has_no_files(directory):
    assert _filetree.read(directory, FOLDERS) == {}


def test_writing_the_same_again_touches_nothing(written):
    def stood():
        status = os.stat(os.path.join(written, "run"))
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns

    before = stood()
    _filetree.write(written, TREE, FOLDERS)
    assert stood() == before


def test_files_that_are_not_declared_are_removed(written):
    for name in ("finish", "env/OLD", "log/run.new", ".hidden"):
        with open(os.path.join(written, name), "w"):
            pass
    os.symlink("/etc/passwd", os.path.join(written, "link"))
    _filetree.write(written, TREE, FOLDERS)
    assert _filetree.read(written, FOLDERS) == TREE


def test_a_folder_with_nothing_declared_in_it_goes(written):
    _filetree.write(written, {"run": RUN}, FOLDERS)
    assert sorted(os.listdir(written)) == [_filetree.MARK, "run"]


def test_what_supervise_and_others_keep_there_stays(written):
    for folder in ("supervise", "log/supervise", "root"):
        os.mkdir(os.path.join(written, folder))
        with open(os.path.join(written, folder, "file"), "w"):
            pass
    _filetree.write(written, {"run": RUN}, FOLDERS)
    kept = ("supervise/file", "log/supervise/file", "root/file")
    assert all(os.path.exists(os.path.join(written, path)) for path in kept)


@pytest.mark.parametrize("there", [True, False])
def test_a_supervise_that_is_kept_elsewhere_stays_until_all_goes(written, tmp_path, there):
    """Where service directories are read-only, it is a link into /run, which a boot empties."""
    elsewhere = tmp_path / "run"
    if there:
        elsewhere.mkdir()
        (elsewhere / "status").touch()
    for folder in ("", "log"):
        os.symlink(elsewhere, os.path.join(written, folder, "supervise"))
    assert _filetree.read(written, FOLDERS) == TREE
    _filetree.write(written, TREE, FOLDERS)
    assert os.path.islink(os.path.join(written, "supervise"))
    assert os.path.islink(os.path.join(written, "log/supervise"))
    _filetree.remove(written, ("log/supervise", "log", "env", "supervise"))
    assert not os.path.lexists(written)
    assert (elsewhere / "status").exists() is there


def test_a_wrong_mode_is_a_difference_and_is_set_right(written):
    os.chmod(os.path.join(written, "run"), 0o644)
    difference = _filetree.difference(_filetree.read(written, FOLDERS), TREE)
    assert difference == {"run": "mode 0644 becomes 0755"}
    _filetree.write(written, TREE, FOLDERS)
    assert _filetree.read(written, FOLDERS) == TREE


def test_a_difference_is_a_unified_diff():
    new = {"run": RUN | {"text": "#!/bin/sh\nexec sleep 10\n"}}
    assert _filetree.difference({"run": RUN}, new) == {
        "run": "--- run\n+++ run\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-exec sleep 9\n+exec sleep 10"
    }


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [({}, TREE, "added"), (TREE, {}, "removed"), (TREE, {"env/SECRET": RUN}, "changed")],
)
def test_a_difference_does_not_show_secrets(old, new, word):
    difference = _filetree.difference(old, new, secret=("env",))
    assert difference["env/SECRET"] == word
    assert "hunter2" not in str(difference)


@pytest.mark.parametrize(("old", "new"), [({}, "added"), ({"down": ""}, "removed")])
def test_an_empty_file_comes_and_goes_with_a_word(old, new):
    down = {"down": {"mode": "0644", "text": ""}}
    assert _filetree.difference(*((down, {}) if old else ({}, down))) == {"down": new}


def test_a_symbolic_link_is_replaced_and_not_followed(written, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    os.unlink(os.path.join(written, "run"))
    os.symlink(victim, os.path.join(written, "run"))
    assert _filetree.read(written, FOLDERS)["run"] == {"mode": "l", "text": None}
    _filetree.write(written, TREE, FOLDERS)
    assert _filetree.read(written, FOLDERS) == TREE
    assert victim.read_text() == "precious"


def test_a_fifo_in_the_way_hangs_nothing(written):
    os.unlink(os.path.join(written, "run"))
    os.mkfifo(os.path.join(written, "run"))
    _filetree.write(written, TREE, FOLDERS)
    assert _filetree.read(written, FOLDERS) == TREE


def test_a_folder_that_is_a_symbolic_link_is_refused(directory, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.makedirs(directory)
    os.symlink(elsewhere, os.path.join(directory, "log"))
    with pytest.raises(CommandExecutionError, match="log is a symbolic link"):
        _filetree.write(directory, TREE, FOLDERS)
    assert list(elsewhere.iterdir()) == []


def test_only_a_marked_or_an_empty_directory_may_be_written(directory, written, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    assert _filetree.marked(str(foreign))
    (foreign / "run").write_text("#!/bin/sh\n")
    assert not _filetree.marked(str(foreign))
    assert _filetree.marked(written)
    os.symlink(written, tmp_path / "link")
    assert not _filetree.marked(str(tmp_path / "link"))
    assert _filetree.marked(str(tmp_path / "nowhere"))


def test_a_write_that_fails_leaves_the_old_files_and_nothing_else(written):
    before = _filetree.read(written, FOLDERS)
    large = {"run": RUN | {"text": "changed"}, "zone": {"mode": "0644", "text": "x" * 100000}}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            _filetree.write(written, TREE | large, FOLDERS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _filetree.read(written, FOLDERS) == before


def test_a_removed_directory_is_gone(written):
    _filetree.remove(written, FOLDERS)
    assert not os.path.lexists(written)
    _filetree.remove(written, FOLDERS)


def test_a_foreign_directory_is_not_removed(tmp_path):
    (tmp_path / "run").write_text("#!/bin/sh\n")
    with pytest.raises(CommandExecutionError, match="was not written by Salt"):
        _filetree.remove(str(tmp_path), FOLDERS)
    assert (tmp_path / "run").exists()


def test_a_directory_with_somebody_elses_folder_is_not_removed(written):
    os.mkdir(os.path.join(written, "root"))
    with pytest.raises(CommandExecutionError, match="folders that Salt did not write: root"):
        _filetree.remove(written, FOLDERS)
    assert os.path.exists(os.path.join(written, "run"))


NAMES = st.sampled_from(["run", "down", "log/run", "env/A", "env/B", "data"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=50)
FILES = st.builds(
    lambda mode, text: {"mode": mode, "text": text},
    st.sampled_from(["0600", "0644", "0755"]),
    TEXTS,
)
TREES = st.dictionaries(NAMES, FILES)


@given(TREES, TREES)
@settings(max_examples=50, deadline=None)
def test_any_tree_becomes_any_other(tmp_path_factory, before, after):
    directory = str(tmp_path_factory.mktemp("tree") / "hello")
    for tree in (before, after):
        _filetree.write(directory, tree, FOLDERS)
        assert _filetree.read(directory, FOLDERS) == tree
        assert _filetree.difference(_filetree.read(directory, FOLDERS), tree) == {}


def test_a_mark_names_the_version_that_wrote_a_file_last(tmp_path, monkeypatch):
    """Another one that finds nothing to write leaves it as it is."""
    mark = tmp_path / _filetree.MARK
    mark.write_text(f"{_filetree.MARK_TEXT}The settings: ftpgw:services:svc\n")

    def written(version, files):
        monkeypatch.setattr(_version, "VERSION", version)
        _filetree.write(str(tmp_path), files)
        assert _filetree.origin(str(tmp_path)) == "ftpgw:services:svc"
        return mark.read_text(), mark.stat().st_mtime_ns

    (tmp_path / "run").write_text(RUN["text"])
    (tmp_path / "run").chmod(0o755)
    before = written("1.0.0", {"run": RUN})
    assert "ftpgw 1" not in before[0]
    text, moment = written("1.1.0", {"run": RUN | {"text": "#!/bin/sh\n"}})
    assert "\nLast written by ftpgw 1.1.0.\n" in text
    assert written("1.2.0", {"run": RUN | {"text": "#!/bin/sh\n"}}) == (text, moment)
    assert "\nLast written by ftpgw 2.0.0.\n" in written("2.0.0", {})[0]


def test_a_mark_says_where_the_settings_stand(tmp_path):
    """So that what pillar names no more can be told from what somebody else declares."""
    folder = str(tmp_path / "svc")
    _filetree.write(folder, {}, (), "ftpgw:services:svc")
    assert _filetree.origin(folder) == "ftpgw:services:svc"
    _filetree.write(folder, {}, (), "other:svc")
    assert _filetree.origin(folder) == "other:svc"
    _filetree.write(folder, {})
    assert _filetree.origin(folder) == "other:svc"
    assert _filetree.origin(str(tmp_path)) is None
