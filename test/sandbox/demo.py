"""The demonstration: a bare Debian gateway becomes an FTP gateway, and real clients try it.

Every line of the last table is a fact that was checked a moment before; the exit status is 1 if
one of them is false.
"""

import collections
import concurrent.futures
import contextlib
import ftplib
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import time
import traceback

import certificate
import outside
from clients import (
    LAN,
    NEIGHBOUR,
    OUTSIDE,
    PARTNER,
    STRANGER,
    SURFER,
    Client,
    download,
    steal,
    upload,
)
from diversion import EXCEPTION, edited, usual_proxy
from gateway import apply, call, changed, inetd, person, pillar

FORETOLD = "test=True said exactly what then changed"
FACTS = []
PAYLOAD = bytes(range(256)) * 400
MEGABYTES = 100
# The same client and the same server, on a port that nobody diverts.
DIRECT = Client("lan", SURFER.source, STRANGER.source, outside.ELSEWHERE)
# The gateway's own server, by its address outside.
LAN_OUTSIDE = Client("lan", LAN.source, OUTSIDE)
START = time.monotonic()


class TooBusyError(Exception):
    """The machine has too much else to do for a fact about speed to be judged."""


def fact(claim):
    """Register a check: the function returns its evidence, or raises."""

    def register(check):
        FACTS.append((claim, check))
        return check

    return register


def say(text):
    """Tell what is being done while it is done."""
    print(f"[{time.monotonic() - START:5.1f} s] {text}", flush=True)


def main():
    """Build the gateway, check every fact, print the table."""
    say("a bare Debian gateway: inetd serves ftp, a person has an account")
    inetd("ftp stream tcp nowait root /usr/sbin/ftpd ftpd")
    person("visitor", "a person")
    say("salt-call --local state.apply ftpgw test=True")
    predicted = apply(test=True)
    say("salt-call --local state.apply ftpgw")
    first = apply()
    table = [check(FORETOLD, lambda: same(predicted, first))]
    with outside.servers():
        table += [check(claim, function) for claim, function in FACTS]
    width = max(len(claim) for claim, _, _ in table)
    print()
    for claim, verdict, evidence in table:
        print(f"{verdict:5}  {claim:{width}}  {evidence}")
    verdicts = collections.Counter(verdict for _, verdict, _ in table)
    unjudged = f", {verdicts['?']} not judged" if verdicts["?"] else ""
    took = f"{time.monotonic() - START:.1f} s"
    print(f"\n{verdicts['true']} facts true, {verdicts['FALSE']} false{unjudged}, {took}")
    return 1 if verdicts["FALSE"] else 0


def check(claim, function):
    """Return (claim, true or FALSE or ?, evidence)."""
    say(claim)
    try:
        return claim, "true", function()
    except TooBusyError as exc:
        return claim, "?", str(exc)
    except Exception as exc:  # any failure makes the claim false, and the table must go on
        where = traceback.extract_tb(exc.__traceback__)[-1]
        said = str(exc).strip().splitlines() or [repr(exc)]
        return claim, "FALSE", f"{said[0]} ({pathlib.Path(where.filename).name}:{where.lineno})"


# Salt's own foretell that something changes, not always to what; what replaces a file of a package
# cannot know it before the package is there.
NOT_TO_THE_LINE = ("cmd", "conffile", "file", "pkg", "sysctl", "user")
# These hand over to Salt's own.
HANDED_OVER = ("account", "installed")


def same(predicted, done):
    """Raise unless both runs name the same states, and of those of ours the same changes."""
    differ = changed(predicted) ^ changed(done)
    assert not differ, f"differ: {sorted(differ)}"
    ours = [
        name
        for name in changed(done)
        if done[name]["module"] not in NOT_TO_THE_LINE and done[name]["function"] not in HANDED_OVER
    ]
    for name in ours:
        before, after = predicted[name]["changes"], done[name]["changes"]
        assert before == after, f"{name}: {before} was foretold of {after}"
    return f"{len(changed(done))} states, {len(ours)} of them to the line"


def transfers(client, name):
    """Log in, upload, list and download with ftplib, curl and lftp, passive and active."""
    for passive in (True, False):
        with client.session(passive=passive) as ftp:
            upload(ftp, name, PAYLOAD)
            assert name in ftp.nlst(), "the file is not in the list"
            assert download(ftp, name) == PAYLOAD, "the file came back different"
    for options in ((), ("--ftp-port", "-")):
        assert client.curl(name, *options) == PAYLOAD, "curl got something different"
    assert name in client.lftp("cls -1").decode(), "lftp does not see the file"
    return "ftplib and curl passive and active, lftp"


