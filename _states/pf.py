"""
Rules of ours that the packet filter of a BSD finds by a line in somebody else's pf.conf.
"""

import _block
import _result
from salt.exceptions import CommandExecutionError


def called(name, lines, filter):
    """
    Keep our lines at the top of a pf.conf, and that pf.conf in force.

    name
        The path, ``/etc/pf.conf``.

    lines
        A list of lines, such as ``anchor "ftpgw"``; none takes ours away.

    filter
        How pf.conf is checked, loaded and shown, as for ``firewall.loaded``.

    They come first so that no ``block quick`` and no ``nat-to`` of others is before them.  What
    pfctl refuses is not put in place, and what cuts the minion off is taken back, as in
    ``firewall.loaded``.

    .. code-block:: yaml

        /etc/pf.conf:
          pf.called:
            - lines: ['anchor "ftpgw"', 'load anchor "ftpgw" from "/etc/pf.ftpgw.conf"']
            - filter:
                check: [pfctl, -n, -f, '{file}']
                load: [pfctl, -f, '{file}']
                show: [[pfctl, -s, nat], [pfctl, -s, rules]]
                unload: [pfctl, -a, ftpgw, -F, all]
    """
    try:
        old = _block.read(name)
        text = _block.plan(old, lines, first=True)
    except (CommandExecutionError, OSError) as error:
        return _result.failed(name, error)
    if text == old and not lines:
        return _result.unchanged(name, "there are no lines of ours")
    return __states__["firewall.loaded"](name=name, text=text, filter=filter)
