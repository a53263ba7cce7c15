"""A certificate of the gateway, by both of its addresses, and who knows it."""

import os
import pathlib
import ssl
import subprocess

FOLDER = pathlib.Path("/etc/ssl/ftpgw")
# What pillar says of it.
TLS = {"certificate": str(FOLDER / "cert.pem"), "key": str(FOLDER / "key.pem")}


def make(folder=FOLDER):
    """Have openssl make a certificate and its key, of which root alone reads the key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=gw", "-days", "90"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=IP:192.168.0.254,IP:203.0.113.1"]
    command += ["-out", folder / "cert.pem", "-keyout", folder / "key.pem"]
    _run(command)
    os.chmod(folder / "key.pem", 0o600)


def make_chain(folder):
    """Have the certificate of the gateway come from an authority, by way of another one."""
    request = ["openssl", "req", "-nodes", "-newkey", "rsa:2048", "-subj"]
    names = {"root": "basicConstraints=CA:TRUE", "middle": "basicConstraints=CA:TRUE"}
    names["leaf"] = "subjectAltName=IP:192.168.0.254,IP:203.0.113.1"
    above = "root"
    for name, extension in names.items():
        (folder / "extension").write_text(extension)
        files = ["-out", folder / "request", "-keyout", folder / f"{name}.key"]
        _run([*request, f"/CN={name}", *files])
        signed = ["-in", folder / "request", "-extfile", folder / "extension", "-days", "90"]
        issuer = ["-CA", folder / f"{above}.pem", "-CAkey", folder / f"{above}.key"]
        issuer = issuer if name != above else ["-signkey", folder / "root.key"]
        _run(["openssl", "x509", "-req", *signed, *issuer, "-out", folder / f"{name}.pem"])
        above = name
    chain = [(folder / f"{name}.pem").read_text() for name in ("leaf", "middle")]
    pathlib.Path(TLS["certificate"]).write_text("".join(chain))
    pathlib.Path(TLS["key"]).write_text((folder / "leaf.key").read_text())
    return str(folder / "root.pem")


def _run(command):
    subprocess.run(command, check=True, capture_output=True)


def context():
    """Return what a careful client has: it knows the certificate."""
    return ssl.create_default_context(cafile=TLS["certificate"])
