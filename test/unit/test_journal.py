"""What journalctl prints is read line by line, and what is missing is said."""

import json
import os
import subprocess

import _journal
import pytest

STAMP = 1795915103123456
TRUSTED = {"_PID": "658", "_UID": "1001", "_SYSTEMD_CGROUP": "/daemontools-run.service"}


@pytest.fixture
def journal(monkeypatch, tmp_path):
    """A machine whose journal has what is given."""
    socket = tmp_path / "log"
    socket.symlink_to(_journal.JOURNAL)
    monkeypatch.setattr(_journal, "SOCKET", str(socket))
    program = tmp_path / "journalctl"
    monkeypatch.setattr(_journal, "PROGRAM", str(program))

    def has(*entries, then=""):
        lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        (tmp_path / "lines").write_text(lines)
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncat {tmp_path}/lines\n{then}\n'
        )
        program.chmod(0o755)
        return tmp_path / "asked"

    return has


def entry(message, **fields):
    return {"__REALTIME_TIMESTAMP": str(STAMP), "MESSAGE": message, **TRUSTED, **fields}


def test_an_entry_is_who_said_what_and_when(journal):
    asked = journal(entry("said", _SOURCE_REALTIME_TIMESTAMP=str(STAMP - 3000)))
    [read] = _journal.read("ftpd", 1795915100.7)
    assert read == (1795915103.120456, *TRUSTED.values(), "said")
    [words] = asked.read_text().splitlines()
    assert "--identifier=ftpd --since=@1795915100" in words


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ([0x1B, 0x5B, 0x68, 0xC3, 0xA4], "\\x1b[hä"),
        ("two\nlines", "two\\x0alines"),
        ([0xE4], "\\xe4"),
        (None, ""),
        (["two", "of them"], ""),
        ([300, -1], ""),
        ([[1], None], ""),
    ],
)
def test_any_message_is_a_text_for_one_line(journal, message, text):
    journal(entry(message))
    assert [read.text for read in _journal.read("ftpd", 0)] == [text]


def test_what_nobody_trustworthy_has_seen_is_empty(journal):
    journal({"__REALTIME_TIMESTAMP": str(STAMP), "MESSAGE": "said"})
    assert list(_journal.read("ftpd", 0)) == [(STAMP / 1e6, "", "", "", "said")]


def test_a_journal_that_has_nothing_of_that_name_is_one(journal, tmp_path):
    journal()
    (tmp_path / "journalctl").write_text(
        f'#!/bin/sh\ncase "$*" in *identifier*) ;; *) cat {tmp_path}/any ;; esac\n'
    )
    (tmp_path / "any").write_text("{}\n")
    assert list(_journal.read("ftpd", 0)) == []


def test_one_in_which_nothing_can_be_read_is_none(journal):
    journal()
    with pytest.raises(_journal.JournalError, match="has nothing that can be read here"):
        list(_journal.read("ftpd", 0))


def test_a_program_that_fails_says_why(journal):
    journal(entry("said"), then="echo 'no such \033[31m' >&2; exit 1")
    with pytest.raises(_journal.JournalError, match=r"failed \(no such \\x1b\[31m\)"):
        list(_journal.read("ftpd", 0))


def test_without_the_program_there_is_no_journal(journal, monkeypatch):
    monkeypatch.setattr(_journal, "PROGRAM", "/none/journalctl")
    with pytest.raises(_journal.JournalError, match="there is no /none/journalctl"):
        list(_journal.read("ftpd", 0))


def test_a_system_log_that_the_journal_does_not_get_is_none(journal, monkeypatch, tmp_path):
    journal(entry("said"))
    (tmp_path / "log").unlink()
    with pytest.raises(_journal.JournalError, match="is not the journal's here"):
        list(_journal.read("ftpd", 0))


def test_whoever_stops_reading_leaves_no_process(journal, monkeypatch):
    journal(entry("said"), then="exec sleep 1000")
    begun = []

    class Remembered(subprocess.Popen):
        def __init__(self, *words, **options):
            super().__init__(*words, **options)
            begun.append(self.pid)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    entries = _journal.read("ftpd", 0)
    assert next(entries).text == "said"
    entries.close()
    [pid] = begun
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
