"""
Build the pages for a browser: searchable, every link checked, nothing loaded from elsewhere.

    pages.py PROGRAMS FOLDER

The pages are those of the repository, as they are. Sphinx reads them, because with MyST it reads
Markdown by the rules of CommonMark, as whoever shows a repository does, and its search needs no
server. The theme is Furo, as in much of what is written about Salt. Pictures are drawn here, for a
browser would have to load megabytes: mermaidx has Mermaid, and what runs it, in a package of PyPI;
for the picture of the house it takes a minute, and Graphviz a second.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import generate

ROOT = generate.ROOT
PAGES = {
    "Gateways": ["operations", "accounts", "rules", "servers", "services", "firewall", "fleet"],
    "To look up": ["how", "settings", "systems", "performance", "trust"],
}
MORE = ["CHANGELOG", "SECURITY", "CONTRIBUTING", "release/README"]
LINK = re.compile(r"(\[[^\]]*\])\(((?:\.\./)*)([^)\s#:]+)(#[^)\s]*)?\)")
MERMAID = re.compile(r"^```mermaid\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
# What a page would have a browser fetch.
FETCHED = re.compile(
    r"""<(?:link|script|img|iframe)\b[^>]*?(?:href|src)=["'](?:https?:)?//|url\(["']?http"""
)


def main(programs, folder):
    """Build, or tell what is wrong and return 1."""
    left = {path.stem for path in ROOT.glob("docs/*.md")}.difference(*PAGES.values())
    if left:
        print(f"docs: {', '.join(sorted(left))}: no part of the site (PAGES)")
        return 1
    with tempfile.TemporaryDirectory() as place:
        source = pathlib.Path(place)
        for name in [*(f"docs/{page}" for pages in PAGES.values() for page in pages), *MORE]:
            text = _linked(name, (ROOT / f"{name}.md").read_text())
            _put(source / f"{name}.md", _drawn(name, text, source, programs))
        for image in [*ROOT.glob("docs/*.svg"), *ROOT.glob("docs/pictures/*.png")]:
            copy = source / image.relative_to(ROOT)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(image, copy)
        _put(source / "index.md", _index())
        words = ["dot", "-Tsvg", "-o", source / "house.svg"]
        subprocess.run(words, input=dot(), text=True, check=True)
        settings = {
            "project": "ftpgw",
            "html_title": f"ftpgw {_version()}",
            "html_theme": "furo",
            "extensions": "myst_parser",
            "myst_heading_anchors": "4",
            "highlight_language": "text",
            "html_copy_source": "0",
            "html_show_sphinx": "0",
        }
        given = [word for key, value in settings.items() for word in ("-D", f"{key}={value}")]
        shutil.rmtree(folder, ignore_errors=True)
        command = [f"{programs}/sphinx-build", "-q", "-W", "--keep-going", "-C", *given]
        if subprocess.run([*command, source, folder], check=False).returncode:
            return 1
    foreign = [
        f"{path}: {found[0]}"
        for path in pathlib.Path(folder).rglob("*.*")
        if path.suffix in (".css", ".html", ".svg")
        for found in FETCHED.finditer(path.read_text())
    ]
    print("\n".join(foreign) or f"{folder}/index.html")
    return 1 if foreign else 0


def _put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _version():
    return re.search('^VERSION = "(.+)"$', generate.version(), re.MULTILINE)[1]


def _drawn(name, text, source, programs):
    """Return a page with an image in the place of each picture that is told in Mermaid's words."""
    drawn = []

    def draw(found):
        image = source / f"{name}-{len(drawn)}.svg"
        image.parent.mkdir(exist_ok=True)
        drawn.append(image)
        words = ["-q", "-t", "neutral", "-b", "white", "-i", "-", "-o", image]
        subprocess.run([f"{programs}/mermaidx", *words], input=found[1], text=True, check=True)
        return f"![]({image.name})\n"

    return MERMAID.sub(draw, text)


def _linked(name, text):
    """Return a page whose links lead to pages; what is code is named."""
    here = (ROOT / name).parent

    def led(found):
        label, up, path, anchor = found.groups()
        target = (here / up / path).resolve().relative_to(ROOT)
        if str(target) == "README.md":
            return f"{label}({up}index.md{anchor or ''})"
        return found[0] if path.endswith((".md", ".png", ".svg")) else f"`{target}`"

    return LINK.sub(led, text)


def _index():
    """Return README.md with the other pages beside it, and its picture drawn."""
    text = _linked("README", (ROOT / "README.md").read_text())
    before, _, rest = text.partition(generate.BEGIN)
    _, _, after = rest.partition(generate.END)
    parts = [f"{before}![what imports what](house.svg)\n{after}"]
    for caption, pages in PAGES.items():
        parts.append(_tree(caption, [f"docs/{page}" for page in pages]))
    return "".join([*parts, _tree("The project", MORE)])


def _tree(caption, names):
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"


def dot():
    """Return the picture of the house in the language of Graphviz."""
    lines = ["digraph {", "rankdir=LR", 'node [shape=box, fontname="sans-serif", fontsize=10]']
    for folder in ("_runners", "_states", "_modules"):
        house = generate.house(folder)
        lines.append(f'subgraph "cluster{folder}" {{ label="{folder}"')
        for name, imported in sorted(house.items()):
            lines.append(f'"{folder}/{name}" [label="{name}"]')
            lines += [f'"{folder}/{name}" -> "{folder}/{other}"' for other in sorted(imported)]
        lines.append("}")
    return "\n".join([*lines, "}"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
