"""What the documentation points at is there."""

import ast
import pathlib
import re
import shlex

import printed
import pytest
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("[dr]*/*.md")])
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
TEST = re.compile(r"`(test/[\w/]+\.py)((?:::\w+)*)`")
# What is typed; `$ ` stands before it where what it prints follows.
TYPED = re.compile("(salt|salt-run|salt-call|make|pip|nft|tune2fs) ")
SETTINGS = {"accounts", "base", "firewall", "ftpgw", "network", "outputter_dirs", "pop3 rules"}
SETTINGS |= {"providers", "rules", "runner_dirs", "smtp rules"}


def anchors(page):
    """Return what a link may name of a page: headings in lower case, with hyphens for blanks."""
    headings = HEADING.findall(CODE.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_leads_somewhere(page):
    for link in LINK.findall(CODE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def defined(path):
    """Return the names of the tests of a file: (function) or (class, function)."""
    tree = ast.parse((REPOSITORY / path).read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield (node.name,)
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, inner.name) for inner in node.body if hasattr(inner, "name"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page):
    for path, name in TEST.findall(page.read_text()):
        assert (REPOSITORY / path).exists(), path
        assert not name or tuple(name.split("::")[1:]) in defined(path), path + name


def test_every_promise_names_a_test():
    table = (REPOSITORY / "docs/trust.md").read_text().partition("| --- | --- |\n")[2]
    promises = [line for line in table.splitlines() if line.startswith("|")]
    assert len(promises) > 10
    assert all(TEST.search(line) for line in promises)


def held():
    """Yield the page and the first words of each block that a test compares with what it prints."""
    for path in REPOSITORY.glob("test/*/test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", node.func)
            if getattr(called, "attr", called) == "shown":
                yield tuple(argument.value for argument in node.args)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_shown_as_printed_is_held_by_a_test(page):
    """Those of the recipes by test_recipes.py; what is no setting and is not typed, is printed."""
    name = str(page.relative_to(REPOSITORY))
    text = page.read_text().partition("# Recipes of the day")[0]
    told = [block for block in printed.blocks(text) if not TYPED.match(block) and not given(block)]
    words = [words for path, words in held() if path == name]
    for block in told:
        assert [word for word in words if block.startswith(word)], block
    assert len(words) == len(told)
    fences = {fence.split()[0] for fence in printed.FENCE.findall(text)}
    assert fences <= {"```yaml", "```jinja", "```mermaid"}


def given(block):
    """Return whether a block is pillar or another configuration, or the picture of README."""
    try:
        return yaml.safe_load(block).keys() <= SETTINGS
    except (AttributeError, yaml.YAMLError):
        return block.lstrip().startswith(("lan  ", "*/5 * * * *  root"))


def test_an_issue_brings_what_is_needed_to_answer_it():
    """A form of GitHub: its keys and kinds, and what must be filled in."""
    forms = {
        path.stem: yaml.safe_load(path.read_text())
        for path in (REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml")
    }
    for form in forms.values():
        assert form.keys() == {"name", "description", "body"}
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert {field["type"] for field in fields} == {"textarea"}
        assert len({field["id"] for field in fields}) == len(fields)
        assert any("ftpgw.health" in field["attributes"]["label"] for field in fields)
    needed = [field["id"] for field in forms["gateway"]["body"] if "validations" in field]
    assert needed == ["health", "status", "versions", "what"]


def test_a_commit_is_judged_as_by_make_lint():
    """By `pre-commit`, which then needs nothing from anywhere."""
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    [repository] = config["repos"]
    [hook] = repository["hooks"]
    assert (repository["repo"], hook["language"]) == ("local", "system")
    assert shlex.split(hook["entry"])[::2] == ["make", "lint"]
    assert hook["always_run"] is True
    assert hook["pass_filenames"] is False
