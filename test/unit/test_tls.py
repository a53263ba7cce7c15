"""A certificate and its key are judged before anything is touched, and no key is ever shown."""

import datetime
import os
import pathlib
import subprocess

import _check
import _tls
import pytest
from printed import plain, shown

NO_PEM = "is no certificate in PEM, or not a whole one"
# Later than the certificates are made, on a machine however slow.
NOW = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)


def make(folder, name, days=90, *options):
    """Have openssl make a certificate and a key; returns their paths."""
    paths = {what: str(folder / f"{name}.{what}") for what in ("certificate", "key")}
    command = ["openssl", "req", "-x509", "-nodes", "-subj", f"/CN={name}", "-days", str(days)]
    kind = options or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    where = ["-keyout", paths["key"], "-out", paths["certificate"]]
    subprocess.run([*command, *kind, *where], check=True, capture_output=True)
    os.chmod(paths["key"], 0o600)
    return paths


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tls"), "gw")


@pytest.fixture
def other(tmp_path):
    return make(tmp_path, "other")


def judged(tls, entry=lambda path: None, now=NOW):
    return _tls.judged(tls, "ftpgw:tls", entry, now)


def test_a_good_pair_is_good(good):
    assert judged(good) == ([], [])


def test_an_rsa_certificate_of_the_old_version_is_good(tmp_path):
    """Version 1 has no version in it."""
    paths = {what: str(tmp_path / what) for what in ("certificate", "key", "request")}
    new = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=gw", "-keyout", paths["key"]]
    sign = ["x509", "-req", "-in", paths["request"], "-signkey", paths["key"], "-days", "90"]
    for words in (["req", *new, "-out", paths["request"]], [*sign, "-out", paths["certificate"]]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    assert judged(paths) == ([], [])


def test_a_missing_file_is_named(good, tmp_path):
    for what in ("certificate", "key"):
        missing = str(tmp_path / "none")
        found, _ = judged({**good, what: missing})
        assert found == [f"ftpgw:tls:{what}: {missing}: No such file or directory"]


def test_what_is_no_certificate_is_refused(good, tmp_path):
    file = tmp_path / "file"
    for text in (
        b"",
        b"\xff\x00",
        b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    ):
        file.write_bytes(text)
        found, _ = judged({**good, "certificate": str(file)})
        assert found == [f"ftpgw:tls:certificate: {file} {NO_PEM}"]


def test_a_chain_that_was_cut_off_is_no_fault_of_the_key(good, other, tmp_path):
    """Nor is what an editor has put before the first line."""
    file = tmp_path / "chain"
    own, more = (pathlib.Path(pair["certificate"]).read_bytes() for pair in (good, other))
    nothing = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    for text in (own + more[:100], own + nothing, b"\xef\xbb\xbf" + own, own[:100]):
        file.write_bytes(text)
        found, _ = judged({**good, "certificate": str(file)})
        assert found == [f"ftpgw:tls:certificate: {file} {NO_PEM}"]
    file.write_bytes(b"gw, and who signed it\n" + own + more)
    assert judged({**good, "certificate": str(file)}) == ([], [])


def test_a_certificate_that_openssl_finds_too_weak_is_no_fault_of_the_key(tmp_path):
    weak = make(tmp_path, "weak", 90, "-newkey", "rsa:512")
    [line], _ = judged(weak)
    told = "is refused by OpenSSL (ee key too small)"
    assert line == f"ftpgw:tls:certificate: {weak['certificate']} {told}"


def test_the_key_of_another_certificate_is_refused(good, other):
    for wrong in (other["key"], other["certificate"]):
        os.chmod(wrong, 0o600)
        found, _ = judged({**good, "key": wrong})
        told = "is not the key of the certificate, or has a passphrase"
        assert found == [f"ftpgw:tls:key: {wrong} {told}"]


def test_a_key_with_a_passphrase_is_refused(good, tmp_path):
    """No daemon could ask for it, and nothing asks for it here."""
    locked = tmp_path / "locked"
    command = ["openssl", "ec", "-in", good["key"], "-aes256", "-passout", "pass:x", "-out", locked]
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(locked, 0o600)
    found, _ = judged({**good, "key": str(locked)})
    assert len(found) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_could_read_is_refused(other, mode):
    os.chmod(other["key"], mode)
    [line], _ = judged(other)
    told = line.replace(other["key"], "/etc/ssl/gw.key")
    assert plain(told) == shown("docs/servers.md", "ftpgw:tls:key")


def test_a_key_of_another_owner_is_refused(other):
    os.chown(other["key"], 1, 0)
    [line], _ = judged(other)
    assert "can be read by others than root" in line


def test_an_expired_certificate_is_refused(good):
    later = NOW + datetime.timedelta(days=91)
    [line], warnings = judged(good, now=later)
    assert line.startswith(f"ftpgw:tls:certificate: {good['certificate']} has expired on 20")
    assert warnings == []


def test_one_that_is_not_valid_yet_is_refused(good):
    [line], _ = judged(good, now=NOW - datetime.timedelta(days=1))
    assert "is not valid before 20" in line


@pytest.mark.parametrize(("left", "warned"), [(13, True), (15, False)])
def test_two_weeks_before_there_are_warnings(good, left, warned):
    found, warnings = judged(good, now=NOW + datetime.timedelta(days=90 - left))
    assert found == []
    assert bool(warnings) == warned
    assert all("expires on 20" in line for line in warnings)


def test_a_time_after_2050_is_read():
    """It is written in another form from then on."""
    assert _tls._time(0x18, b"20510102030405Z").year == 2051
    assert _tls._time(0x17, b"500102030405Z").year == 1950
    with pytest.raises(ValueError, match="no time"):
        _tls._time(0x04, b"500102030405Z")


class TestContentsOfPillar:
    """They are judged without a file."""

    @pytest.fixture
    def pillar(self, good):
        texts = {f"tls:{what}": pathlib.Path(path).read_text() for what, path in good.items()}
        return texts.get, texts

    @pytest.fixture
    def tls(self):
        sources = {"certificate": "tls:certificate", "key": "tls:key"}
        return {"certificate": "/none/c", "key": "/none/k", "contents_pillar": sources}

    def test_a_good_pair_is_good(self, tls, pillar):
        assert judged(tls, pillar[0]) == ([], [])

    def test_what_pillar_has_not_is_named(self, tls, pillar):
        _, texts = pillar
        del texts["tls:key"]
        found, _ = judged(tls, texts.get)
        assert found == ["ftpgw:tls:contents_pillar:key: tls:key is not in pillar, or no text"]

    def test_a_wrong_key_is_named_and_not_shown(self, tls, pillar, other):
        _, texts = pillar
        texts["tls:key"] = pathlib.Path(other["key"]).read_text()
        [line], _ = judged(tls, texts.get)
        assert line.startswith("ftpgw:tls:contents_pillar:key: tls:key is not the key")
        assert texts["tls:key"][40:60] not in line


WRONG = [
    ({}, "ftpgw:tls: needs 'certificate'"),
    ({"certificate": "/c", "key": "k"}, "ftpgw:tls:key: expected an absolute path"),
    ({"certificate": "/c", "key": "/k", "requird": 1}, "ftpgw:tls: unknown setting 'requird'"),
]


@pytest.mark.parametrize(("tls", "line"), WRONG)
def test_a_wrong_shape_is_refused(tls, line):
    assert _check.problems(_tls.TLS, tls, "ftpgw:tls")[0].startswith(line)


def test_a_key_in_the_place_of_its_path_is_not_shown(good):
    text = pathlib.Path(good["key"]).read_text()
    tls = {**good, "key": text, "contents_pillar": {"certificate": "a", "key": text}}
    lines = "\n".join(_check.problems(_tls.TLS, tls, "ftpgw:tls"))
    assert "got text" in lines
    assert "BEGIN" not in lines


def test_the_end_of_a_certificate_is_known(good, tmp_path):
    """For whoever watches it; of a file that is none, it is not."""
    ends = _tls.ends(good, lambda path: None)
    assert 89 <= (ends - NOW.timestamp()) / 86400 <= 90
    assert _tls.ends({"certificate": str(tmp_path / "none")}, None) is None
