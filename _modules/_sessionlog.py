"""
Who logged in and what was transferred, from the lines that an FTP server and tcpserver log.

Clients choose their names and those of files, and the lines quote neither: what would fit in two
ways is read so that nobody can put words into the mouth of the server.
"""

import re

import _accounts

_STAMP = r"(?P<time>\S+ \S+) "
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
# What a line must have, or it is not looked at.
TRANSFERS = r"Kbyte/sec$| transfer "
LOGINS = r" LOGIN: Client |tcpserver: deny | (230|530) PASS "


def transfers(lines, account=None):
    """
    Return a record for each upload and download; what is not one in some lines is left out.

    account
        of this one alone
    """
    found = (_TRANSFER.fullmatch(line) or _PRO_TRANSFER.fullmatch(line) for line in lines)
    return [_transfer(match) for match in found if match and account in (None, match["account"])]


def logins(lines, why):
    """
    Return a record for each who logged in, failed to, or was not even greeted.

    why
        a function of an account and an address that returns what a log-in failed for
    """
    return [record for record in (_login(line, why) for line in lines) if record]


def _transfer(match):
    found = {"rate": "0", "seconds": "0", **match.groupdict("0")}
    size, rate = int(found["bytes"]), float(found["rate"])
    return {
        "time": found["time"],
        "account": found["account"],
        "address": found["address"],
        "what": "download" if found["what"] in ("DOWNLOAD", "RETR") else "upload",
        "file": found["file"],
        "bytes": size,
        "seconds": round(size / 1024 / rate, 3) if rate else float(found["seconds"]),
        "complete": found["said"] in ("OK", "226"),
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
