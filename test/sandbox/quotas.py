"""What becomes of quotas, under a kernel that has them: prints facts, as JSON, in the last line.

Of the accounts `limited` and `other` the first has a quota of 2M, and /home is a
file system of its own.
"""

import contextlib
import ftplib
import json
import pathlib
import subprocess
import time

import salt.config
import salt.loader
import yaml
from clients import download

MEGABYTE = bytes(2**20)
HOME = pathlib.Path("/home")
SERVER = ["tcpserver", "-RHl0", "127.0.0.1"]
VSFTPD = [*SERVER, "21", "/usr/sbin/vsftpd", "/etc/ftpgw/vsftpd.conf"]
# Beside the other one, which its package does not allow.
INETUTILS = [*SERVER, "2121", "/opt/inetutils/usr/sbin/ftpd", "-l", "-a", "pam"]


def main():
    subprocess.run(["mount", "-o", "usrquota", "/dev/ubda", HOME], check=True)
    opts = salt.config.minion_config("/etc/salt/minion")
    opts["grains"] = salt.loader.grains(opts)
    opts["pillar"] = yaml.safe_load(pathlib.Path("/srv/pillar/ftpgw.sls").read_text())
    call = salt.loader.minion_mods(opts)
    states = {
        test: salt.loader.states({**opts, "test": test}, call, {}, None) for test in (True, False)
    }
    ftpgw = opts["pillar"]["ftpgw"]
    ftpgw["services"] = {"ftp-proxy": {"state": "absent"}}
    password = ftpgw["accounts"]["partner"]["password"]

    def apply(quota, test=False, **settings):
        account = {"password": password, **({"quota": quota} if quota else {}), **settings}
        ftpgw["accounts"] = {"limited": account, "other": {"password": password}}
        state = states[test]["ftpgw.accounts"](name="accounts")
        if state["result"] is False:
            return state["comment"]
        return state["changes"].get("limited", {}).get("quota", "no change")

    facts = {
        "foretold": apply("2M", test=True),
        "touched": (HOME / "limited").exists(),
        "done": apply("2M"),
        "the same": apply("2048K"),
    }
    servers = [subprocess.Popen(command) for command in (VSFTPD, INETUTILS)]
    facts |= {"enough": stores("limited", "kept", 1), "the other": stores("other", "kept", 3)}
    facts["too much"] = stores("limited", "more", 3)
    (HOME / "limited/more").unlink()
    facts["too much, by inetutils"] = stores("limited", "more", 3, 2121)
    facts["what was there"] = [reads("limited", "kept", 1), reads("other", "kept", 3)]
    facts["the other afterwards"] = stores("other", "more", 3)
    facts["used"] = {name: told["used"] for name, told in call["ftpgw.accounts"]().items()}
    facts["raised"] = apply("20M")
    facts["enough by then"] = stores("limited", "more", 3)
    facts["another number"] = apply("20M", uid=2345)
    facts["another number, again"] = apply("20M", uid=2345)
    facts["as much as there is"] = [apply(None), stores("limited", "most", 30)]
    facts["less than there is"] = [apply("1M"), stores("limited", "no", 1)]
    call["user.add"]("double", uid=2345, unique=False)
    facts["of two"] = apply("2M")
    call["user.delete"]("double")
    for server in servers:
        server.terminate()
    facts["clean"] = states[False]["ftpgw.no_accounts"](name="none")["changes"]["limited"]
    facts["after clean"] = apply(None, test=True, uid=2345)
    subprocess.run(["umount", HOME], check=True)
    subprocess.run(["mount", "/dev/ubda", HOME], check=True)
    facts["counted, and not kept"] = apply("2M")
    facts["problems"] = call["ftpgw.problems"]()
    print(json.dumps(facts))


def stores(name, file, megabytes, port=21):
    """Return what somebody's client is told when it uploads a file."""
    with contextlib.closing(session(name, port)) as ftp:
        try:
            # The server hangs up where it can write no more, and says so.
            with ftp.transfercmd(f"STOR {file}") as data, contextlib.suppress(OSError):
                data.sendall(MEGABYTE * megabytes)
            return ftp.voidresp()
        except ftplib.Error as error:
            return str(error)


def reads(name, file, megabytes):
    with session(name) as ftp:
        return download(ftp, file) == MEGABYTE * megabytes


def session(name, port=21):
    """Log in, as soon as there is a server."""
    deadline = time.monotonic() + 30
    while True:
        try:
            ftp = ftplib.FTP(timeout=30)
            ftp.connect("127.0.0.1", port)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            ftp.login(name, "salt and spirits")
            return ftp


main()
