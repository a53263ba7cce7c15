"""5. Connections a second through an installed service, with rules of all sizes."""

import concurrent.futures
import contextlib
import functools
import socket

from measure import Row, eventually, in_turn, running
from minion import Minion
from rules import sample

RECORDS = (10, 10_000, 1_000_000)
CONNECTIONS, CLIENTS = 1000, 2
PORT = 2100


def rows(scratch):
    minion = Minion(scratch)
    with contextlib.ExitStack() as services:
        # Each on a port of its own; 0 records is a service without rules.
        ports = {
            records: services.enter_context(serving(minion, records, PORT + number))
            for number, records in enumerate((0, *RECORDS))
        }
        for other, records in [(0, 10), (0, 10_000), (0, 1_000_000), (10, 1_000_000)]:
            yield Row(
                f"{records:,} records / {f'{other} records' if other else 'no rules'}",
                f"tcpserver -x ftp{records}.cdb",
                f"tcpserver -x ftp{other}.cdb" if other else "tcpserver",
                in_turn(
                    9,
                    functools.partial(connect, ports[records]),
                    functools.partial(connect, ports[other]),
                ),
                goal=1.1 if other else None,
                note=f"{CONNECTIONS:,} connections",
            )


@contextlib.contextmanager
def serving(minion, records, port):
    """Run the run script of a service whose daemon does nothing; returns its port."""
    settings = {"tcpserver": {"address": "127.0.0.1", "port": port}, "command": ["true"]}
    if records:
        name = f"ftp{records}"
        # The default and 127.0.0.1 are records as well.
        sites = {"partners": {"allow": ["127.0.0.1", *sample(records - 2)]}}
        minion.apply("tcprules.managed", name=name, settings={"sites": sites})
        settings["tcpserver"]["rules"] = f"{minion.root}/tcprules/{name}.cdb"
    run = minion.root / f"run{records}"
    run.write_text(minion.call("daemontools.files", "hello", settings)["run"]["text"])
    with running("sh", run, stdout=-3) as daemon:
        eventually(f"the service on port {port}", lambda: answers(port), 5)
        assert daemon.poll() is None
        yield port


def answers(port):
    with contextlib.suppress(ConnectionRefusedError):
        return hang_up(port) is None


def connect(port):
    """Connect so many times, always from two clients at once."""
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        for _ in clients.map(hang_up, [port] * CONNECTIONS):
            pass


def hang_up(port):
    """Connect, and wait until the other side ends the connection: the daemon has run."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        assert client.recv(1) == b""
