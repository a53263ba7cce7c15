"""A gateway that takes itself for a BSD, in a box of its own; what it did is printed as JSON.

    bsd.py openbsd-7.6 | freebsd-14.1

What only the BSD has is imitated by programs that write down how they were called. Everything else
is real: Salt, daemontools (on OpenBSD built from its sources), tcpserver, the FTP session of a
client. Needs the box of box.py.
"""

import grp
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import gateway
from clients import LAN, STRANGER, download, upload

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARBALL = pathlib.Path(sys.prefix).parent / "daemontools-0.76.tar.gz"
PROGRAMS, STATE, LOG = map(pathlib.Path, ("/run/bsd", "/run/bsd.state", "/run/bsd.log"))
# A program that only waits, by the name of another.
SLEEP = "/run/bsd.daemons"
LEFT_OVER = pathlib.Path("/etc/pam.d/ftpd")
# "salt and spirits", by bcrypt: OpenBSD knows nothing else.
HASH = "$2b$05$abcdefghijklmnopqrstuuAc0PP2xpWbsH5iPkFLYayH3Utsh1iJC"

# `service` finds and stops whatever has the name, whosever it is. What is in force: a file for the
# main rules of pf, and one for each anchor; each load makes up the name of a table, and translation
# is shown apart where it is apart. What Debian's PAM looks at gets the password too.
BSD = {
    "pgrep": '/usr/bin/pgrep "$@"',
    "pkill": '/usr/bin/pkill "$@"',
    "sysctl": 'case $1 in -n) cat $S/$2 ;; *) echo "${1#*=}" >$S/${1%%=*} ;; esac 2>/dev/null',
    "pfctl": r"""
        rules=$S/pf.main
        while test $# -gt 0; do
          case $1 in
            -a) rules=$S/pf.$2; shift ;;
            -e) exec touch $S/enabled ;;
            -n) exit ;;
            -f)
              random=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
              echo "pass from <__automatic_${random}_0>" | exec cat "$2" - >"$rules" ;;
            -F) exec rm "$rules" ;;
            -s)
              translated='^(no )?(nat|rdr)'
              case $2 in
                rules) exec grep -vE "$translated" "$rules" ;;
                nat) test -e $S/modern && exit 1; exec grep -E "$translated" "$rules" ;;
              esac
              test -e $S/enabled && echo Status: Enabled ;;
          esac
          shift
        done""",
}
OPENBSD = {
    "pkg_info": "ls $S/$2 >/dev/null 2>&1",
    "pkg_add": "touch $S/$2-0.88",
    "pkg_delete": "rm $S/$2-0.88",
    "userdel": '/usr/sbin/userdel "$@"',
    "groupadd": '/usr/sbin/groupadd "$@"',
    "groupdel": '/usr/sbin/groupdel "$@"',
    # There -G adds to the groups of an account and -S sets them.
    "usermod": """case $1 in
          -G) /usr/sbin/usermod -a "$@" ;;
          -S) shift; /usr/sbin/usermod -G "$@" ;;
        esac""",
    "useradd": r"""
        /usr/sbin/useradd "$@" 2>/dev/null
        for name; do :; done
        echo "$name:*************:1001:10::0:0::/home/$name:/sbin/nologin" >>/etc/master.passwd""",
    "pwd_mkdb": r"""
        mv "$4" /etc/master.passwd
        hash=$(sed -n "s/^$3:\([^:]*\).*/\1/p" /etc/master.passwd)
        /usr/sbin/usermod -p "$hash" "$3" """,
}
FREEBSD = {
    "service": r"""
        case "$1 $2" in
          svscan\ status) exec /usr/bin/pgrep -x svscan ;;
          svscan\ start) setsid svscan /var/service </dev/null >/dev/null 2>&1 & ;;
          *\ onestatus) exec /usr/bin/pgrep -x $1 ;;
          *\ onestop) exec /usr/bin/pkill -x $1 ;;
        esac""",
    "kldload": "touch $S/kld.$1",
    "kldstat": "test -e $S/kld.$3",
    "pkg": r"""
        case $1 in
          info) cat $S/packages 2>/dev/null ;;
          delete) rm $S/packages ;;
          install) shift 2; for name; do echo "$name-1.0 sysutils/$name" >>$S/packages; done ;;
        esac""",
    "pw": r"""
        verb=$1; shift
        for word; do
          case $before in
            -n) name=$word ;; -d) home=$word ;; -u) uid="-u $word" ;; -e) end=$word ;;
          esac
          before=$word
        done
        case $verb in
          groupadd) /usr/sbin/groupadd "$name" ;;
          groupdel) /usr/sbin/groupdel "$1" ;;
          groupmod)
            case $2 in
              -m) /usr/sbin/usermod -a -G "$1" "$3" ;;
              -d) gpasswd --del "$3" "$1" >/dev/null ;;
            esac ;;
          userdel) /usr/sbin/userdel "$name" ;;
          useradd)
            /usr/sbin/useradd $uid -d "$home" -s /usr/sbin/nologin "$name"
            echo "$*" | grep -q -- "-G ftpgw" && /usr/sbin/usermod -G ftpgw "$name"
            echo "$name:*:1001:1001::0:0::$home:/usr/sbin/nologin" >>/etc/master.passwd ;;
          usermod)
            if test -n "$end"; then
              exec sed -i -E "s|^($name(:[^:]*){5}):[^:]*|\1:$end|" /etc/master.passwd
            fi
            read hash
            sed -i "s|^$name:[^:]*|$name:$hash|" /etc/master.passwd
            /usr/sbin/usermod -p "$hash" "$name" ;;
          usershow) grep "^$name:" /etc/master.passwd ;;
        esac""",
}
SYSTEMS = {
    "openbsd-7.6": ("OpenBSD", {**BSD, **OPENBSD}),
    "freebsd-14.1": ("FreeBSD", {**BSD, **FREEBSD}),
}
DAEMONS = {
    "/usr/libexec/ftpd": "exec /usr/sbin/ftpd -l",
    "/usr/sbin/ftp-proxy": f"echo listening on 127.0.0.1 port 8021; exec {SLEEP}/ftp-proxy 9999",
}
# What the system started when it booted, by name, and how each was called.
SYSTEMS_OWN = {"ftp-proxy": "/usr/sbin/ftp-proxy", "ftpd": "/usr/libexec/ftpd -D"}


