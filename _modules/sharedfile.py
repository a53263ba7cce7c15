"""Lines of ours, between two marks, in a file that other programs and people write too."""

import re

from salt.utils.atomicfile import atomic_open

BEGIN, END = "# ftpgw: begin", "# ftpgw: end"
BLOCK = re.compile(rf"^{BEGIN}\n.*?^{END}(\n|\Z)", re.MULTILINE | re.DOTALL)


def put(text, lines, first=False):
    """
    Put our lines into a text, in the place of those that are there.

    text
        the contents of the file
    lines
        a list of lines; none takes ours away
    first
        where to put them if there are none yet: True for the beginning, False for the end

    Returns the new text, which ends with a newline unless it is empty.

    CLI Example:

    .. code-block:: bash

        salt gw1 sharedfile.put '/bin/sh' '[/usr/sbin/nologin]'
    """
    block = "".join(f"{line}\n" for line in [BEGIN, *lines, END]) if lines else ""
    if BLOCK.search(text):
        return BLOCK.sub(lambda _: block, text, count=1)
    if not block:
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    return block + text if first else text + block


def read(path):
    """
    Return the contents of a file, an empty text if there is none.

    path
        the file; bytes that are no UTF-8 survive until `write`

    CLI Example:

    .. code-block:: bash

        salt gw1 sharedfile.read /etc/shells
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path, text):
    """
    Replace the contents of a file at once; its owner and mode stay.

    path
        the file; it is made if it is not there
    text
        the new contents

    CLI Example:

    .. code-block:: bash

        salt gw1 sharedfile.write /etc/motd 'A gateway.'
    """
    with atomic_open(path, "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