@fact("a LAN client logs in, uploads, lists, downloads")
def _lan():
    return transfers(LAN, "from-lan.bin")


@fact("an allowed remote client does the same")
def _partner():
    return transfers(PARTNER, "from-partner.bin")


@fact("any other remote client is closed before a greeting")
def _stranger():
    greeting = STRANGER.greeting()
    assert greeting == b"", f"it was greeted: {greeting}"
    return f"{STRANGER.source} got 0 bytes"


@fact("anonymous, and a person whose account is not in pillar, are refused")
def _refused():
    persons = {"anonymous": "guest@", "ftp": "guest@", "visitor": "a person"}
    # At the same time, because PAM makes each of them wait.
    with concurrent.futures.ThreadPoolExecutor() as crowd:
        answers = crowd.map(refusal, persons, persons.values())
        return ", ".join(f"{user}: {said}" for user, said in zip(persons, answers, strict=True))


def refusal(user, password):
    """Raise unless the log-in fails; the evidence is what the server said."""
    try:
        with LAN.session(user, password):
            raise AssertionError(f"{user} was let in")
    except ftplib.error_perm as exc:
        return str(exc)


@fact("a LAN client does the same with a server outside, through the proxy")
def _surfer():
    done = transfers(SURFER, "abroad.bin")
    log = pathlib.Path("/var/multilog/ftp-proxy/current").read_text()
    assert f"dest {SURFER.server}:21 from {SURFER.source}" in log, "the proxy logged nothing of it"
    assert SURFER.source not in outside.LOG.read_text(), "the server saw the client itself"
    return done


@fact(f"{MEGABYTES} MB through the proxy are intact, on 1 Gbit/s cables at 90 % of the direct rate")
def _rates():
    data = os.urandom(1 << 20) * MEGABYTES
    with gigabit():
        pairs = list(zip(rates(SURFER, data), rates(DIRECT, data), strict=True))
    up, down = (f"{proxy:.0f} ({direct:.0f})" for proxy, direct in pairs)
    said = f"MB/s (direct): up {up}, down {down}"
    slow = not all(proxy >= 0.9 * direct for proxy, direct in pairs)
    load = os.getloadavg()[0]
    # The demonstration itself keeps not much more than one processor busy.
    if slow and load > os.cpu_count() + 1:
        raise TooBusyError(f"too busy to judge (load {load:.1f}); {said}")
    assert not slow, said
    return said


@contextlib.contextmanager
def gigabit():
    """Give both cables the rate of real ones; a veth is as fast as its processors are idle."""
    ends = [["-n", "lan", "eth0"], ["-n", "wan", "eth0"], ["int0"], ["ext0"]]
    limit = ["tbf", "rate", "1gbit", "burst", "256kb", "latency", "50ms"]
    for *netns, device in ends:
        subprocess.run(["tc", *netns, "qdisc", "add", "dev", device, "root", *limit], check=True)
    yield
    for *netns, device in ends:
        subprocess.run(["tc", *netns, "qdisc", "del", "dev", device, "root"], check=True)


def rates(client, data):
    """Upload and download, and return the MB/s of each; raises if what comes back differs."""
    digest = hashlib.sha256()
    with client.session() as ftp:
        start = time.monotonic()
        ftp.storbinary("STOR big.bin", io.BytesIO(data))
        stored = time.monotonic()
        ftp.retrbinary("RETR big.bin", digest.update)
        end = time.monotonic()
    assert digest.digest() == hashlib.sha256(data).digest(), "the file came back different"
    return MEGABYTES / (stored - start), MEGABYTES / (end - stored)


@fact("50 LAN clients transfer through the proxy at the same time")
def _crowd():
    def one(number):
        with SURFER.session() as ftp:
            upload(ftp, f"crowd-{number}.bin", PAYLOAD)
            assert download(ftp, f"crowd-{number}.bin") == PAYLOAD

    with concurrent.futures.ThreadPoolExecutor(50) as crowd:
        return f"{len(list(crowd.map(one, range(50))))} files each way"


@fact("the gateway's own server is reached past the proxy, inside and outside address")
def _direct():
    with server_log() as lines:
        for client in (LAN, LAN_OUTSIDE):
            client.session().quit()
    return seen(lines, LAN.source)


@fact("without that exception: our proxy leads nowhere")
def _lost():
    with edited({EXCEPTION: ""}), contextlib.suppress(EOFError, ftplib.Error):
        LAN.session()
        raise AssertionError("it was let in")
    return "the connection is closed"