def main():
    """Make it so twice, try it, and tell."""
    name = sys.argv[1]
    system, programs = SYSTEMS[name]
    imitate(programs)
    prepare(system, name.partition("-")[2])
    before = owned_by_init()
    predicted = gateway.changed(gateway.apply(test=True))
    LOG.write_text("")
    first = gateway.changed(gateway.apply())
    calls = LOG.read_text()
    LOG.write_text("")
    proxy = gateway.call("daemontools.show")["ftp-proxy"]["pid"]
    second = gateway.changed(gateway.apply())
    facts = {
        "predicted": sorted(predicted),
        "first": sorted(first),
        "second": sorted(second),
        "calls": calls,
        "calls of the second run": LOG.read_text(),
        "the system's own": [before, owned_by_init()],
        "the same proxy": proxy == gateway.call("daemontools.show")["ftp-proxy"]["pid"],
        "svscan": os.readlink(f"/proc/{pid('svscan')}/exe"),
        "supervise": os.readlink(f"/proc/{pid('supervise')}/exe"),
        "states": {name: s["state"] for name, s in gateway.call("daemontools.show").items()},
        "came back": transfer(),
        "stranger": STRANGER.greeting().decode(),
        "log of ftp-proxy": gateway.call("daemontools.log", "ftp-proxy"),
        "ftpchroot": pathlib.Path("/etc/ftpchroot").read_text(),
        "pam": LEFT_OVER.read_text() if LEFT_OVER.exists() else "",
        "pf.conf": pathlib.Path("/etc/pf.conf").read_text(),
    }
    LOG.write_text("")
    facts["accounts left over"] = forgotten()
    facts["calls about those left over"] = LOG.read_text()
    LOG.write_text("")
    gateway.apply("ftpgw.clean")
    facts["calls of clean"] = LOG.read_text()
    facts["pam after clean"] = LEFT_OVER.read_text() if LEFT_OVER.exists() else ""
    facts["pf.conf after clean"] = pathlib.Path("/etc/pf.conf").read_text()
    facts["accounts after clean"] = [account.pw_name for account in pwd.getpwall()]
    json.dump(facts, sys.stdout)


