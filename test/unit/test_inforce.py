"""What is in force of a packet filter, held against what was when its file was loaded."""

import _inforce
import pytest


@pytest.fixture
def rules(tmp_path):
    """A file of rules, and a filter whose rules in force are a file."""
    (tmp_path / "force").write_text("A\n")
    (tmp_path / "rules").write_text("a\n")

    def read(show=None):
        return _inforce.read(str(tmp_path / "rules"), show or ["cat", str(tmp_path / "force")])

    read.file, read.force = tmp_path / "rules", tmp_path / "force"
    return read


def remember(world):
    for path, text in world["memory"].items():
        with open(path, "w") as file:
            file.write(text)


def test_what_was_loaded_is_remembered(rules):
    remember(rules())
    world = rules()
    assert (world["text"], world["loaded"], world["remembered"]) == ("a\n", "A\n", "A\n")
    assert _inforce.problem("FILE", world) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rules: rules.file.unlink(), "there is no FILE"),
        (lambda rules: rules.force.write_text(""), "the rules of FILE are not in force"),
        (lambda rules: rules.file.write_text("b\n"), "FILE was edited since it was loaded"),
        (
            lambda rules: rules.force.write_text("A\nB\n"),
            "the rules in force are not those of FILE any more",
        ),
    ],
)
def test_each_difference_has_words(rules, change, problem):
    remember(rules())
    change(rules)
    assert _inforce.problem("FILE", rules()) == problem


def test_several_commands_show_one_filter(rules):
    cat = ["cat", str(rules.force)]
    assert rules([cat, ["false"], ["/no/such/program"], cat])["loaded"] == "A\nA\n"


def test_names_that_pf_makes_up_are_left_out(rules):
    rules.force.write_text("table <__automatic_5f3a_0> const\n")
    assert rules()["loaded"] == "table <__automatic__0> const\n"
