"""
Which groups sshd denies, by its configuration: sshd_config(5).

Its lines `DenyGroups` add up, but those below a `Match` take the place of all others.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import _block
from salt.exceptions import CommandExecutionError

_PLACES = "/usr/sbin:/usr/local/sbin"
_KEYWORD = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*")


def program():
    """Return where sshd is, or None."""
    return shutil.which("sshd", path=_PLACES)


def own_file(main):
    """Return the file of our own, which the main one may include."""
    return f"{main}.d/ftpgw.conf"


def plan(main, groups):
    """
    Return ``{path: (text, new text)}`` of the files that have to do with the groups denied.

    main
        path of sshd_config
    groups
        the groups to deny; none takes our lines away

    Of our own file the text is None where there is, or shall be, none.
    """
    text, own = _block.read(main), own_file(main)
    lines = [f"DenyGroups {' '.join(groups)}"] if groups else []
    included = _includes(text, own)
    ours = "".join(f"{line}\n" for line in lines) if included else ""
    return {
        own: (_block.read(own) or None, ours or None),
        # First, because what comes below a Match holds for some only.
        main: (text, _block.plan(text, [] if included else lines, first=True)),
    }


def whole(planned, main):
    """Return one text that means what a plan means, for sshd to judge before it is in place."""
    own = own_file(main)
    return (planned[own][1] or "") + planned[main][1]


def denied(text, main):
    """
    Return the groups that sshd denies by a text.

    main
        the file that is spoken of

    Raises CommandExecutionError where sshd does not accept the text.
    """
    with tempfile.NamedTemporaryFile("w", errors="surrogateescape", prefix="sshd_config.") as file:
        file.write(text)
        file.flush()
        done = _asked(file.name)
        missing = re.search(r"Missing privilege separation directory: (/\S+)", done.stderr)
        if missing:
            # What starts it makes this, but sshd wants it to be there for a test, too.
            os.makedirs(missing[1], mode=0o755)
            done = _asked(file.name)
    if done.returncode:
        said = done.stderr.strip().replace(file.name, main).partition("\n")[0]
        raise CommandExecutionError(f"sshd does not accept this configuration: {said}")
    return _values(done.stdout, "denygroups")


def pidfile(main):
    """Return where a running sshd has written its process id."""
    [*_, path] = ["/var/run/sshd.pid", *_values(_asked(main).stdout, "pidfile")]
    return path


def exceptions(main, groups):
    """
    Return each `Match` below which other groups are denied in the place of ours, and its file.

    main
        path of sshd_config; the files that it includes are read too
    groups
        ours
    """
    return list(_exceptions(main, groups, None))


def _exceptions(path, groups, match):
    for keyword, value in _lines(_block.read(path)):
        if keyword == "match":
            match = value
        elif keyword == "include":
            for pattern in value.split():
                for file in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))):
                    yield from _exceptions(file, groups, match)
        elif keyword == "denygroups" and match and not set(groups) <= set(value.split()):
            yield f"{path}: Match {match}"


def _includes(text, path):
    """Return whether a configuration includes a file for everybody."""
    for keyword, value in _lines(text):
        if keyword == "match":
            return False
        if keyword == "include" and f"{os.path.dirname(path)}/*.conf" in value.split():
            return os.path.isdir(os.path.dirname(path))
    return False


def _lines(text):
    for line in text.splitlines():
        found = _KEYWORD.fullmatch(line.partition("#")[0])
        if found:
            yield found[1].lower(), found[2].replace('"', "")


def _values(text, keyword):
    return [value for key, value in _lines(text) if key == keyword]


def _asked(path):
    return subprocess.run(
        [program(), "-T", "-f", path], capture_output=True, text=True, check=False
    )
