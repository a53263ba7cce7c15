"""
Packages of OpenBSD, as Salt's ``pkg`` states have them, where Salt has no ``pkg`` module.
"""

from salt.exceptions import CommandExecutionError


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
    return _made(name, "installed", "pkgadd.install", lambda: __salt__["pkgadd.missing"](pkgs))


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
        missing = __salt__["pkgadd.missing"](pkgs)
        return [package for package in pkgs if package not in missing]

    return _made(name, "removed", "pkgadd.remove", there)


def _made(name, what, act, left):
    """Do ``act`` to the packages that are ``left``, and see that none is afterwards."""
    try:
        todo = left()
        changes = dict.fromkeys(todo, what)
        if not todo:
            return _result(name, True, f"all packages are {what}")
        if __opts__["test"]:
            return _result(name, None, f"packages would be {what}", changes)
        __salt__[act](todo)
        if left():
            return _result(name, False, f"{', '.join(left())}: not {what} after all")
    except CommandExecutionError as error:
        return _result(name, False, str(error))
    return _result(name, True, f"packages have been {what}", changes)


def _result(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
