"""Clients that knock all the time while a gateway is built: who is told what, in its order."""

import contextlib
import ftplib
import threading
import time

from clients import LAN, PARTNER, STRANGER, steal, upload

# Seconds between two attempts of the same client.
PAUSE = 0.01
PERSON = "person", "a person's password"


class Knocks:
    """What each of the clients was told; ``refused`` is that nobody listens."""

    def __init__(self):
        self.stranger, self.person, self.partner, self.thief = [], [], [], []
        self.built = False

    def knock(self):
        """Let a stranger ask for a greeting, until the gateway is built."""
        while not self.built:
            self.stranger.append(_told(lambda: STRANGER.greeting().decode()))
            time.sleep(PAUSE)

    def log_in(self):
        """Let somebody with an account of the system try to log in, until the gateway is built."""
        while not self.built:
            self.person.append(_told(lambda: LAN.session(*PERSON).quit()))
            time.sleep(PAUSE)

    def transfer(self):
        """Let the partner transfer a file as soon as he can, while a stranger is after it."""
        while not self.built and "transferred" not in self.partner:
            self.partner.append(_told(self._transfer))
            time.sleep(PAUSE)

    def _transfer(self):
        with PARTNER.session() as ftp:
            self.thief.append(_told(lambda: f"stolen: {steal(ftp, STRANGER, '/')!r}"))
            upload(ftp, "first.bin", b"first")
        return "transferred"


def _told(attempt):
    try:
        return attempt()
    except ConnectionRefusedError:
        return "refused"
    except (EOFError, ConnectionResetError):
        return ""
    except ftplib.Error as error:
        return str(error)


@contextlib.contextmanager
def knocking():
    """Let all of them knock as long as the block lasts, and a moment longer."""
    knocks = Knocks()
    clients = [
        threading.Thread(target=client) for client in (knocks.knock, knocks.log_in, knocks.transfer)
    ]
    for client in clients:
        client.start()
    try:
        yield knocks
        time.sleep(1)
    finally:
        knocks.built = True
        for client in clients:
            client.join()
