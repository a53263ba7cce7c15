"""A root shell on the gateway of the box: applied, greeted, and thrown away when it is left."""

import pty
import shutil

import gateway

WELCOME = """
gw    you are root here: 192.168.0.254 inside (int0), 203.0.113.1 outside (ext0)
lan   192.168.0.10:    ip netns exec lan ftp 192.168.0.254, or curl ftp://partner@192.168.0.254/
wan   9.9.9.9 may connect, 198.51.100.7 may not:  salt-call tcprules.check ftp 9.9.9.9
look  salt-call ftpgw.health;  salt-call daemontools.status;  salt-call daemontools.log open-ftpd
edit  /srv/pillar/ftpgw.sls, then:  salt-call state.apply ftpgw test=True
quit  exit: all of it is gone, and this machine is as it was
"""


def main():
    """Apply the gateway, say who is where, and let people type."""
    print("Making the gateway of pillar.example: ten seconds ...", flush=True)
    gateway.apply()
    print(WELCOME, flush=True)
    # A terminal of the box's own: that of the machine is not to be seen from here.
    columns, rows = shutil.get_terminal_size()
    start = f"stty rows {rows} cols {columns}; exec bash --norc --noprofile"
    pty.spawn(["sh", "-c", start])


if __name__ == "__main__":
    main()
