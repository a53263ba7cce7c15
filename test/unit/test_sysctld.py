"""Which file has the last word about a variable of the kernel."""

import pathlib

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


def test_the_last_word_is_that_of_the_last_file(tmp_path):
    """And what the kernel has now is what it says itself."""
    folder = tmp_path / "sysctl.d"
    folder.mkdir()
    ours = folder / "ours.conf"
    now = " ".join(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())

    def read():
        return _sysctld.read(KEY, str(ours), [str(tmp_path)])

    assert read() == {"now": now, "boot": None, "by": None}
    ours.write_text(f"{KEY} = 1 2\n")
    assert read() == {"now": now, "boot": "1 2", "by": str(ours)}
    (folder / "zzz.conf").write_text(f"{KEY} = 3 4\n")
    assert read() == {"now": now, "boot": "3 4", "by": f"{folder}/zzz.conf"}


def test_a_kernel_without_files_is_asked_by_sysctl(monkeypatch, tmp_path):
    """As those of the BSDs are, which have one file."""
    (tmp_path / "sysctl").write_text("#!/bin/sh\necho 49152\n")
    (tmp_path / "sysctl").chmod(0o755)
    monkeypatch.setattr(_sysctld, "PLACES", str(tmp_path))
    (tmp_path / "sysctl.conf").write_text("net.inet.ip.porthifirst=50000\n")
    found = _sysctld.read("net.inet.ip.porthifirst", f"{tmp_path}/sysctl.conf", [])
    assert found == {"now": "49152", "boot": "50000", "by": f"{tmp_path}/sysctl.conf"}
    (tmp_path / "sysctl").write_text("#!/bin/sh\nexit 1\n")
    assert _sysctld.read("net.inet.ip.porthifirst", "/no/file", [])["now"] is None
