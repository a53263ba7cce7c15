"""What README shows of `make demo` is what it tries now, and is drawn of nothing else."""

import importlib.util
import json
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
PRINTED = """\
[  0.0 s] a bare gateway
[  1.2 s] one <fact>
[  2.3 s] another one

true   one <fact>   9.9.9.9 got 0 bytes
{}  another one  no
{}, 2.5 s
"""


def rows(path):
    """Return the texts of each line of a drawing."""
    found = {}
    drawing = ElementTree.parse(path)  # noqa: S314
    for text in drawing.iter("{http://www.w3.org/2000/svg}text"):
        found.setdefault(int(text.get("y")), []).append(text.text)
    return list(found.values())


def test_it_shows_the_facts_of_today():
    """Else `make docs/demo.svg` is due."""
    ask = "import demo, json; print(json.dumps([demo.FORETOLD, *(fact for fact, _ in demo.FACTS)]))"
    sandbox = REPOSITORY / "test/sandbox"
    done = subprocess.run([sys.executable, "-c", ask], cwd=sandbox, capture_output=True, check=True)
    facts = json.loads(done.stdout)
    shown = rows(REPOSITORY / "docs/demo.svg")
    assert [row[1] for row in shown if row[0] == "true"] == facts
    assert shown[0] == ["$ make demo"]
    assert shown[-1] == [f"{len(facts)} facts true, 0 false"]


@pytest.fixture
def draw(tmp_path, monkeypatch, capsys):
    """Draw what was printed, and return what came of it."""
    path = REPOSITORY / "docs/recording.py"
    spec = importlib.util.spec_from_file_location("recording", path)
    recording = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recording)

    def drawn(printed):
        monkeypatch.setattr("sys.stdin", printed.splitlines(keepends=True))
        wrong = recording.main(tmp_path / "demo.svg")
        assert capsys.readouterr().out == printed
        return wrong or rows(tmp_path / "demo.svg")

    return drawn


def test_no_time_is_drawn(draw):
    assert draw(PRINTED.format("true", "2 facts true, 0 false")) == [
        ["$ make demo"],
        ["a bare gateway"],
        ["true", "one <fact>", "9.9.9.9 got 0 bytes"],
        ["true", "another one", "no"],
        ["2 facts true, 0 false"],
    ]


@pytest.mark.parametrize("sums", ["1 facts true, 1 false", "9 facts true, 0 false, 1 not judged"])
def test_what_is_not_all_true_is_not_drawn(draw, tmp_path, sums):
    assert draw(PRINTED.format("?", sums)).endswith("not drawn, for not every fact was true")
    assert not (tmp_path / "demo.svg").exists()
