"""pf.called: our lines in somebody else's pf.conf, and that in force."""

import os
import pathlib

import jinja2
import pytest

LINES = ['anchor "ftpgw"', 'load anchor "ftpgw" from "/etc/pf.ftpgw.conf"']
THEIRS = "set skip on lo\nblock\n"
OURS = "\n".join(["# ftpgw: begin", *LINES, "# ftpgw: end", THEIRS])
MAIN = {
    "check": ["pfctl", "-n", "-f", "{file}"],
    "load": ["pfctl", "-f", "{file}"],
    "show": [["pfctl", "-s", "nat"], ["pfctl", "-s", "rules"]],
    "unload": ["pfctl", "-a", "ftpgw", "-F", "all"],
}
# Rules with "wrong" in them are refused; those in force are a copy of the file.
PFCTL = r"""#!/bin/sh
cd {folder}
case "$1 $2" in
  -n*) ! grep -q wrong "$3" ;;
  -f*) echo "$2" >>loads; cp "$2" in-force ;;
  -s\ nat) grep -E '^(no )?(nat|rdr)' in-force ;;
  -s\ rules) grep -vE '^(no )?(nat|rdr)' in-force ;;
  -s*) exit 1 ;;
esac
"""


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """A pf.conf of somebody else, in force, and a pfctl."""
    pfctl = tmp_path / "pfctl"
    pfctl.write_text(PFCTL.format(folder=tmp_path))
    pfctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / "pf.conf"
    path.write_text(THEIRS)
    (tmp_path / "in-force").write_text(THEIRS)
    return path


@pytest.fixture
def called(minion, conf):
    """Apply the state; see whether it says what it does."""

    def apply(lines, test=False):
        return minion.apply("pf.called", name=str(conf), lines=lines, filter=MAIN, test=test)

    return apply


def test_our_lines_come_first_and_are_in_force(called, conf):
    """Announced with test=True, done once, and then left alone."""
    assert called(LINES, test=True)["result"] is None
    assert conf.read_text() == THEIRS
    done = called(LINES)
    assert done["result"] is True, done["comment"]
    assert conf.read_text() == (conf.parent / "in-force").read_text() == OURS
    assert called(LINES)["changes"] == {}
    assert len((conf.parent / "loads").read_text().splitlines()) == 1


def test_our_lines_go_again(called, conf):
    """What others wrote is as it was, in the file and in force."""
    called(LINES)
    assert called([])["result"] is True
    assert conf.read_text() == (conf.parent / "in-force").read_text() == THEIRS


def test_a_pf_conf_without_our_lines_is_not_even_loaded(called, conf):
    """Where there is nothing to take away, the rules of others are their business."""
    (conf.parent / "in-force").write_text("pass\n")
    assert (called([])["result"], called([])["changes"]) == (True, {})
    assert not (conf.parent / "loads").exists()


def test_what_pfctl_refuses_is_not_put_in_place(called, conf):
    """The file and what is in force are those of before; one line says why."""
    done = called(["wrong"])
    assert done["result"] is False
    assert "\n" not in done["comment"]
    assert conf.read_text() == (conf.parent / "in-force").read_text() == THEIRS


def test_a_pf_conf_that_cannot_be_read_is_one_line(minion, tmp_path):
    """Such as a directory."""
    done = minion.apply("pf.called", name=str(tmp_path), lines=LINES, filter=MAIN)
    assert (done["result"], done["comment"]) == (False, f"{tmp_path}: Is a directory")


def test_a_translation_that_is_flushed_comes_back(called, conf):
    """The older dialects keep it apart from the rules."""
    lines = ['rdr-anchor "ftpgw"', *LINES]
    called(lines)
    in_force = conf.parent / "in-force"
    whole = in_force.read_text()
    in_force.write_text(whole.replace('rdr-anchor "ftpgw"\n', ""))
    assert called(lines)["changes"] == {"loaded": '+rdr-anchor "ftpgw"'}
    assert in_force.read_text() == whole


KEPT = "keep state (max-src-conn 5, max-src-conn-rate 20/60)"


@pytest.mark.parametrize(("dialect", "port"), [("modern", "port ftp"), ("anchors", "port 21")])
def test_whoever_has_no_limit_comes_first_and_data_is_not_counted(dialect, port):
    """The first quick rule decides; those of data, and of the proxy, count nobody."""
    template = pathlib.Path(__file__).parents[2] / f"ftpgw/files/pf-{dialect}.jinja"
    limits = {"per_client": 5, "new": "20/minute", "count": 20, "seconds": 60, "never": ["9.9.9.9"]}

    def lines(limited):
        text = jinja2.Template(template.read_text()).render(
            ftpgw={"firewall": {"manage": "include"}, "limited": limited, "pf": {"proxy": "proxy"}},
            network={"passive_ports": [50000, 60000], "proxy_port": 8021},
        )
        return [line for line in text.splitlines() if line.startswith("pass in quick on $")]

    found = lines({"ftp": limits})
    counted = [line for line in found if KEPT in line]
    assert [line.split(" inet")[0] for line in counted] == [
        "pass in quick on $int_if",
        "pass in quick on $ext_if",
    ]
    assert all(f" {port} " in line for line in counted)
    free = [found.index(line) for line in found if "{ 9.9.9.9 }" in line]
    assert free == [found.index(counted[0]) - 2, found.index(counted[0]) - 1]
    assert not [line for line in lines({}) if "max-src" in line or "9.9.9.9" in line]
