"""The demonstration: a bare Debian gateway becomes an FTP gateway, and real clients try it.

Every line of the last table is a fact that was checked a moment before; the exit status is 1 if
one of them is false.
"""

import ftplib
import sys
import time
import traceback

from clients import LAN, PARTNER, STRANGER, download, upload
from gateway import apply, call, changed, inetd, person, pillar

FACTS = []
PAYLOAD = bytes(range(256)) * 400
START = time.monotonic()


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
    predicted = changed(apply(test=True))
    say("salt-call --local state.apply ftpgw")
    first = changed(apply())
    table = [check("test=True said exactly what then changed", lambda: same(predicted, first))]
    table += [check(claim, function) for claim, function in FACTS]
    width = max(len(claim) for claim, _, _ in table)
    print()
    for claim, true, evidence in table:
        print(f"{'true ' if true else 'FALSE'}  {claim:{width}}  {evidence}")
    false = sum(not true for _, true, _ in table)
    print(f"\n{len(table) - false} facts true, {false} false, {time.monotonic() - START:.1f} s")
    return 1 if false else 0


def check(claim, function):
    """Return (claim, whether it is true, evidence)."""
    say(claim)
    try:
        return claim, True, function()
    except Exception as exc:  # any failure makes the claim false, and the table must go on
        traceback.print_exc()
        return claim, False, str(exc).strip().splitlines()[0] if str(exc) else repr(exc)


def same(predicted, done):
    """Raise unless both runs name the same states."""
    assert predicted == done, f"differ: {sorted(predicted ^ done)}"
    return f"{len(done)} states"


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


@fact("anonymous is refused")
def _anonymous():
    return refused("anonymous", "guest@"), refused("ftp", "guest@")


@fact("an account that is not in pillar is refused")
def _visitor():
    return refused("visitor", "a person")


def refused(user, password):
    """Raise unless the log-in fails; the evidence is what the server said."""
    try:
        with LAN.session(user, password):
            raise AssertionError(f"{user} was let in")
    except ftplib.error_perm as exc:
        return str(exc)


@fact("the account sees its home as /")
def _home():
    with LAN.session() as ftp:
        assert ftp.pwd() == "/"
        ftp.cwd("..")
        return ftp.pwd()


@fact("daemontools.status: the service and its logger are up")
def _status():
    record = call("daemontools.status")["open-ftpd"]
    assert record["state"] == record["log"]["state"] == "up", record
    return f"pid {record['pid']}, logger pid {record['log']['pid']}"


@fact("the log names the clients")
def _log():
    log = "\n".join(map(str, call("daemontools.log", "open-ftpd", "lines=1000")))
    for client in (LAN, PARTNER, STRANGER):
        assert client.source in log, f"{client.source} is not in the log"
    return f"{LAN.source}, {PARTNER.source}, {STRANGER.source}"


@fact("a changed address list needs no restart")
def _rules():
    before = call("daemontools.pid", "open-ftpd")
    with PARTNER.session() as live:
        with pillar() as ftpgw:
            sites = ftpgw["rules"]["ftp"]["sites"]
            sites["stranger"] = {"allow": [STRANGER.source]}
            del sites["acme"], ftpgw["rules"]["ftp"]["expect"]
        apply("ftpgw.rules")
        assert STRANGER.greeting().startswith(b"220"), "the new address is not admitted"
        assert PARTNER.greeting() == b"", "the old address is still admitted"
        assert download(live, "from-lan.bin") == PAYLOAD, "the live session was cut"
    assert call("daemontools.pid", "open-ftpd") == before, "the daemon was restarted"
    return f"pid {before} before and after, a live session went on"


@fact("a second state.apply changes nothing")
def _again():
    again = changed(apply())
    assert not again, f"changed: {sorted(again)}"
    return "0 changes"


if __name__ == "__main__":
    sys.exit(main())
