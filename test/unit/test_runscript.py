"""_runscript: settings in, scripts out."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services import EVERYTHING, FTP_PROXY, OPEN_FTPD, exec_words, text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            OPEN_FTPD,
            "softlimit -m 3500000 tcpserver -v -RH -l0 -c 29 -x /etc/tcprules/ftp.cdb 0 ftp "
            "/usr/libexec/ftpd -A -S -U -4",
        ),
        (
            FTP_PROXY,
            "softlimit -m 3500000 tcpserver -v -RH -l0 -c 91 127.0.0.1 8021 "
            "/usr/libexec/ftp-proxy -u ftpproxy -t 240",
        ),
    ],
)
def test_the_services_of_the_page_are_rendered_word_for_word(given, words):
    assert exec_words(given) == words.split()


def test_a_run_script_reads_like_one_written_by_hand():
    assert (
        text(OPEN_FTPD)
        == """\
#!/bin/sh
# Written by Salt; change the settings instead.
exec 2>&1
echo "*** Starting open-ftpd service..."
exec softlimit -m 3500000 \\
    tcpserver -v -RH -l0 -c 29 -x /etc/tcprules/ftp.cdb 0 ftp \\
    /usr/libexec/ftpd -A -S -U -4
"""
    )


def test_the_logger_of_the_page_is_rendered_word_for_word():
    words = "setuidgid multilog multilog t /var/multilog/open-ftpd"
    assert exec_words(OPEN_FTPD, "log/run") == words.split()


def test_every_option_comes_out_in_its_place():
    rendered = text(EVERYTHING).partition('service..."\n')[2]
    assert (
        rendered
        == """\
exec envdir ./env \\
    softlimit -m 4096 -d 4096 -s 4096 -l 4096 -a 4096 -o 4096 -p 4096 -f 4096 -c 4096 -r 4096 \
-t = \\
    tcpserver -v -rh -p -D -o -lgw1.example -c 5 -b 6 -t 7 -B '220 don'"'"'t panic' -g 9 -u 8 \
-x /etc/other.cdb 192.0.2.1 21 \\
    setuidgid nobody \\
    /bin/echo 'two words' '$HOME' 'it'"'"'s' '*' ''
"""
    )
    assert exec_words(EVERYTHING, "log/run") == [
        *["setuidgid", "multilog", "multilog", "t", "-*", "+* fatal: *", "s4096", "n2"],
        "/var/multilog/open-ftpd",
    ]


@pytest.mark.parametrize("path", ["run", "log/run"])
@pytest.mark.parametrize("given", [OPEN_FTPD, FTP_PROXY, EVERYTHING])
def test_scripts_satisfy_sh_and_shellcheck(given, path):
    # SC2016: a dollar in quotes is meant to stay a dollar.
    for checker in (["sh", "-n"], ["shellcheck", "--exclude=SC2016", "-"]):
        result = subprocess.run(checker, input=text(given, path), text=True, capture_output=True)
        assert result.returncode == 0, result.stdout + result.stderr


WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))


@given(WORDS)
@settings(max_examples=100, deadline=None)
def test_the_shell_hands_every_word_on_unchanged(words):
    script = text({"command": ["printf", "%s\\0", *words], "multilog": False})
    result = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True)
    echo, _, printed = result.stdout.partition(b"\n")
    assert echo == b"*** Starting open-ftpd service..."
    assert printed.decode().split("\0")[:-1] == (words or [""])


def test_a_logger_without_an_account_runs_as_its_supervise():
    words = exec_words({"command": ["true"], "multilog": {"user": False}}, "log/run")
    assert words == ["multilog", "t", "/var/multilog/open-ftpd"]


def test_what_multilog_keeps_of_stamped_lines_is_what_the_patterns_say(tmp_path):
    given = {"command": ["true"], "multilog": {"user": False, "directory": f"{tmp_path}/main"}}
    given["multilog"] |= {"select": ["-*", "+* fatal: *"], "status": f"{tmp_path}/last"}
    given["multilog"] |= {"processor": "tr a-z A-Z", "alert": True, "size": 4096}
    lines = "".join(f"fatal: {number} {'x' * 90}\nstatus: 1/40\n" for number in range(60))
    logged = subprocess.run(
        ["sh", "-c", text(given, "log/run")],
        input=lines,
        text=True,
        capture_output=True,
        check=True,
    )
    assert logged.stderr.count("fatal: ") == 60
    assert " fatal: 59 xxx" in (tmp_path / "last").read_text()
    old = sorted((tmp_path / "main").glob("@*.s"))
    assert " FATAL: 0 XXX" in old[0].read_text()
    assert " fatal: 59 xxx" in (tmp_path / "main/current").read_text()
    assert not any("tatus" in file.read_text().lower() for file in (tmp_path / "main").iterdir())
