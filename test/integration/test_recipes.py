"""docs/operations.md: each recipe is run as it stands there, and prints what stands there."""

import contextlib
import re
import shlex

import gateway as gw
import printed
import pytest
import yaml
from clients import LAN, PARTNER, STRANGER

PAGE = printed.REPOSITORY / "docs/operations.md"
RECIPES = PAGE.read_text().partition("# Recipes of the day")[2]
SECTIONS = dict(re.findall(r"^## (.+)\n\n((?:(?!## ).*\n)+)", RECIPES, re.MULTILINE))
COMMAND = re.compile(r"^\$ salt gw1 (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@contextlib.contextmanager
def connected():
    """Two customers of the server; nobody else is in its log."""
    gw.forget_starts()
    with contextlib.closing(PARTNER.session()), contextlib.closing(LAN.session()):
        yield


@contextlib.contextmanager
def been():
    """A customer has been there, and somebody who is denied."""
    gw.forget_starts()
    with PARTNER.session():
        pass
    assert STRANGER.greeting() == b""
    yield


@contextlib.contextmanager
def full():
    """The log has no room."""
    with gw.small("/var/multilog/open-ftpd", "1m"):
        with contextlib.suppress(OSError), open("/var/multilog/open-ftpd/x", "wb", 0) as file:
            while file.write(b"x" * 4096):
                pass
        yield


SCENES = {
    "A new customer": contextlib.nullcontext,
    "Revoke in a hurry": connected,
    "Why can it not connect?": been,
    "Near the limit?": connected,
    "Who was here?": been,
    "Maintenance": been,
    "A full disk": full,
    "Rebuilt from nothing": contextlib.nullcontext,
}


def without_figures(text):
    """Return an output without what differs each time, and without its columns."""
    text = text.replace("local", "gw1")
    # On a gateway that answers its master, one does.
    text = re.sub(r"- ftp: no minion runs here .*", "", text)
    text = re.sub(r"Total run time:.*", "", text)
    # The end of one of vsftpd's two processes may reach the other before the signal of it does.
    text = text.replace("exit 2:", "well:")
    return printed.plain(text)


def test_every_recipe_has_a_scene():
    assert SECTIONS.keys() == SCENES.keys()


@pytest.mark.parametrize("name", SCENES)
def test_a_recipe_does_what_it_says(gateway, pillar, name):
    pieces = printed.blocks(SECTIONS[name])
    given = [yaml.safe_load(piece) for piece in pieces if not piece.startswith("$ ")]
    with pillar() as ftpgw:
        for settings in given:
            put(ftpgw, settings, ftpgw["accounts"]["partner"]["password"])
    gw.forget_starts()
    try:
        with SCENES[name]():
            for piece in pieces:
                for command, output in COMMAND.findall(piece):
                    done = gateway.salt_call(*shlex.split(command))
                    assert without_figures(done.stdout) == without_figures(output), command
    finally:
        gateway.call("tcprules.release", "ftp")
        with gw.pillar() as ftpgw:
            ftpgw["leftovers"] = "remove"
            for account in {name for settings in given for name in settings.get("accounts", ())}:
                del ftpgw["accounts"][account]
        gateway.apply("ftpgw.accounts")


def put(above, settings, password):
    """Put settings into others, and a password in the place of the one that is left out."""
    for key, value in settings.items():
        if isinstance(value, dict):
            put(above.setdefault(key, {}), value, password)
        else:
            above[key] = password if value == "$6$..." else value
