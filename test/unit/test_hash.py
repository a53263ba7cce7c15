"""Whether a password is that of a hash, as crypt(3) says; and what kind of hash one is."""

import _hash
import pytest
from salt.exceptions import CommandExecutionError

# Of the password below, as cheap as each may be.
HASHES = {
    "MD5": "$1$spirits$X89u1x4Lt1pH3xdEedXTu.",
    "SHA-256": "$5$spirits$zvkWKdUCk5oWhWI.zQWCSS/gflK3zxDQseD8unBs9K9",
    "SHA-512": "$6$spirits$o5h5xNxtWxslJiqNy0.xWirl/3f2p2EtjiHuX3WE78JG2n6CrxScrBbSBfddxKYF"
    "imUrp4LZM3Ny/E.4RvFc1.",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuumQISZqBjRI1YbzUXfqztyUdf.ySf4hi",
    "yescrypt": "$y$j75$spirits.$toqpBz4UfK.9Zl/CnqvLWs0LGBn7gG7D1/00uttLkB2",
}
PASSWORD = b"salt and spirits"


@pytest.mark.parametrize("kind", HASHES)
def test_a_password_is_known_by_its_hash(kind):
    assert _hash.matches(PASSWORD, HASHES[kind])
    for other in (b"", b"salt and spirit", PASSWORD + b"s", PASSWORD.upper()):
        assert not _hash.matches(other, HASHES[kind])


@pytest.mark.parametrize("kind", HASHES)
def test_each_kind_has_a_name(kind):
    assert _hash.kind(HASHES[kind]) == kind
    assert _hash.is_weak(HASHES[kind]) is (kind == "MD5")


@pytest.mark.parametrize(
    ("hashed", "megabytes"),
    [
        *((hashed, 0) for name, hashed in HASHES.items() if name != "yescrypt"),
        ("$y$j9T$", 16),
        ("$gy$jBT$", 64),
        ("$y$jF5$", 256),
        ("$7$CU..../....", 64),
        ("$7$6./.../....", 2),
        *((f"${cut}", 0) for cut in ("y", "y$", "y$j", "y$j9", "y$j9!", "7", "7$", "7$!U", "7$CU")),
    ],
)
def test_how_much_memory_a_log_in_takes(hashed, megabytes):
    """What a broken one takes is not known."""
    assert _hash.memory(hashed) == megabytes << 20


@pytest.mark.parametrize("hashed", ["", "!", "*", "$", "$6", "plain", "$zz$a$b"])
def test_what_is_none_that_is_known(hashed):
    assert (_hash.kind(hashed), _hash.is_weak(hashed)) == ("unknown", False)


def test_a_hash_that_crypt_does_not_know_is_no_wrong_password():
    with pytest.raises(CommandExecutionError, match="does not know unknown") as caught:
        _hash.matches(PASSWORD, "$zz$salt$hash")
    assert "$zz$" not in str(caught.value)


def test_where_there_is_no_crypt_that_is_said(monkeypatch):
    monkeypatch.setattr(_hash, "_LIBRARIES", ("libnone.so",))
    with pytest.raises(CommandExecutionError, match=r"no crypt\(3\)"):
        _hash.matches(PASSWORD, HASHES["SHA-512"])
