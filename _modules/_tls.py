"""
The certificate and the key of an FTP server: what pillar says of them, and whether they are good.

Nothing of a key is ever part of what is returned.  What pillar holds is judged without being
written anywhere: in memory that has no name.
"""

import contextlib
import datetime
import os
import re
import ssl
import stat

from _check import FLAG, Setting, table, word

_PATH = word("(/[^/\\x00-\\x1f\\x7f ]+)+", "an absolute path without blanks", secret=True)
_ENTRY = word("[^\\x00-\\x1f\\x7f]+", "a path in pillar, such as tls:key", secret=True)
WHAT = ("certificate", "key")
# In pillar they are written where the settings of the same names say.
_SOURCES = table(
    {
        "certificate": Setting(
            _ENTRY, "the entry with the certificate, and those between", needed=True
        ),
        "key": Setting(_ENTRY, "the entry with the key", needed=True),
    },
    "a mapping with certificate: ENTRY and key: ENTRY",
)
TLS = table(
    {
        "certificate": Setting(
            _PATH, "the file with the certificate, and those between it and the root", needed=True
        ),
        "key": Setting(_PATH, "the file with its key, which root alone may read", needed=True),
        "required": Setting(FLAG, "whether nobody can log in, or transfer, without TLS", True),
        "contents_pillar": Setting(
            _SOURCES, "what pillar entries hold these two, PEM; both files are then written"
        ),
    },
    "a mapping with certificate: PATH and key: PATH",
)
# Days before the last one in which there are warnings.
SOON = 14
# OpenSSL finds it at the beginning of a line alone; one that was cut off has no end.
_CERTIFICATE = re.compile(f"^{ssl.PEM_HEADER}.*?(?:{ssl.PEM_FOOTER}|\\Z)", re.MULTILINE | re.DOTALL)
# What ends the reasons for which OpenSSL takes no certificate that is in order.
_TOO_BAD = ("_TOO_SMALL", "_TOO_WEAK")
_UTC, _GENERALIZED = 0x17, 0x18


def judged(tls, path, entry, now=None):
    """
    Return what is wrong with a certificate and its key, and what will be, as two lists of lines.

    tls
        the settings, in which nothing is wrong by itself
    path
        the pillar path with which the lines begin
    entry
        a function of a path in pillar that returns what is there, or None
    now
        the time, in UTC; by default that of the machine
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    found, texts = [], {}
    for what in WHAT:
        try:
            texts[what] = _text(what, tls, entry)
        except ValueError as error:
            found.append(f"{path}:{error}")
    if found:
        return found, []
    where = {what: _where(what, tls) for what in WHAT}
    told = f"{path}:{where['certificate']}"
    try:
        begins, ends = _validities(texts["certificate"])[0]
    except (ValueError, IndexError):
        return [f"{told} is no certificate in PEM, or not a whole one"], []
    try:
        _load(texts)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or ""
        if reason.endswith(_TOO_BAD):
            return [f"{told} is refused by OpenSSL ({reason.lower().replace('_', ' ')})"], []
        which = "is not the key of the certificate, or has a passphrase"
        return [f"{path}:{where['key']} {which}"], []
    if now < begins:
        return [f"{told} is not valid before {begins:%Y-%m-%d %H:%M} UTC"], []
    if now >= ends:
        return [f"{told} has expired on {ends:%Y-%m-%d %H:%M} UTC"], []
    days = (ends - now).days
    if days >= SOON:
        return [], []
    return [], [f"{told} expires on {ends:%Y-%m-%d %H:%M} UTC, in {days} days"]


def ends(tls, entry):
    """
    Return until when a certificate is valid, in seconds since 1970, or None if that is not known.

    tls, entry
        as for `judged`
    """
    try:
        return int(_validities(_text("certificate", tls, entry))[0][1].timestamp())
    except (ValueError, IndexError):
        return None


def _where(what, tls):
    """Return how one of the two is spoken of: the setting that names it, and what that says."""
    if "contents_pillar" in tls:
        return f"contents_pillar:{what}: {tls['contents_pillar'][what]}"
    return f"{what}: {tls[what]}"


def _text(what, tls, entry):
    """Return the text of one of the two; raises ValueError."""
    where = _where(what, tls)
    if "contents_pillar" in tls:
        text = entry(tls["contents_pillar"][what])
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{where} is not in pillar, or no text")
        return text
    try:
        with open(tls[what], encoding="ascii", errors="replace") as file:
            status = os.fstat(file.fileno())
            text = file.read(1 << 20)
    except OSError as error:
        raise ValueError(f"{where}: {error.strerror}")
    if what == "key" and (status.st_uid or stat.S_IMODE(status.st_mode) & 0o077):
        raise ValueError(
            f"{where} can be read by others than root (chown root and chmod 600 {tls[what]})"
        )
    return text


def _validities(text):
    """Return when each certificate of a text begins and ends to be valid, the server's first."""
    return [_validity(ssl.PEM_cert_to_DER_cert(each)) for each in _CERTIFICATE.findall(text)]


def _load(texts):
    """Have OpenSSL itself say whether the two belong together; raises ssl.SSLError."""
    with contextlib.ExitStack() as stack:
        files = []
        for what in WHAT:
            descriptor = os.memfd_create(what)
            stack.callback(os.close, descriptor)
            os.write(descriptor, texts[what].encode())
            files.append(f"/proc/self/fd/{descriptor}")
        # A passphrase would be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files, password=lambda: b"")


def _validity(der):
    """Return when a certificate begins and ends to be valid, of its DER form (RFC 5280, 4.1)."""
    _, certificate, _ = _element(der)
    _, inside, _ = _element(certificate)
    tag, _, rest = _element(inside)
    # The version, which may be missing; serial number, algorithm, issuer.
    for _ in range(3 if tag == 0xA0 else 2):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    first, begins, rest = _element(validity)
    second, ends, _ = _element(rest)
    return _time(first, begins), _time(second, ends)


def _element(der):
    """Return tag, content and what follows of the first element of some DER."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + length], der[start + length :]


def _time(tag, text):
    digits = text.decode("ascii")
    if tag == _UTC:
        digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
    elif tag != _GENERALIZED:
        raise ValueError("no time")
    return datetime.datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
