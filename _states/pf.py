"""
Rules of ours that the packet filter of a BSD finds by a line in somebody else's pf.conf.
"""

MAIN = {
    "check": ["pfctl", "-n", "-f", "{file}"],
    "load": ["pfctl", "-f", "{file}"],
    "show": ["pfctl", "-s", "rules"],
    "unload": ["pfctl", "-F", "rules"],
}


def called(name, lines):
    """
    Keep our lines at the top of a pf.conf, and that pf.conf in force.

    name
        The path, ``/etc/pf.conf``.

    lines
        A list of lines, such as ``anchor "ftpgw"``; none takes ours away.

    They come first so that no ``block quick`` and no ``nat-to`` of others is before them.  What
    pfctl refuses is not put in place, and what cuts the minion off is taken back, as in
    ``firewall.loaded``.

    .. code-block:: yaml

        /etc/pf.conf:
          pf.called:
            - lines: ['anchor "ftpgw"', 'load anchor "ftpgw" from "/etc/pf.ftpgw.conf"']
    """
    try:
        old = _read(name)
    except OSError as error:
        return _result(name, False, f"{name}: {error.strerror}")
    text = __salt__["sharedfile.put"](old, lines, first=True)
    if text == old and not lines:
        return _result(name, True, "there are no lines of ours")
    return __states__["firewall.loaded"](name=name, text=text, filter=MAIN)


def _result(name, result, comment):
    return {"name": name, "changes": {}, "result": result, "comment": comment}


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
