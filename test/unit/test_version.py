"""One number, in FORMULA, that all others follow: what it looks like, and what must not have it."""

import pathlib
import re

import _version
import yaml

REPOSITORY = pathlib.Path(__file__).parents[2]
FORMULA = yaml.safe_load((REPOSITORY / "FORMULA").read_text())
CHANGES = (REPOSITORY / "CHANGELOG.md").read_text()
# semver.org, with the one suffix of what is not released yet.
NUMBER = r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version_is_that_of_formula():
    """Its `release` is `dev` before there is one: SPM's file names bear no other hyphen."""
    number, _, suffix = _version.VERSION.partition("-")
    assert re.fullmatch(NUMBER, number)
    assert (number, suffix) == (FORMULA["version"], {"dev": "dev", 1: ""}[FORMULA["release"]])


def test_the_changes_are_those_of_this_version():
    """Keep a Changelog: what is not released stands first, and a release has its day."""
    first, *_ = headings = re.findall(r"^## (.+)$", CHANGES, re.MULTILINE)
    if _version.VERSION.endswith("-dev"):
        assert first == "[Unreleased]"
    else:
        newest = next(heading for heading in headings if heading != "[Unreleased]")
        assert newest.startswith(f"[{_version.VERSION}] - ")
    for heading in headings:
        assert re.fullmatch(rf"\[Unreleased\]|\[{NUMBER}\] - \d{{4}}-\d\d-\d\d", heading), heading
    assert set(re.findall(r"^### (.+)$", CHANGES, re.MULTILINE)) <= KINDS
    assert not re.search(r"^## .+\n\n[^#]", CHANGES, re.MULTILINE)


def test_no_file_that_is_compared_has_it():
    """Else each upgrade would write all of them again, restart services and load filters."""
    rendered = [path for path in (REPOSITORY / "test/data/platforms").rglob("*") if path.is_file()]
    assert len(rendered) > 10
    assert not [path for path in rendered if _version.VERSION in path.read_text()]
    nouns = [path for path in REPOSITORY.glob("_*/*.py") if "import _version" in path.read_text()]
    # The marks of service directories, and the heads of rules, name whoever wrote them.
    assert {path.name for path in nouns} == {"_filetree.py", "_sites.py", "ftpgw.py"}
