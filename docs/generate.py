"""
Write what follows from other files: docs/settings.md, pillar.schema.json, the picture in README.md,
and the version in the modules.

With --check nothing is written: it fails if one of them is not what the code says.
"""

import ast
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "_modules"))

import _check  # noqa: E402
import _gateway  # noqa: E402

BEGIN, END = "<!-- begin: docs/generate.py -->\n", "<!-- end -->\n"
HEAD = """# Settings

Every setting below `ftpgw:` in pillar. Weakest first come the defaults of this page, then
[ftpgw/defaults.yaml](../ftpgw/defaults.yaml), then what the system needs, in
[ftpgw/platforms/](../ftpgw/platforms), then pillar. Mappings are merged key by key; a list takes
the place of another one, but for `packages`, which are added. All that is wrong is told at once,
each in a line that begins with the path of the setting; `salt gw1 ftpgw.problems` asks for it.

An editor completes and checks a pillar file with [pillar.schema.json](../pillar.schema.json). A
repository of pillar checks itself before a push; this prints what is wrong, and exits with 1 if
anything is. It looks at no account, interface or address of the machine it runs on, and shows
nothing of a file that cannot be read but the number of the line. It is typed in a virtual
environment of Python (that of Debian needs `gcc` and `python3-dev` to install Salt), by anybody: in
the folder `salt` is all that Salt keeps.

    pip install salt && git clone --depth 1 URL-OF-THIS-REPOSITORY ftpgw
    mkdir -p salt && echo "root_dir: $PWD/salt" >salt/minion
    here="--config-dir=$PWD/salt --file-root=$PWD/ftpgw --module-dirs=$PWD/ftpgw"
    ask="salt-call --local --retcode-passthrough $here"
    $ask ftpgw.problems pillar=gw1.sls system='Debian 12'
"""


def settings():
    """Return docs/settings.md."""
    parts = [HEAD]
    for name, setting in _gateway.SETTINGS.items():
        parts.append(f"\n## {name}\n\n{_sentence(setting.meaning)}\n")
        rows = list(_rows(name, setting.kind)) or [_row(name, setting)]
        head = "\n| setting | may be | default | meaning |\n| --- | --- | --- | --- |\n"
        parts += [head, *rows]
    return "".join(parts)


def _rows(path, kind):
    if kind.inner and kind.schema.get("type") == "object":
        yield from _rows(f"{path}:NAME", kind.inner)
    for name, setting in kind.settings.items():
        yield _row(f"{path}:{name}", setting)
        yield from _rows(f"{path}:{name}", setting.kind)


def _row(path, setting):
    default = "" if setting.default is _check.UNSET else f"`{json.dumps(setting.default)}`"
    if setting.kind.settings and default:
        default = ""
    cells = (f"`{path}`", setting.kind.expected, default, _sentence(setting.meaning))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _sentence(text):
    text = f"{text[0].upper()}{text[1:]}" if text[0].isalpha() else text
    return text if text.endswith(".") else f"{text}."


def schema():
    """Return pillar.schema.json: a part of a service is enough, for the rest is there already."""
    inside = _without_needed(_gateway.GATEWAY.schema)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pillar of an FTP gateway",
        "type": "object",
        "properties": {"ftpgw": inside},
    }
    return json.dumps(whole, indent=2) + "\n"


def _without_needed(schema):
    if isinstance(schema, dict):
        return {
            k: _without_needed(v) for k, v in schema.items() if (k, type(v)) != ("required", list)
        }
    return [_without_needed(entry) for entry in schema] if isinstance(schema, list) else schema


def picture():
    """Return the picture of the house: files as rooms, imports as arrows, both from the code."""
    lines = ["```mermaid", "flowchart TD"]
    for folder in ("_runners", "_states", "_modules"):
        lines.append(f"  subgraph {folder}")
        imports = house(folder)
        lines += [f"    {_room(folder, name)}" for name in sorted(imports)]
        for name, imported in sorted(imports.items()):
            if imported:
                rooms = " & ".join(_id(folder, other) for other in sorted(imported))
                lines.append(f"    {_id(folder, name)} --> {rooms}")
        lines.append("  end")
    lines += ["  _states -. by name: __salt__ .-> _modules"]
    lines += ["  _runners -. by name, through the master .-> _modules", "```", ""]
    return "\n".join(lines)


def house(folder):
    """Return ``{file: files beside it that it imports}`` of one of the folders."""
    names = {path.stem for path in (ROOT / folder).glob("*.py")}
    found = {}
    for name in names:
        tree = ast.parse((ROOT / folder / f"{name}.py").read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        found[name] = imported & names
    return found


def _id(folder, name):
    return folder[1] + name


def _room(folder, name):
    left, right = ("[", "]") if name.startswith("_") else ("([", "])")
    return f'{_id(folder, name)}{left}"{name}"{right}'


def readme():
    """Return README.md with the picture between its two marks."""
    text = (ROOT / "README.md").read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{picture()}{END}{after}"


def version():
    """Return _modules/_version.py: no minion has FORMULA."""
    formula = (ROOT / "FORMULA").read_text()
    number, release = re.search(r"^version: (.+)\nrelease: (.+)$", formula, re.MULTILINE).groups()
    number += "" if release == "1" else f"-{release}"
    head = '"""The version that FORMULA names (docs/generate.py writes it)."""'
    return f'{head}\n\nVERSION = "{number}"\n'


FILES = {
    "docs/settings.md": settings,
    "pillar.schema.json": schema,
    "README.md": readme,
    "_modules/_version.py": version,
}


def main(arguments):
    stale = [path for path, make in FILES.items() if not _is(path, make())]
    if arguments == ["--check"]:
        return f"{', '.join(stale)}: not what the code says (make docs)" if stale else 0
    for path in stale:
        (ROOT / path).write_text(FILES[path]())
    return 0


def _is(path, text):
    file = ROOT / path
    return file.exists() and file.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
