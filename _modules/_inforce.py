"""
What a packet filter has in force, and what it had when a file of rules was loaded.

What ``show`` printed then is kept beside the file, and of which file it is: rules that are gone, or
were edited since, are noticed without knowing how the filter words what it was told.
"""

import hashlib
import re
import subprocess

from salt.exceptions import CommandExecutionError

# Seconds for one run of the filter's program.
PROGRAM = 10
# pf names the table of a long list __automatic_RANDOM_NUMBER, anew at each load.
_RANDOM = re.compile("(?<=__automatic_)[0-9a-f]+(?=_)")


def read(path, show):
    """
    Return what is known of a file of rules, each part empty where there is none.

    show
        an argument vector, or a list of several: what they print together is what is in force

    ``text`` is what the file holds, ``loaded`` what is in force now, ``remembered`` what was when
    the rules were loaded, None if those were not yet these; ``memory`` is ``{path: text}``: what to
    write where, once the file has been loaded.
    """
    text = _text(path)
    digest, _, remembered = _text(f"{path}.loaded").partition("\n")
    loaded, mine = _shown(path, show), _digest(text)
    return {
        "text": text,
        "loaded": loaded,
        "remembered": None if digest and digest != mine else remembered,
        "memory": {f"{path}.loaded": f"{mine}\n{loaded}"},
    }


def problem(path, world):
    """Return a phrase where the rules of a file are not those in force, or None."""
    if not world["text"]:
        return f"there is no {path}"
    if not world["loaded"]:
        return f"the rules of {path} are not in force"
    if world["remembered"] is None:
        return f"{path} was edited since it was loaded"
    if world["loaded"] != world["remembered"]:
        return f"the rules in force are not those of {path} any more"
    return None


def _text(path):
    """Return the text of a file, "" if there is none; bytes that are no UTF-8 survive."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _digest(text):
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _shown(path, show):
    commands = [show] if isinstance(show[0], str) else show
    return "".join(_said(path, command) for command in commands)


def _said(path, command):
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=PROGRAM,
            check=False,
        )
    except FileNotFoundError:
        return ""
    except subprocess.TimeoutExpired:
        raise CommandExecutionError(f"{path}: {command[0]} did not end within {PROGRAM} s")
    return _RANDOM.sub("", done.stdout) if done.returncode == 0 else ""
