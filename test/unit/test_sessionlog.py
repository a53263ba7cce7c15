"""The lines of the servers, as they were logged, become records; nobody can forge one."""

import _sessionlog
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class TestProftpd:
    """Its lines have what a client chooses at their ends."""

    def test_an_upload_is_a_record(self):
        line = f"{AT}transfer ::ffff:9.9.9.9 partner 226 APPE 1000 0.020 /dir/a b.txt"
        assert _sessionlog.transfers([line]) == [
            {
                "time": AT.strip(),
                "account": "partner",
                "address": "9.9.9.9",
                "what": "upload",
                "file": "/dir/a b.txt",
                "bytes": 1000,
                "seconds": 0.02,
                "complete": True,
            }
        ]

    def test_one_that_was_cut_off_is_not_complete(self):
        line = f"{AT}transfer 9.9.9.9 partner 426 RETR 720896 0.001 /big"
        [record] = _sessionlog.transfers([line])
        assert (record["what"], record["complete"]) == ("download", False)

    @pytest.mark.parametrize(
        "said", ["550 RETR - - -", "522 STOR - - -", "257 MKD - - /dir", "250 DELE 0 - /a"]
    )
    def test_what_did_not_begin_is_no_transfer(self, said):
        assert _sessionlog.transfers([f"{AT}transfer 9.9.9.9 partner {said}"]) == []

    @pytest.mark.parametrize(
        ("said", "result", "reason"),
        [
            ("230 PASS partner", "logged in", ""),
            ("530 PASS partner", "failed", "password"),
            ("530 PASS no one", "failed", "no account"),
        ],
    )
    def test_a_login_is_a_record(self, said, result, reason):
        [record] = logins(f"login 9.9.9.9 {said}", AT)
        assert (record["result"], record["reason"]) == (result, reason)
        assert (record["account"], record["address"]) == (said[9:], "9.9.9.9")

    @given(st.text(st.characters(exclude_characters="\n")))
    def test_no_name_of_a_file_becomes_another_record(self, name):
        line = f"{AT}transfer 9.9.9.9 partner 226 STOR 5 0.001 /{name}"
        [record] = _sessionlog.transfers([line])
        assert (record["file"], record["address"]) == (f"/{name}", "9.9.9.9")
        assert _sessionlog.logins([line], why) == []

    @given(st.text(st.characters(exclude_characters="\n")))
    def test_no_name_of_an_account_logs_somebody_in(self, name):
        [record] = logins(f"login 9.9.9.9 530 PASS {name}", AT)
        assert (record["account"], record["result"]) == (name, "failed")
        assert logins(f"login 9.9.9.9 331 USER {name}", AT) == []


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
