"""Clients that try again and again while a gateway is on its way up."""

import contextlib
import socket
import threading
import time

from clients import STRANGER, SURFER, on

EVERY = 0.05
SERVER_OUTSIDE = b"GNU inetutils"
# Enough for a machine that has much else to do.
DEADLINE = 120


class Poll:
    """What a client has got so far, and how often it was connected."""

    def __init__(self, client):
        self.client, self.attempts, self.greetings = client, 0, set()
        self.end = threading.Event()

    def run(self):
        """Connect every 50 ms until the end; who is not answered at once hangs up."""
        with on(self.client.host):
            while not self.end.wait(EVERY):
                with contextlib.suppress(OSError):
                    self._once()

    def _once(self):
        self.attempts += 1
        where, source = (self.client.server, self.client.port), (self.client.source, 0)
        with socket.create_connection(where, 0.2, source) as peer:
            peer.settimeout(2)
            if said := peer.recv(100):
                self.greetings.add(said)


@contextlib.contextmanager
def polled(client):
    """Poll by a client meanwhile."""
    poll = Poll(client)
    thread = threading.Thread(target=poll.run)
    thread.start()
    try:
        yield poll
    finally:
        poll.end.set()
        thread.join()


@contextlib.contextmanager
def watched():
    """Raise if meanwhile a denied client gets a byte, or one of the LAN gets past the proxy."""
    with polled(STRANGER) as denied, polled(SURFER) as diverted:
        yield
        eventually(lambda: denied.attempts > 10 and diverted.greetings)
    assert denied.greetings == set()
    assert not [text for text in diverted.greetings if SERVER_OUTSIDE in text]


def heard(client):
    """Return what a client is greeted with: nothing if nobody listens."""
    try:
        return client.greeting()
    except ConnectionRefusedError:
        return b""


def eventually(attempt):
    """Return what an attempt returns, tried again until it is something, or the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        with contextlib.suppress(OSError):
            if answer := attempt():
                return answer
        assert time.monotonic() < end, f"not within {DEADLINE} s: {attempt}"
        time.sleep(EVERY)
