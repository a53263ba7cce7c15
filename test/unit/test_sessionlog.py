"""The lines of the servers, as they were logged, become records; nobody can forge one."""

import _journal
import _sessionlog
import _supervise
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


def test_how_long_one_took_that_was_too_slow_for_a_rate_is_not_known():
    [record] = transfers('[partner] OK UPLOAD: Client "9.9.9.9", "/a", 4 bytes, 0.00Kbyte/sec')
    assert (record["bytes"], record["seconds"], record["complete"]) == (4, None, True)


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


GROUP, NOW = "/system.slice/daemontools-run.service", 1795915103.25
PURE = "(?@9.9.9.9) [INFO] New connection from 9.9.9.9"
PURE_IN = "(?@9.9.9.9) [INFO] partner is now logged in"
GNU = "connection from partner"
GNU_IN = "FTP LOGIN FROM partner as partner"
NAMES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


def said(*texts, begun, pid="658", uid="0", group=GROUP, now=NOW):
    """Return what the journal has of a session that root has begun."""
    first = _journal.Entry(now, pid, "0", GROUP, begun)
    return [first, *(_journal.Entry(now, pid, uid, group, text) for text in texts)]


def heard(entries, uids=("1001",), since=NOW, log=b""):
    return _sessionlog.addressed(_sessionlog.told(entries, since, uids), [log])


def records(entries, **wanted):
    """Return all records of what the journal has."""
    told = heard(entries, **wanted)
    return _sessionlog.transfers([], told) + _sessionlog.logins([], why, told)


def stamped(seconds, text):
    """Return a line as multilog writes it."""
    moment = f"@{int(seconds) + _supervise.TAI_OFFSET:016x}{int(seconds % 1 * 1e9):08x}"
    return f"{moment} tcpserver: {text}\n".encode()


def served(seconds, pid, address):
    return stamped(seconds, f"ok {pid} 0:203.0.113.1:21 :{address}::51747")


class TestPureFtpd:
    """It tells the journal, before a log-in as root, then as the account."""

    @pytest.mark.parametrize(
        ("text", "result", "account", "reason"),
        [
            (PURE_IN, "logged in", "partner", ""),
            (
                "(?@9.9.9.9) [WARNING] Authentication failed for user [partner]",
                "failed",
                "partner",
                "password",
            ),
            (
                "(?@9.9.9.9) [WARNING] Authentication failed for user [x_] y]",
                "failed",
                "x_] y",
                "no account",
            ),
        ],
    )
    def test_a_login_is_a_record(self, text, result, account, reason):
        [record] = records(said(text, begun=PURE))
        assert (record["result"], record["account"]) == (result, account)
        assert (record["address"], record["reason"]) == ("9.9.9.9", reason)

    def test_a_transfer_is_a_record(self):
        text = (
            "(partner@9.9.9.9) [NOTICE] /home/partner//a b.bin uploaded  "
            "(100000 bytes, 131958.76KB/sec)"
        )
        [_, record] = _sessionlog.transfers(
            [f"{AT}transfer 6.6.6.6 other 226 RETR 9 0.1 /before"],
            heard(said(PURE_IN, text, begun=PURE, uid="1001")),
        )
        assert record.pop("time")[-6:-3] in "+00-00+01"
        assert record == {
            "account": "partner",
            "address": "9.9.9.9",
            "what": "upload",
            "file": "/a b.bin",
            "bytes": 100000,
            "seconds": 0.001,
            "complete": None,
        }

    @pytest.mark.parametrize(
        "text",
        [
            "File successfully renamed or moved: [in]->[out uploaded  (5 bytes, 1.00KB/sec)]",
            "Deleted /home/partner//sub/out uploaded  (5 bytes, 1.00KB/sec)",
        ],
    )
    def test_all_else_is_no_record(self, text):
        line = f"(partner@9.9.9.9) [NOTICE] {text}"
        error = f"(partner@9.9.9.9) [ERROR] Can't open {text}: No such file or directory"
        assert records(said(line, error, "(partner@9.9.9.9) [INFO] Logout.", begun=PURE)) == []

    @given(NAMES, NAMES)
    def test_no_name_becomes_another_record(self, name, other):
        name = f"{other} uploaded  (5 bytes, 1.00KB/sec){name}"
        text = f"(partner@9.9.9.9) [NOTICE] /home/partner//{name} downloaded  (3 bytes, 9.10KB/sec)"
        [record] = records(said(text, begun=PURE))
        assert (record["file"], record["bytes"]) == (f"/{name}", 3)
        failed = f"(?@9.9.9.9) [WARNING] Authentication failed for user [{name}]"
        [record] = records(said(failed, begun=PURE))
        assert (record["account"], record["result"]) == (name, "failed")

    @pytest.mark.parametrize(
        ("uid", "group", "told"),
        [
            ("0", "", 1),
            ("1001", GROUP, 1),
            ("7", GROUP, 1),
            # It had ended before journald looked: an account for FTP runs nothing but sessions.
            ("1001", "", 1),
            ("1000", "", 0),
            ("1000", "/user.slice/user-1000.slice/session-1.scope", 0),
            ("1001", "/user.slice/user-1001.slice/session-1.scope", 0),
            ("", "", 0),
        ],
    )
    def test_only_its_own_processes_are_believed(self, uid, group, told):
        assert len(records(said(PURE_IN, begun=PURE, uid=uid, group=group))) == told

    def test_only_root_begins_a_session(self):
        lines = [_journal.Entry(NOW, "1", "1000", GROUP, text) for text in (PURE, PURE_IN)]
        assert records(lines) == []

    def test_what_was_before_is_left_out_though_not_its_session(self):
        lines = said(PURE_IN, begun=PURE, now=NOW - 9) + said(PURE_IN, begun=PURE)[1:]
        assert len(records(lines)) == 1


