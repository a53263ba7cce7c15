"""The lines of vsftpd and tcpserver, as they were logged, become records; nobody can forge one."""

import _sessionlog
import pytest

AT = "2026-11-25 03:58:18.250+00:00 "
HEAD = f"{AT}Wed Nov 25 03:58:18 2026 [pid 387] "


def transfers(text, **wanted):
    return _sessionlog.transfers([HEAD + text], **wanted)


def logins(text, head=HEAD):
    return _sessionlog.logins([head + text], why)


def why(name, _):
    return "password" if name == "partner" else "no account"


UPLOAD = '[partner] OK UPLOAD: Client "192.168.0.10", "/a.txt", 1000000 bytes, 370330.87Kbyte/sec'


def test_an_upload_is_a_record():
    assert transfers(UPLOAD) == [
        {
            "time": AT.strip(),
            "account": "partner",
            "address": "192.168.0.10",
            "what": "upload",
            "file": "/a.txt",
            "bytes": 1000000,
            "seconds": 0.003,
            "complete": True,
        }
    ]


def test_one_that_failed_is_not_complete():
    [record] = transfers('[partner] FAIL DOWNLOAD: Client "9.9.9.9", "/none", 0.00Kbyte/sec')
    assert (record["what"], record["complete"]) == ("download", False)
    assert (record["bytes"], record["seconds"]) == (0, 0.0)


def test_those_of_one_account_can_be_asked_for():
    assert len(transfers(UPLOAD, account="partner")) == 1
    assert transfers(UPLOAD, account="part") == []


@pytest.mark.parametrize("name", ['a b"c.txt', "a, 5 bytes, 1.00Kbyte/sec", '", "', "é", "x] y"])
def test_a_file_may_have_any_name(name):
    [record] = transfers(f'[partner] OK UPLOAD: Client "9.9.9.9", "/{name}", 3 bytes, 1.0Kbyte/sec')
    assert (record["file"], record["bytes"]) == (f"/{name}", 3)


@pytest.mark.parametrize(
    ("text", "account", "result", "reason"),
    [
        ('[partner] OK LOGIN: Client "9.9.9.9"', "partner", "logged in", ""),
        ('[partner] FAIL LOGIN: Client "9.9.9.9"', "partner", "failed", "password"),
        ('[root] FAIL LOGIN: Client "9.9.9.9"', "root", "failed", "no account"),
        ('[a] b] FAIL LOGIN: Client "::ffff:9.9.9.9"', "a] b", "failed", "no account"),
    ],
)
def test_a_login_is_a_record(text, account, result, reason):
    [record] = logins(text)
    assert record == {
        "time": AT.strip(),
        "account": account,
        "address": "9.9.9.9",
        "result": result,
        "reason": reason,
    }


def test_who_was_not_greeted_is_a_record():
    [record] = logins("tcpserver: deny 413 0:192.168.0.254:21 :198.51.100.7::56629", AT)
    assert (record["address"], record["result"]) == ("198.51.100.7", "denied")
    [record] = logins("tcpserver: deny 413 0:fd00::1:21 :2001:db8::7::56629", AT)
    assert record["address"] == "2001:db8::7"


FORGED = [
    # Names that somebody logs in with, in vain.
    '[x] OK LOGIN: Client "6.6.6.6"] FAIL LOGIN: Client "9.9.9.9"',
    '[x] OK UPLOAD: Client "6.6.6.6", "/a", 5 bytes, 1.0Kbyte/sec] FAIL LOGIN: Client "9.9.9.9"',
    '[tcpserver: deny 1 0:1.1.1.1:21 :6.6.6.6::1] FAIL LOGIN: Client "9.9.9.9"',
    # A directory that an account makes.
    '[partner] OK MKDIR: Client "9.9.9.9", "/] OK LOGIN: Client "6.6.6.6"',
    # A file that it stores.
    '[partner] OK UPLOAD: Client "9.9.9.9", "/] OK LOGIN: Client "6.6.6.6"", 3 bytes, 1.0Kbyte/sec',
]


@pytest.mark.parametrize("text", FORGED)
def test_nobody_can_forge_a_record(text):
    found = transfers(text) + logins(text)
    assert not [record for record in found if record["address"] == "6.6.6.6"]
    assert not [record for record in found if record.get("result") == "logged in"]


@pytest.mark.parametrize(
    "text",
    ['CONNECT: Client "9.9.9.9"', '[partner] OK DELETE: Client "9.9.9.9", "/a"', "", "500 OOPS"],
)
def test_all_else_is_no_record(text):
    assert transfers(text) + logins(text) == []
