"""What the pages show as printed, and how to compare it with what is."""

import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"(?<=\n\n)(?:^    .*\n(?:^\n(?=    ))*)+", re.MULTILINE)
# An address says something; a time, an age, a number of a process and a count do not.
FIGURE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:s|m|h|d|ms)?(?![\w.]*\w)")
DIGEST = re.compile(r"\b[0-9a-f]{16,}\b")
RELEASE = re.compile(r"(?<![\w.])\d+\.\d+\.\d+(?:-dev)?(?![\w.])")


def blocks(text):
    """Return what stands in the indented blocks of a text."""
    found = BLOCK.findall("\n\n" + FENCE.sub("", text))
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in found]


def shown(page, begins):
    """Return what a page shows in the block that begins so, but for commands, to compare."""
    texts = blocks((REPOSITORY / page).read_text())
    [block] = [text for text in texts if text.startswith(begins)]
    return plain("".join(line for line in block.splitlines(True) if not line.startswith("$ ")))


def plain(text):
    """Return the lines that were printed without what differs each time, and without columns."""
    for pattern, name in ((RELEASE, "VERSION"), (DIGEST, "DIGEST"), (FIGURE, "N")):
        text = pattern.sub(name, text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