class TestInetutils:
    """It tells the journal neither the address nor, of a transfer, the account."""

    @pytest.mark.parametrize(
        ("text", "what", "file", "size"),
        [
            ("put /a b.bin = 100000 bytes", "upload", "/a b.bin", 100000),
            ("get /big = 77824 bytes", "download", "/big", 77824),
            ("append /sub/in = 4 bytes", "upload", "/sub/in", 4),
            ("put /x = 5 bytes = 3 bytes", "upload", "/x = 5 bytes", 3),
        ],
    )
    def test_a_transfer_is_a_record(self, text, what, file, size):
        entries = said("pam_ftp(ftp:auth): conversation failed", GNU_IN, text, begun=GNU)
        told = heard(entries, log=served(NOW - 1, 658, "9.9.9.9"))
        [record] = _sessionlog.transfers([], told, "partner")
        del record["time"]
        assert record == {
            "account": "partner",
            "address": "9.9.9.9",
            "what": what,
            "file": file,
            "bytes": size,
            "seconds": None,
            "complete": None,
        }
        assert _sessionlog.transfers([], told, "other") == []

    @pytest.mark.parametrize(
        "text",
        [
            "put /none/x",
            "get /none",
            "mkdir /put /x = 5 bytes",
            "delete /get /x = 5 bytes",
            "rename /in /get /x = 5 bytes",
            "got signal Terminated",
        ],
    )
    def test_all_else_is_no_record(self, text):
        assert [each["result"] for each in records(said(GNU_IN, text, begun=GNU))] == ["logged in"]

    @pytest.mark.parametrize(
        ("told", "name", "account", "reason"),
        [
            ("pam_pwdfile(ftp:auth): wrong password for user", "partner", "partner", "password"),
            ("pam_pwdfile(ftp:auth): wrong password for user", "averylong", "averylong", ""),
            ("pam_listfile(ftp:auth): Refused user", "nobody is", "nobody is", ""),
        ],
    )
    def test_a_failed_login_is_a_record(self, told, name, account, reason):
        """Of a long name the server itself tells the first nine letters, and PAM all."""
        name += "name" if name == "averylong" else ""
        line = f"{told} {name}{' for service ftp' if 'Refused' in told else ''}"
        failed = f"FTP LOGIN FAILED FROM lan, {name[:9]}"
        [record] = records(said(line, failed, begun=GNU))
        assert (record["account"], record["result"]) == (name, "failed")
        assert record["reason"] == (reason or "no account")
        # The next one on the same connection is another one.
        [_, again] = records(said(line, failed, "FTP LOGIN FAILED FROM lan, x", begun=GNU))
        assert again["account"] == "x"

    @given(NAMES)
    def test_no_name_of_an_account_logs_somebody_in(self, name):
        texts = [
            f"pam_listfile(ftp:auth): Refused user {name} for service ftp",
            f"FTP LOGIN FAILED FROM lan, {name[:9]}",
            f"FTP LOGIN REFUSED FROM lan, {name}",
        ]
        found = records(said(*texts, begun=GNU))
        assert [(each["account"], each["result"]) for each in found] == [(name, "failed")] * 2

    @given(NAMES)
    def test_no_name_of_a_file_becomes_the_record_of_another(self, name):
        """But its account could have called the file anything, and not have transferred it."""
        record, _ = records(said(GNU_IN, f"get /{name} = 3 bytes", begun=GNU))
        assert (record["account"], record["file"]) == ("partner", f"/{name}")

    def test_the_address_is_of_the_process_that_was_there(self):
        """Pids come again, and multilog may read late what tcpserver says."""
        log = [
            served(NOW - 900, 658, "6.6.6.6"),
            stamped(NOW - 800, "end 658 status 0"),
            served(NOW + 1, 658, "9.9.9.9"),
            served(NOW + 1, 659, "7.7.7.7"),
            stamped(NOW + 2, "end 658 status 0"),
            served(NOW + 100, 658, "8.8.8.8"),
        ]
        [record] = records(said(GNU_IN, begun=GNU), log=b"".join(log))
        assert record["address"] == "9.9.9.9"
        [record] = records(said(GNU_IN, begun=GNU), log=b"".join(log[:2]))
        assert record["address"] == ""


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
