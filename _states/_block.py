"""Lines of ours, between two marks, in a file that other programs and people write too."""

import contextlib
import difflib
import os
import re

from salt.exceptions import CommandExecutionError

BEGIN, END = "# ftpgw: begin", "# ftpgw: end"
# An editor may have left white space, or a carriage return.
_MARK = re.compile(rf"^({BEGIN}|{END})[ \t\r]*$", re.MULTILINE)
_BLOCK = re.compile(rf"^{BEGIN}[ \t\r]*\n.*?^{END}[ \t\r]*(\n|\Z)", re.MULTILINE | re.DOTALL)


def read(path):
    """Return the text of a file, "" if there is none; bytes that are no UTF-8 survive."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def plan(text, lines, first=False):
    """
    Return a text with our lines in the place of those that are there.

    lines
        none takes ours away
    first
        where to put them if there are none yet: True for the beginning, False for the end

    Raises CommandExecutionError where the marks are no pair: nobody knows then what is ours.
    """
    block = "".join(f"{line}\n" for line in [BEGIN, *lines, END]) if lines else ""
    marks = _MARK.findall(text)
    if marks not in ([], [BEGIN, END]):
        raise CommandExecutionError(
            f"the lines {BEGIN!r} and {END!r} are no pair any more "
            "(put back the one that is missing, or take all of them and what is ours away)"
        )
    if marks:
        return _BLOCK.sub(lambda _: block, text)
    if not block:
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    return block + text if first else text + block


def apply(path, text, put):
    """Replace the text of a file by means of `put`; of a link, that of the file it names."""
    put(os.path.realpath(path), text)


def holds(path, text):
    """Return whether a file has a text, also if what put it there failed later on."""
    with contextlib.suppress(OSError):
        return read(path) == text
    return False


def difference(old, new):
    """Return the lines that differ, each with its sign."""
    lines = difflib.unified_diff(shown(old), shown(new), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def shown(text):
    """Return the lines of a text as they can be told: what is no UTF-8 cannot be sent."""
    return text.encode(errors="surrogateescape").decode(errors="replace").splitlines()