def forgotten():
    """Have one more account that ends, and none again; return what is known of it in the end."""
    with gateway.pillar() as ftpgw:
        more = {"uid": 1235, "until": "2099-12-31"}
        ftpgw["accounts"]["second"] = {**ftpgw["accounts"]["partner"], **more}
    gateway.apply("ftpgw.accounts")
    with gateway.pillar() as ftpgw:
        del ftpgw["accounts"]["second"]
    gateway.apply("ftpgw.accounts")
    found = {group: grp.getgrnam(group).gr_mem for group in ("ftpgw", "ftpgw-left")}
    [entry] = [
        line.split(":")
        for line in pathlib.Path("/etc/master.passwd").read_text().splitlines()
        if line.startswith("second:")
    ]
    known = {"password": entry[1], "expires": entry[6]}
    return {
        **found,
        **known,
        "list": pathlib.Path("/etc/ftpchroot").read_text().splitlines()[1:],
    }


def imitate(programs):
    """Put programs, and the two daemons, where the BSD has them."""
    STATE.mkdir()
    for name, script in programs.items():
        write(PROGRAMS / name, f'S={STATE}\necho "{name} $*" >>{LOG}\n{script}')
    for path, script in DAEMONS.items():
        write(pathlib.Path(path), script)
    pathlib.Path(SLEEP).mkdir()
    for name, called in SYSTEMS_OWN.items():
        shutil.copy("/bin/sleep", f"{SLEEP}/{name}")
        start = f"exec -a '{called}' {SLEEP}/{name} 1000000"
        subprocess.run(["setsid", "--fork", "bash", "-c", start], check=True)
    os.environ["PATH"] = f"{PROGRAMS}:{os.environ['PATH']}"


def prepare(system, release):
    """Take away what Debian has and the BSD has not, and the other way round."""
    gateway.apt_install("inetutils-ftpd", "rsyslog")
    pathlib.Path("/etc/master.passwd").write_text("root:*:0:0:daemon:0:0::/root:/bin/ksh\n")
    pathlib.Path("/etc/pf.conf").write_text("set skip on lo\nblock return\npass\n")
    grains = {"os": system, "os_family": system, "osrelease": release, "kernel": system}
    with open("/etc/salt/minion", "a") as minion:
        minion.write(f"grains: {json.dumps(grains)}\n")
    with gateway.pillar() as ftpgw:
        ftpgw["accounts"]["partner"] |= {"password": HASH, "uid": 1234}
    if system == "FreeBSD":
        # What an upgrade from 13 leaves: PAM cannot start, and ftpd then does without.
        LEFT_OVER.write_text("auth sufficient pam_opie.so no_warn no_fake_prompts\n")
    if system == "OpenBSD":
        (STATE / "modern").touch()
        purge = ["dpkg", "--purge", "--force-depends", "daemontools"]
        subprocess.run(purge, check=True, capture_output=True)
        pathlib.Path("/srv/salt", TARBALL.name).symlink_to(TARBALL)
        with open("/etc/shells", "a") as shells:
            shells.write("/sbin/nologin\n")  # Debian's PAM asks for it, OpenBSD's ftpd does not


def write(path, script):
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def pid(name):
    """Return the id of a process that runs a program."""
    done = subprocess.run(
        ["/usr/bin/pgrep", "-x", name], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[0]


def owned_by_init():
    """Return the daemons that the system started, and that still run."""
    shown = subprocess.run(
        ["ps", "--ppid", "1", "-o", "args="], capture_output=True, text=True, check=False
    )
    called = tuple(SYSTEMS_OWN.values())
    return [line for line in shown.stdout.splitlines() if line.startswith(called)]


def transfer():
    """Return what a client of the inside network gets back of what it stored."""
    with LAN.session() as ftp:
        upload(ftp, "there.txt", b"there and back")
        return download(ftp, "there.txt").decode()


if __name__ == "__main__":
    main()
