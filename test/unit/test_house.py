"""How the house is built: what README says of its rooms and arrows, held against the code."""

import ast
import importlib.util
import json
import pathlib
import re
import sys

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("_modules", "_runners", "_states")
PRIVATE = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("_*.py"))]
DUNDER = re.compile(r"__(salt|opts|grains|pillar|context|states|utils)__")


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_imports_say(generate):
    assert generate.readme() == (ROOT / "README.md").read_text()
    picture = generate.picture()
    assert "m_gateway --> " in picture
    # The state inetd and the noun _inetd are two rooms.
    rooms = re.findall(r"^    (\w+)[([]", picture, re.MULTILINE)
    assert len(rooms) == len(set(rooms)) == sum(len(list((ROOT / f).glob("*.py"))) for f in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_point_one_way(generate, folder):
    """Never in a circle: there is an order in which each file only imports earlier ones."""
    left = generate.house(folder)
    while left:
        lowest = {name for name, imported in left.items() if not imported & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {name: imported for name, imported in left.items() if name not in lowest}


def test_the_folders_share_no_private_name():
    """They live in one `sys.modules`, whose first of a name wins."""
    names = [path.stem for path in PRIVATE]
    assert len(names) == len(set(names))
    assert not sys.stdlib_module_names & set(names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_do_not_import_each_other(folder):
    """A minion that renders a state may not have another folder on its path."""
    other = {path.stem for path in PRIVATE if path.parent.name != folder}
    for path in (ROOT / folder).glob("*.py"):
        assert not _imported(path) & other, path


@pytest.mark.parametrize("path", PRIVATE, ids=lambda path: path.stem)
def test_a_private_noun_is_plain_python(path):
    assert not DUNDER.search(path.read_text())


@pytest.mark.parametrize("path", PRIVATE, ids=lambda path: path.stem)
def test_a_private_noun_has_a_test_of_its_own_name(path):
    name = f"test_{path.stem[1:]}.py"
    assert any((ROOT / "test" / folder / name).exists() for folder in ("unit", "functional"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_beside_is_imported_at_the_top(folder):
    """Salt lends its folder to Python only while it loads a module."""
    ours = {path.stem for path in PRIVATE}
    for path in (ROOT / folder).glob("*.py"):
        tree = ast.parse(path.read_text())
        late = [node for node in ast.walk(tree) if node not in tree.body]
        assert not _names(late) & ours, path


def _imported(path):
    return _names(ast.walk(ast.parse(path.read_text())))


def _names(nodes):
    """Return the names of the modules that some nodes of a syntax tree import."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


class TestSchema:
    """What an editor checks a pillar file with says what the formula says."""

    @pytest.fixture
    def judge(self):
        schema = json.loads((ROOT / "pillar.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    def test_it_is_up_to_date(self, generate):
        assert generate.schema() == (ROOT / "pillar.schema.json").read_text()

    def test_the_example_is_good(self, judge):
        judge.validate(yaml.safe_load((ROOT / "pillar.example").read_text()))

    def test_part_of_a_service_is_enough(self, judge):
        judge.validate({"ftpgw": {"services": {"open-ftpd": {"tcpserver": {"concurrency": 9}}}}})

    def test_an_editor_knows_the_names_of_sites(self, judge):
        """To which `\\w` is ASCII alone."""
        judge.validate({"ftpgw": {"rules": {"ftp": {"sites": {"Müller Söhne": {"allow": []}}}}}})
        assert "\\\\w" not in (ROOT / "pillar.schema.json").read_text()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"rules": {"ftp": {"sites": {"a/b": {"allow": []}}}}},
            {"servces": {}},
            {"services": {"open-ftpd": {"enabeld": True}}},
            {"services": {"open-ftpd": {"tcpserver": {"port": 70000}}}},
            {"rules": {"ftp": {"default": "maybe"}}},
            {"accounts": {"partner": {"password": "secret"}}},
            {"network": {"int_if": "a b"}},
        ],
    )
    def test_a_mistake_is_one(self, judge, wrong):
        assert not judge.is_valid({"ftpgw": wrong})


def test_what_builds_salt_on_a_machine_that_boots_does_so_here():
    """Debian's own Python has no headers, and PyPI has not all of Salt's needs as wheels."""
    tools = re.search(r"^TOOLS = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    root = ast.parse((ROOT / "test/boot/root.py").read_text())
    [needed] = [
        ast.literal_eval(node.value)
        for node in root.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "COMPILER"
    ]
    assert set(needed) <= set(tools)
