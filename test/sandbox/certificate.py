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
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(folder / "key.pem", 0o600)


def context():
    """Return what a careful client has: it knows the certificate."""
    return ssl.create_default_context(cafile=TLS["certificate"])
