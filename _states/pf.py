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
        A list of lines, such as ``anchor "ftpgw"``.

    They come first so that no ``block quick`` and no ``nat-to`` of others is before them.  What
    pfctl refuses is not put in place, and what cuts the minion off is taken back, as in
    ``firewall.loaded``.

    .. code-block:: yaml

        /etc/pf.conf:
          pf.called:
            - lines: ['anchor "ftpgw"', 'load anchor "ftpgw" from "/etc/pf.ftpgw.conf"']
    """
    try:
        text = __salt__["sharedfile.put"](_read(name), lines, first=True)
    except OSError as error:
        comment = f"{name}: {error.strerror}"
        return {"name": name, "changes": {}, "result": False, "comment": comment}
    return __states__["firewall.loaded"](name=name, text=text, filter=MAIN)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
