"""
Packages of OpenBSD, as Salt's ``pkg`` states have them, where Salt has no ``pkg`` module.
"""

import _pkgadd
import _result
from salt.exceptions import CommandExecutionError


def __virtual__():
    if __grains__["kernel"] == "OpenBSD":
        return True
    return False, "pkg_add and pkg_info are OpenBSD's"


def installed(name, pkgs):
    """
    Install the packages that are missing.

    name
        A label.

    pkgs
        A list of names without versions.

    .. code-block:: yaml

        ftpgw packages are installed:
          pkgadd.installed:
            - pkgs: [ucspi-tcp]
    """
    return _made(name, "installed", _pkgadd.install, lambda: _missing(pkgs))


def removed(name, pkgs):
    """
    Remove the packages that are there.

    name
        A label.

    pkgs
        A list of names without versions.

    .. code-block:: yaml

        ftpgw packages are gone:
          pkgadd.removed:
            - pkgs: [ucspi-tcp]
    """

    def there():
        missing = _missing(pkgs)
        return [package for package in pkgs if package not in missing]

    return _made(name, "removed", _pkgadd.remove, there)


def _missing(pkgs):
    return _pkgadd.missing(pkgs, __salt__["cmd.run_all"])


def _made(name, what, act, left):
    """Do ``act`` to the packages that are ``left``, and see that none is afterwards."""
    try:
        todo = left()
        changes = dict.fromkeys(todo, what)
        if not todo:
            return _result.unchanged(name, f"all packages are {what}")
        if __opts__["test"]:
            return _result.would_change(name, changes, f"packages would be {what}")
        act(todo, __salt__["cmd.run_all"])
        still = left()
        if still:
            done = {package: what for package in todo if package not in still}
            return _result.failed(name, f"{', '.join(still)}: not {what} after all", done)
    except CommandExecutionError as error:
        return _result.failed(name, str(error))
    return _result.changed(name, changes, f"packages have been {what}")
