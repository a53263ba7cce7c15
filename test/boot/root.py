"""Build the files of a Debian that boots: packages alone, and none of the gateway's installed.

    root.py 12 DIRECTORY 3008

The packages of the gateway, and those that could come along with them, are in /debs of the guest,
which is the only source its apt knows. Packages come from where apt has those of this machine. Salt
is that of PyPI, of the release given, in /opt/salt, for the Python of the guest.
"""

import pathlib
import platform
import shutil
import subprocess
import sys

RELEASES = {"12": "bookworm", "13": "trixie"}
# With sessions of users and without a syslogd: what the gateway changes there is to be seen.
SYSTEM = [
    *("systemd-sysv", "udev", "dbus", "libpam-systemd", "ifupdown", "python3-venv"),
    *("openssh-server", "openssh-client", "cron", "procps", "iproute2"),
]
GATEWAY = [
    *("daemontools", "daemontools-run", "ftp-proxy", "libpam-pwdfile"),
    *("nftables", "ucspi-tcp", "vsftpd"),
]
# To build what PyPI has as a source only; gone when it is built.
COMPILER = ["gcc", "libc6-dev", "python3-dev"]
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
# Some may be there before the gateway is, others come afterwards.
OTHERS = [
    *("inetutils-ftpd", "rsyslog", "inetutils-syslogd", "openbsd-inetd", "inetutils-inetd"),
    *("proftpd-core", "proftpd-mod-crypto", "pure-ftpd"),
]
# Not apt's cache: Salt has it emptied when a list of packages takes too long to come.
SOURCE = "deb [trusted=yes] file:/debs ./\n"

INTERFACES = """\
auto lo int0 ext0
iface lo inet loopback
iface int0 inet static
    address 192.168.0.254/24
iface ext0 inet static
    address 203.0.113.1/24
    gateway 203.0.113.2
"""


def main():
    """Build beside, so that what is there is whole."""
    release, target, salt = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    new = target.with_name(f"{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        build(RELEASES[release], new, salt)
    except subprocess.CalledProcessError as error:
        sys.exit(f"root: {' '.join(map(str, error.cmd))}: exit status {error.returncode}")
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def build(release, root, salt):
    """Have mmdebstrap make a Debian, fetch the gateway's packages, and say what machine it is."""
    root.parent.mkdir(parents=True, exist_ok=True)
    packages = f"--include={','.join(SYSTEM)}"
    options = ["--variant=debootstrap", "--skip=cleanup/apt", "--quiet", packages]
    call("mmdebstrap", *options, release, root, "-", stdin=sources(release))
    # Important to Debian, and yet not on every machine.
    call("chroot", root, "apt-get", "-qq", "purge", "-y", "--auto-remove", "nftables")
    install(root, salt)
    debs = root / "debs"
    (debs / "partial").mkdir(parents=True)
    for packages in (GATEWAY, *([other] for other in OTHERS)):
        fetch = ["install", "-y", "--download-only", "-o", "Dir::Cache::archives=/debs"]
        call("chroot", root, "apt-get", "-qq", *fetch, *packages)
    with open(debs / "Packages", "w") as file:
        scan = ["dpkg-scanpackages", "--multiversion", "."]
        subprocess.run(scan, cwd=debs, stdout=file, stderr=subprocess.DEVNULL, check=True)
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "etc/apt/sources.list").write_text(SOURCE)
    (root / "etc/network/interfaces").write_text(INTERFACES)
    (root / "etc/hostname").write_text("gw1\n")
    (root / "etc/sysctl.d/10-forward.conf").write_text("net.ipv4.ip_forward = 1\n")


def sources(release):
    """Return lines for apt: the mirrors and archives of this machine, for another release."""
    show = ["--format", "deb $(REPO_URI) $(CODENAME) $(COMPONENT)", "Identifier: Packages"]
    command = ["apt-get", "indextargets", *show, "Origin: Debian"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    own = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return lines.replace(f" {own}", f" {release}")


def install(root, salt):
    """Have the guest's pip install Salt, and leave no compiler."""
    store = root / "etc/ssl/certs"
    store.mkdir(parents=True, exist_ok=True)
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, store)
    apt = ["chroot", root, "apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0"]
    call(*apt, "install", "--no-install-recommends", *COMPILER)
    call("chroot", root, "python3", "-m", "venv", "/opt/salt")
    pip = ["/opt/salt/bin/pip", "install", "-qq", "--no-cache-dir"]
    call("chroot", root, *pip, f"salt~={salt}.0")
    (store / CERTIFICATES.name).unlink(missing_ok=True)
    call(*apt, "purge", "--auto-remove", *COMPILER)


def call(*command, stdin=""):
    """Run a program that must succeed."""
    words = [str(word) for word in command]
    subprocess.run(words, stdout=subprocess.DEVNULL, input=stdin, text=True, check=True)


if __name__ == "__main__":
    main()
