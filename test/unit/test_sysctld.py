"""Which file has the last word about a variable of the kernel."""

import _sysctld
import pytest

KEY = "net.ipv4.ip_local_port_range"
OURS = "/etc/sysctl.d/zzz-ftpgw.conf"


@pytest.fixture
def later(tmp_path):
    """Ask about files given as {folder/name: text}; the answer has the names."""

    def ask(files):
        for path, text in files.items():
            folder, name = path.split("/")
            (tmp_path / folder / "sysctl.d").mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / "sysctl.d" / name).write_text(text)
        folders = [str(tmp_path / folder) for folder in ("etc", "run", "lib")]
        found = _sysctld.later(OURS, KEY, folders)
        return {
            path.removeprefix(f"{tmp_path}/").replace("sysctl.d/", ""): value
            for path, value in found.items()
        }

    return ask


def test_only_what_comes_later_counts_whatever_its_folder(later):
    files = {"etc/99-a.conf": f"{KEY} = 1 2\n", "lib/zzzz.conf": f"{KEY}=3 4\n"}
    assert later(files) == {"lib/zzzz.conf": "3 4"}


def test_of_two_files_with_one_name_that_of_the_first_folder_counts(later):
    assert later({"etc/zzzz.conf": "", "lib/zzzz.conf": f"{KEY}=3 4\n"}) == {}


@pytest.mark.parametrize(
    "line",
    [
        f"{KEY}=10\t20",
        f"  -{KEY}  =  10   20  ",
        "net/ipv4/ip_local_port_range = 10 20",
        f"{KEY} = 1 2\n{KEY} = 10 20",
    ],
)
def test_a_line_is_read_as_systemd_reads_it(later, line):
    assert later({"etc/zzzz.conf": f"{line}\n"}) == {"etc/zzzz.conf": "10 20"}


@pytest.mark.parametrize("line", [f"# {KEY} = 1 2", f"; {KEY} = 1 2", f"{KEY}_x = 1 2", KEY])
def test_other_lines_are_none_of_it(later, line):
    assert later({"etc/zzzz.conf": f"{line}\n", "etc/zzzz.txt": f"{KEY} = 1 2\n"}) == {}


class TestHolds:
    """What is so already need not be set."""

    @pytest.fixture
    def holds(self, tmp_path):
        """Ask about a kernel and a file; both have the value, if not told otherwise."""
        proc, file = tmp_path / "proc", tmp_path / "zzz-ftpgw.conf"

        def ask(now="10\t20\n", text=f"{KEY} = 10 20\n", mode=0o644):
            (proc / "net/ipv4").mkdir(parents=True, exist_ok=True)
            (proc / KEY.replace(".", "/")).write_text(now)
            file.write_text(text)
            file.chmod(mode)
            return _sysctld.holds(str(file), KEY, "10 20", str(proc))

        return ask

    def test_a_value_that_is_there_now_and_after_a_boot(self, holds):
        assert holds()

    @pytest.mark.parametrize(
        "other",
        [{"now": "10\t21\n"}, {"text": f"{KEY} = 10 21\n"}, {"text": ""}, {"mode": 0o666}],
        ids=str,
    )
    def test_anything_else(self, holds, other):
        assert not holds(**other)

    def test_no_file_and_no_variable(self, tmp_path):
        assert not _sysctld.holds(str(tmp_path / "none"), KEY, "10 20")
        assert not _sysctld.holds(OURS, "no.such.variable", "1")
