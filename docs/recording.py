"""
Draw what `make demo` printed, without its times, which differ from run to run: docs/demo.svg.

    make docs/demo.svg

Nothing is drawn unless every fact was true.
"""

import pathlib
import re
import sys
from xml.sax.saxutils import escape

STEP = re.compile(r"\[ *[0-9.]+ s\] (.*)")
FACT = re.compile(r"(true|FALSE|\?) +(\S.*?) {2,}(.*)")
SUM = re.compile(r"([0-9]+ facts true, 0 false), [0-9.]+ s")
# A monospaced letter is 0.6 of its size wide; what does not fit is cut.
SIZE, LINE, MARGIN, EVIDENCE = 13, 20, 16, 39
COLUMN = SIZE * 0.602
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>make demo: {sum}</title>
<style>
text {{ font: {size}px ui-monospace, Menlo, "DejaVu Sans Mono", monospace }}
text {{ fill: #d8dee9; white-space: pre }}
.true {{ fill: #a3be8c }} .of {{ fill: #8f9bb3 }} .typed {{ font-weight: bold; fill: #fff }}
</style>
<rect width="{width}" height="{height}" rx="6" fill="#1f2430"/>
{lines}
</svg>
"""


def main(path):
    """Read what was printed from standard input, and show it, too; return why nothing is drawn."""
    printed = []
    for line in sys.stdin:
        print(line, end="", flush=True)
        printed.append(line.rstrip("\n"))
    sums = [found[1] for found in map(SUM.fullmatch, printed) if found]
    if not sums:
        return f"{path}: not drawn, for not every fact was true"
    facts = [found.groups() for found in map(FACT.fullmatch, printed) if found]
    claims = {claim for _, claim, _ in facts}
    steps = [found[1] for found in map(STEP.fullmatch, printed) if found]
    before = [[(0, "of", step)] for step in steps if step not in claims]
    rows = [[(0, "typed", "$ make demo")], *before, [], *_rows(facts), [], [(0, "", sums[0])]]
    drawn = (_text(number, *part) for number, row in enumerate(rows) for part in row)
    columns = max(column + len(text) for row in rows for column, _, text in row)
    about = {"width": round(columns * COLUMN) + 2 * MARGIN, "height": LINE * (len(rows) + 1)}
    about |= {"size": SIZE, "sum": sums[0]}
    pathlib.Path(path).write_text(SVG.format(lines="\n".join(drawn), **about))
    return 0


def _rows(facts):
    width = max(len(claim) for _, claim, _ in facts)
    for verdict, claim, evidence in facts:
        cut = evidence if len(evidence) <= EVIDENCE else f"{evidence[: EVIDENCE - 1]}…"
        yield [(0, verdict, verdict), (6, "", claim), (6 + width + 2, "of", cut)]


def _text(number, column, kind, text):
    x, y = MARGIN + round(column * COLUMN), LINE * (number + 1) + 4
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