@fact("without that exception: a usual proxy hides the client, and rules by address are void")
def _loop():
    with edited({EXCEPTION: ""}), usual_proxy(), server_log() as lines:
        LAN.session().quit()
    return seen(lines, "127.0.0.1")


@contextlib.contextmanager
def server_log():
    """Collect what the gateway's own server logs meanwhile."""
    log = pathlib.Path("/var/multilog/open-ftpd/current")
    size, lines = log.stat().st_size, []
    yield lines
    time.sleep(0.1)
    lines += log.read_text()[size:].splitlines()


def seen(lines, address):
    """Raise unless every client of the log has this address; returns a line that says it."""
    clients = [line.split(" ", 1)[1] for line in lines if " from " in line]
    assert clients, "the server logged no client"
    assert all(line.endswith(f" from {address}") for line in clients), "; ".join(clients)
    return clients[0]


@fact("nobody outside can use the proxy, nobody inside can name its destination")
def _closed():
    port = 8021
    with contextlib.suppress(ConnectionRefusedError):
        Client("wan", SURFER.server, LAN.server, port).greeting()
        raise AssertionError("let in from outside")
    with contextlib.suppress(EOFError, ftplib.Error):
        Client("lan", LAN.source, LAN.server, port).session("partner@9.9.9.9")
        raise AssertionError("a destination was named")
    return "no connection from outside; the log-in fails"


@fact("nobody but its client can open a data connection, to the server or to the proxy")
def _thieves():
    outsider = Client("wan", STRANGER.source, LAN.server)
    for client, thief in [(PARTNER, STRANGER), (SURFER, outsider), (SURFER, NEIGHBOUR)]:
        with client.session() as ftp:
            upload(ftp, "secret.bin", b"secret")
            with contextlib.suppress(ConnectionRefusedError):
                raise AssertionError(f"{thief} got {steal(ftp, thief, 'secret.bin')}")
            assert download(ftp, "secret.bin") == b"secret"
    return f"{STRANGER.source} and {NEIGHBOUR.source} are refused, the clients served"


@fact("the account sees its home as /")
def _home():
    with LAN.session() as ftp:
        assert ftp.pwd() == "/"
        ftp.cwd("..")
        return ftp.pwd()


@fact("daemontools.show: the services and their loggers are up")
def _status():
    records = call("daemontools.show")
    for record in records.values():
        assert record["state"] == record["log"]["state"] == "up", record
    return ", ".join(f"{name} pid {record['pid']}" for name, record in sorted(records.items()))


@fact("the log names the clients")
def _log():
    log = "\n".join(map(str, call("daemontools.log", "open-ftpd", "lines=1000")))
    for client in (LAN, PARTNER, STRANGER):
        assert client.source in log, f"{client.source} is not in the log"
    return f"{LAN.source}, {PARTNER.source}, {STRANGER.source}"


@fact("a changed address list needs no restart")
def _rules():
    before = pid("open-ftpd")
    with PARTNER.session() as live:
        with pillar() as ftpgw:
            sites = ftpgw["rules"]["ftp"]["sites"]
            sites["stranger"] = {"allow": [STRANGER.source]}
            del sites["acme"], ftpgw["rules"]["ftp"]["expect"]
        apply("ftpgw.rules")
        assert STRANGER.greeting().startswith(b"220"), "the new address is not admitted"
        assert PARTNER.greeting() == b"", "the old address is still admitted"
        assert download(live, "from-lan.bin") == PAYLOAD, "the live session was cut"
    assert pid("open-ftpd") == before, "the daemon was restarted"
    return f"{before} before and after, a live session went on"


def pid(service):
    """Ask the author's own program."""
    path = f"/etc/service/{service}"
    said = subprocess.run(["svstat", path], capture_output=True, text=True, check=True).stdout
    return re.search(r"pid \d+", said)[0]


@fact("with a certificate in pillar nobody logs in without TLS, and who has TLS is served")
def _encrypted():
    certificate.make()
    with pillar() as ftpgw:
        ftpgw["tls"] = certificate.TLS
    apply()
    in_the_clear = refusal("partner", "salt and spirits")
    with LAN.session(tls=certificate.context()) as ftp:
        upload(ftp, "tls.bin", PAYLOAD)
        assert download(ftp, "tls.bin") == PAYLOAD
        return f"{ftp.sock.version()}; without: {in_the_clear}"


@fact("a second state.apply changes nothing")
def _again():
    again = changed(apply())
    assert not again, f"changed: {sorted(again)}"
    return "0 changes"


if __name__ == "__main__":
    sys.exit(main())
