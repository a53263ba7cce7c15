"""
Who logged in and what was transferred, from the lines that an FTP server and tcpserver log.

Clients choose their names and those of files, and the lines quote neither: what would fit in two
ways is read so that nobody can put words into the mouth of the server.
"""

import datetime
import re

import _accounts
import _supervise

_STAMP = r"(?P<time>\d{4}-\d\d-\d\d [0-9:.]+[+-]\d\d:\d\d) "
_HEAD = rf"{_STAMP}.{{24}} \[pid \d+\] "
_ADDRESS = "(?:::ffff:)?(?P<address>[0-9a-f.:]+)"
_CLIENT = f'Client "{_ADDRESS}"'
_NAME = _accounts.NAME.schema["pattern"].strip("^$")
# vsftpd's, with `xferlog_std_format=NO`. The line of a transfer ends as no other one does, and only
# an account has a transfer or is let in.
_TRANSFER = re.compile(
    rf"{_HEAD}\[(?P<account>{_NAME})\] (?P<said>OK|FAIL) (?P<what>UPLOAD|DOWNLOAD): {_CLIENT}, "
    r'"(?P<file>.*)"(?:, (?P<bytes>\d+) bytes)?, (?P<rate>[0-9.]+)Kbyte/sec'
)
_LOGIN = re.compile(rf"{_HEAD}\[(?P<account>{_NAME})\] OK LOGIN: {_CLIENT}")
_FAILED = re.compile(rf"{_HEAD}\[(?P<account>.*)\] FAIL LOGIN: {_CLIENT}")
# proftpd's, with the formats of ftpgw/servers/proftpd.yaml: what a client has chosen comes last.
_PRO_TRANSFER = re.compile(
    rf"{_STAMP}transfer {_ADDRESS} (?P<account>{_NAME}) (?P<said>[124]\d\d) "
    r"(?P<what>STOR|STOU|APPE|RETR) (?:(?P<bytes>\d+)|-) (?:(?P<seconds>\d+\.\d+)|-) (?P<file>/.*)"
)
_PRO_LOGIN = re.compile(rf"{_STAMP}login {_ADDRESS} (?P<said>230|530) PASS (?P<account>.*)")
_DENIED = re.compile(
    rf"{_STAMP}tcpserver: deny \d+ \S*?:(?P<port>\d+) [^ :]*:(?P<address>[0-9a-f.:]+?):[^:]*:\d+"
)
# What others tell the journal alone, and what begins a session there. A name that a client has
# chosen stands last in a line, or before what is read from its end.
_BEGUN = re.compile(rf"\(\?@{_ADDRESS}\) \[INFO\] New connection from .*|connection from .*")
_SAID = [
    # pure-ftpd's. A path is the home, and then what its account sees.
    ("logged in", rf"\(\?@{_ADDRESS}\) \[INFO\] (?P<account>{_NAME}) is now logged in"),
    (
        "failed",
        rf"\(\?@{_ADDRESS}\) \[WARNING\] Authentication failed for user \[(?P<account>.*)\]",
    ),
    (
        "transfer",
        rf"\((?P<account>{_NAME})@{_ADDRESS}\) \[NOTICE\] /.*?/(?P<file>/.*) "
        r"(?P<what>uploaded|downloaded)  \((?P<bytes>\d+) bytes, (?P<rate>\d+\.\d+)KB/sec\)",
    ),
    # inetutils', with PAM's: it has the first nine letters of a name alone.
    ("logged in", rf"FTP LOGIN FROM \S+ as (?P<account>{_NAME})"),
    ("failed", r"FTP LOGIN (?:FAILED|REFUSED) FROM \S+, (?P<account>.*)"),
    ("transfer", r"(?P<what>get|put|append) (?P<file>.*) = (?P<bytes>\d+) bytes"),
    ("tried", r"pam_pwdfile\(ftp:auth\): wrong password for user (?P<account>.*)"),
    ("tried", r"pam_listfile\(ftp:auth\): Refused user (?P<account>.*) for service ftp"),
    ("tried", r"pam_unix\(ftp:account\): account (?P<account>\S*) has expired .*"),
]
_SAID = [(what, re.compile(pattern)) for what, pattern in _SAID]
_DOWNLOADS = ("DOWNLOAD", "RETR", "downloaded", "get")
# How long before the time that is asked for a session can have begun, in seconds.
EARLIER = 86400
# For how many seconds multilog may not yet have read what tcpserver has told it.
_LATE = 5
_SERVED = re.compile(
    rb"^@([0-9a-f]{16})([0-9a-f]{8}) tcpserver: (?:"
    rb"ok (\d+) \S+ [^ :\n]*:(?:::ffff:)?([0-9a-f.:]+?):[^:\n]*:\d+|end (\d+) status \d+)$",
    re.MULTILINE,
)
# What a line must have, or it is not looked at.
TRANSFERS = r"Kbyte/sec$| transfer "
LOGINS = r" LOGIN: Client |tcpserver: deny | (230|530) PASS "


def transfers(lines, told=(), account=None):
    """
    Return a record for each upload and download; what is not one in some lines is left out.

    told
        what the journal was told, as of `told` and `addressed`

    account
        of this one alone
    """
    matches = (_TRANSFER.fullmatch(line) or _PRO_TRANSFER.fullmatch(line) for line in lines)
    found = [match.groupdict() for match in matches if match]
    found += [each for each in told if each["result"] == "transfer"]
    return _in_order(_transfer(each) for each in found if account in (None, each["account"]))


