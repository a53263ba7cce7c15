"""The rules by which the packet filter diverts FTP, changed for a moment."""

import contextlib
import pathlib
import subprocess

RULES = pathlib.Path("/etc/nftables.d/ftpgw.nft")
CONFIG = pathlib.Path("/etc/proxy-suite/ftpgw.conf")
# Without it, FTP to the gateway itself is diverted as well.
EXCEPTION = "fib daddr type local accept"
# Without it, a server outside may open any port of the gateway to its client inside.
NO_OTHER_PORT = 'ct helper "ftp" tcp dport != 49152-65535 reject with tcp reset'

_CUTTING = """\
cut:
  firewall.loaded:
    - name: /etc/nftables.d/cut.nft
    - text: |
        table ip cut {
          chain cut { type filter hook %s priority 0; %s drop; }
        }
    - filter:
        check: [nft, --check, --file, '{file}']
        load: [nft, --file, '{file}']
        show: [nft, list, table, ip, cut]
        unload: [nft, delete, table, ip, cut]
"""


@contextlib.contextmanager
def served_cut(hook, whom):
    """Serve a state file `cut` whose rules drop what passes a hook, as of one who forgets Salt."""
    sls = pathlib.Path("/srv/salt/cut.sls")
    sls.write_text(_CUTTING % (hook, whom))
    try:
        yield
    finally:
        sls.unlink()


def reload():
    """Load the rules once more, as the file has them."""
    subprocess.run(["nft", "-f", RULES], check=True)


@contextlib.contextmanager
def edited(words):
    """Load the rules with `words` replaced; afterwards they are as the file has them."""
    text = RULES.read_text()
    for old, new in words.items():
        assert old in text, f"{old!r} is not in {RULES}"
        text = text.replace(old, new)
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
    try:
        yield
    finally:
        reload()


@contextlib.contextmanager
def usual_proxy():
    """Let the proxy serve, as its package has it, who comes without a destination: from here."""
    text = CONFIG.read_text()
    assert "DestinationPort     1\n" in text
    CONFIG.write_text(text.replace("DestinationPort     1\n", "DestinationPort     21\n"))
    try:
        yield
    finally:
        CONFIG.write_text(text)
