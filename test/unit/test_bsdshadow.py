"""bsdshadow: a password that is really set, and never seen."""

import bsdshadow
import pytest
from fakes import Fakes, run_all
from hypothesis import given
from hypothesis import strategies as st
from salt.exceptions import CommandExecutionError

HASH = "$2b$10$" + "a" * 53
ACCOUNTS = """\
root:$2b$10$rootsrootsroot:0:0:daemon:0:0:Charlie &:/root:/bin/ksh
partner:*************:1001:10::0:0::/home/partner:/sbin/nologin
partner2:*:1002:10::0:0::/home/partner2:/sbin/nologin
"""
FIELD = st.text(st.characters(codec="ascii", exclude_characters=":\n\r\v\f\x1c\x1d\x1e"))


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Make this machine look like another one, with a master.passwd of its own."""
    master, lock = tmp_path / "master.passwd", tmp_path / "ptmp"
    master.write_text(ACCOUNTS)
    monkeypatch.setattr(bsdshadow, "MASTER", str(master))
    monkeypatch.setattr(bsdshadow, "LOCK", str(lock))
    monkeypatch.setattr(bsdshadow, "__salt__", {"cmd.run_all": run_all}, raising=False)
    fakes = Fakes(tmp_path, monkeypatch)

    def make(kernel):
        monkeypatch.setattr(bsdshadow, "__grains__", {"kernel": kernel}, raising=False)
        fakes.master, fakes.lock = master, lock
        return fakes

    return make


def test_openbsd_gets_a_password_as_from_vipw(system):
    """The new file is private, stands where the lock stands, and pwd_mkdb installs it."""
    openbsd = system("OpenBSD")
    openbsd.add(
        "pwd_mkdb", f"stat -c %a {openbsd.lock} >>{openbsd.log}; mv {openbsd.lock} {openbsd.master}"
    )
    assert bsdshadow.set_password("partner", HASH) is True
    assert openbsd.calls() == [f"pwd_mkdb -p -u partner {openbsd.lock}", "600"]
    assert openbsd.master.read_text() == ACCOUNTS.replace("*************", HASH)
    assert not openbsd.lock.exists()


def test_freebsd_reads_a_password_from_a_descriptor(system):
    """No argument of pw is the hash: ps would show it."""
    freebsd = system("FreeBSD")
    freebsd.add("pw", f'read hash; sed -i "s|^partner:[^:]*|partner:$hash|" {freebsd.master}')
    assert bsdshadow.set_password("partner", HASH) is True
    assert freebsd.calls() == ["pw usermod -n partner -H 0"]


def test_what_was_not_set_is_not_claimed(system):
    """The answer is what master.passwd says, not how the program exits."""
    freebsd = system("FreeBSD")
    freebsd.add("pw")
    assert bsdshadow.set_password("partner", HASH) is False


def test_somebody_else_edits_the_accounts(system):
    """His file stays; the line says what to do."""
    openbsd = system("OpenBSD")
    openbsd.lock.write_text("his")
    with pytest.raises(CommandExecutionError, match=r"partner: .*ptmp exists: .*\(remove it"):
        bsdshadow.set_password("partner", HASH)
    assert openbsd.lock.read_text() == "his"


def test_a_refused_file_is_not_left_behind(system):
    """The old accounts stand, the lock is gone, the line has the reason and not the hash."""
    openbsd = system("OpenBSD")
    openbsd.add("pwd_mkdb", "echo corrupted entry >&2; exit 1")
    with pytest.raises(CommandExecutionError, match="partner: pwd_mkdb: corrupted entry") as caught:
        bsdshadow.set_password("partner", HASH)
    assert HASH not in str(caught.value)
    assert openbsd.master.read_text() == ACCOUNTS
    assert not openbsd.lock.exists()


def test_an_account_that_is_not_there_is_not_made(system):
    """And the lock is not left behind."""
    openbsd = system("OpenBSD")
    with pytest.raises(CommandExecutionError, match="nobody2: no such account"):
        bsdshadow.set_password("nobody2", HASH)
    assert not openbsd.lock.exists()


@pytest.mark.parametrize("kernel", ["OpenBSD", "FreeBSD"])
def test_an_account_has_an_end_and_has_none_again(system, kernel):
    """Its password stays as it is."""
    bsd = system(kernel)
    fields = r"^(partner:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*):[^:]*"
    bsd.add("pw", f'sed -i -E "s|{fields}|\\1:$5|" {bsd.master}')
    bsd.add("pwd_mkdb", f"mv {bsd.lock} {bsd.master}")
    for expire in (1806451200, 0):
        assert bsdshadow.set_expire("partner", expire)
        assert bsdshadow.info("partner")["expire"] == expire
    assert bsd.master.read_text() == ACCOUNTS


@given(st.lists(FIELD, min_size=8, max_size=8), FIELD, st.integers(1, 9))
def test_only_one_field_of_one_account_changes(fields, value, number):
    """Whatever the other fields and the other accounts hold, they stay."""
    rest = ":".join(fields)
    text = f"{ACCOUNTS}one:*:{rest}\none2:*:{rest}\n"
    changed = ["one", "*", *fields]
    changed[number] = value
    made = bsdshadow.with_field(text, "one", number, value)
    assert made == f"{ACCOUNTS}{':'.join(changed)}\none2:*:{rest}\n"


def test_an_account_is_described(system):
    """As user.present asks for it; one that is not there is empty."""
    system("OpenBSD")
    partner = {"name": "partner", "passwd": "*************", "change": 0, "expire": 0}
    assert bsdshadow.info("partner") == partner
    assert bsdshadow.info("partne")["name"] == ""
    assert bsdshadow.default_hash() == "*************"


@pytest.mark.parametrize(
    ("kernel", "salts_own", "answer"),
    [
        ("OpenBSD", None, "shadow"),
        ("FreeBSD", None, "shadow"),
        ("FreeBSD", "there", (False, "salt.modules.bsd_shadow is installed")),
        ("Linux", None, (False, "only OpenBSD and FreeBSD have a master.passwd")),
    ],
)
def test_it_stands_back_where_salt_has_its_own(system, monkeypatch, kernel, salts_own, answer):
    """Salt 3006 and 3007 have bsd_shadow; on Linux it is never wanted."""
    system(kernel)
    monkeypatch.setattr(bsdshadow.importlib.util, "find_spec", lambda name: salts_own)
    assert bsdshadow.__virtual__() == answer
