"""What crypt(3) makes of passwords: of which kind a hash is, and whether a password is its own."""

import ctypes
import hmac
import re
import string

from salt.exceptions import CommandExecutionError

# crypt(5), by the prefix; what is weak is found by whoever has the hash, however good the password.
_KINDS = {
    "1": "MD5",
    "2a": "bcrypt",
    "2b": "bcrypt",
    "2x": "bcrypt",
    "2y": "bcrypt",
    "3": "NT",
    "5": "SHA-256",
    "6": "SHA-512",
    "7": "scrypt",
    "gy": "gost-yescrypt",
    "md5": "MD5",
    "sha1": "SHA-1",
    "y": "yescrypt",
}
# How many blocks, as a power of two, and how large they are.
_YESCRYPT = re.compile(r"\$g?y\$[./0-9A-Za-j]([./0-9A-Za-j])([./0-9A-Za-j])")
_SCRYPT = re.compile(r"\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})")
_DIGITS = f"./{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"
_WEAK = ("MD5", "NT", "SHA-1")
# OpenBSD has crypt(3) in its C library, which is what the last one means.
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", "libcrypt.so", None)


def kind(hashed):
    """Return of which kind a hash is, such as ``SHA-512``, or ``unknown``."""
    return _KINDS.get(hashed.split("$")[1] if hashed.count("$") > 1 else "", "unknown")


def is_weak(hashed):
    """Return whether a hash gives its password away to whoever has a machine and some days."""
    return kind(hashed) in _WEAK


def memory(hashed):
    """
    Return how many bytes it takes to check a password, of the kinds that need much; else 0.

    Source: libxcrypt 4.4, lib/alg-yescrypt-common.c; it makes no number of several digits.
    """
    yescrypt, scrypt = _YESCRYPT.match(hashed), _SCRYPT.match(hashed)
    if yescrypt:
        power, size = (_DIGITS.index(digit) + 1 for digit in yescrypt.groups())
    elif scrypt:
        power = _DIGITS.index(scrypt[1])
        size = sum(_DIGITS.index(digit) << 6 * place for place, digit in enumerate(scrypt[2]))
    else:
        return 0
    return 128 * size << power


def matches(password, hashed):
    """
    Return whether a password, in bytes, is that of a hash.

    Python 3.13 has no crypt any more, and openssl knows no yescrypt: crypt(3) itself is asked.
    Raises CommandExecutionError where there is none, or where it does not know this kind of hash.
    """
    made = _crypt()(password, hashed.encode())
    if not made or made.startswith(b"*"):
        raise CommandExecutionError(f"crypt(3) of this system does not know {kind(hashed)}")
    return hmac.compare_digest(made, hashed.encode())


def _crypt():
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt
        except (OSError, AttributeError):
            continue
        function.argtypes, function.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_char_p
        return function
    raise CommandExecutionError("this system has no crypt(3) to ask")