def logins(lines, why, told=()):
    """
    Return a record for each who logged in, failed to, or was not even greeted.

    why
        a function of an account and an address that returns what a log-in failed for

    told
        as of `transfers`
    """
    found = [record for record in (_login(line, why) for line in lines) if record]
    for each in told:
        if each["result"] in ("logged in", "failed"):
            reason = why(each["account"], each["address"]) if each["result"] == "failed" else ""
            found.append(_record(each, each["account"], each["result"], reason))
    return _in_order(found)


def told(entries, since, uids):
    """
    Yield what the journal was told of log-ins and transfers since a moment.

    entries
        as of `_journal.read`, `EARLIER` seconds more of them

    since
        in seconds since 1970

    uids
        of the accounts for FTP, as texts: nobody else runs anything as one of them

    Whoever may write to the journal may write lines like these.  A session is believed in if root
    has begun it; what is said of it by others, if they are in the same control group, or, where
    they ended before journald could see in which one, an account for FTP.  Where there is no
    address, ``address`` is None.
    """
    sessions = {}
    for entry in entries:
        rooted = entry.uid == "0"
        begun = rooted and _BEGUN.fullmatch(entry.text)
        if begun:
            sessions[entry.pid] = {**begun.groupdict(), "group": entry.group, "account": ""}
        session = sessions.get(entry.pid)
        if not session or not (
            rooted or (entry.group == session["group"] if entry.group else entry.uid in uids)
        ):
            continue
        found = _heard(entry.text, session)
        if found and entry.moment >= since:
            stamp = datetime.datetime.fromtimestamp(entry.moment).astimezone()
            yield {
                **found,
                "moment": entry.moment,
                "pid": entry.pid,
                "time": stamp.isoformat(" ", "milliseconds"),
            }


def _heard(text, session):
    """Return what one line tells of a session, if anything, and remember whose session it is."""
    matches = ((what, pattern.fullmatch(text)) for what, pattern in _SAID)
    what, match = next((each for each in matches if each[1]), (None, None))
    if not match:
        return None
    found = {"address": session["address"], "result": what, **match.groupdict()}
    if what == "transfer":
        return {"account": session["account"], **found}
    if what == "tried":
        session["tried"] = found["account"]
        return None
    if what == "failed":
        whole = session.pop("tried", "")
        found["account"] = whole if whole.startswith(found["account"]) else found["account"]
    else:
        session["account"] = found["account"]
    return found


def addressed(told, blocks):
    """
    Return what was told, with the address of each session, which tcpserver has told multilog.

    told
        as of `told`

    blocks
        of the log of tcpserver, as of `_multilog.blocks`; not read where all have an address

    Pids come again: a process is that which was there at the moment.
    """
    found = list(told)
    served = {each["pid"]: [] for each in found if each["address"] is None}
    for block in blocks if served else ():
        for seconds, nanoseconds, pid, address, ended in _SERVED.findall(block):
            mine = served.get((pid or ended).decode())
            moment = int(seconds, 16) - _supervise.TAI_OFFSET + int(nanoseconds, 16) / 1e9
            if mine is not None and pid:
                mine.append([moment, None, address.decode()])
            elif mine:
                mine[-1][1] = moment
    for each in found:
        if each["address"] is None:
            each["address"] = _client(served[each["pid"]], each["moment"])
    return found


def _client(served, moment):
    """Return the address that a process served at a moment, or nothing if that is not known."""
    before = [each for each in served if each[0] <= moment + _LATE]
    _, ended, address = before[-1] if before else (None, None, "")
    return "" if ended is not None and ended < moment else address


def _in_order(records):
    return sorted(records, key=lambda record: datetime.datetime.fromisoformat(record["time"]))


def _transfer(found):
    size, rate = int(found["bytes"] or 0), float(found.get("rate") or 0)
    seconds = None
    if rate:
        seconds = round(size / 1024 / rate, 3)
    # So slow that its rate is told as none at all: how long it took is not known.
    elif "seconds" in found or ("rate" in found and not size):
        seconds = float(found.get("seconds") or 0)
    return {
        "time": found["time"],
        "account": found["account"],
        "address": found["address"],
        "what": "download" if found["what"] in _DOWNLOADS else "upload",
        "file": found["file"],
        "bytes": size,
        "seconds": seconds,
        "complete": found["said"] in ("OK", "226") if "said" in found else None,
    }


def _login(line, why):
    match = _LOGIN.fullmatch(line)
    if match:
        return _record(match, match["account"], "logged in", "")
    match = _PRO_LOGIN.fullmatch(line)
    if match and match["said"] == "230":
        return _record(match, match["account"], "logged in", "")
    match = match or _FAILED.fullmatch(line)
    if match:
        return _record(match, match["account"], "failed", why(match["account"], match["address"]))
    match = _DENIED.fullmatch(line)
    return match and _record(match, "", "denied", "address")


def _record(match, account, result, reason):
    return {
        "time": match["time"],
        "account": account,
        "address": match["address"],
        "result": result,
        "reason": reason,
    }
