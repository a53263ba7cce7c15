"""
The packages of OpenBSD, where Salt has no ``pkg`` module for them.
"""

from salt.exceptions import CommandExecutionError

# pkg_add(1) may download; it is given up after so many seconds.
TIMEOUT = 600


def __virtual__():
    if __grains__["kernel"] == "OpenBSD":
        return True
    return False, "pkg_add and pkg_info are OpenBSD's"


def missing(pkgs):
    """
    Return those packages of which no version is installed.

    pkgs
        A list of names without versions, for example ``ucspi-tcp``.

    CLI Example:

    .. code-block:: bash

        salt gw1 pkgadd.missing '[ucspi-tcp]'
    """
    # packages-specs(7): "stem-*" is any version.
    return [name for name in pkgs if _run("pkg_info", "-e", f"{name}-*")["retcode"]]


def install(pkgs):
    """
    Install packages, from where installurl(5) or PKG_PATH says.

    pkgs
        A list of names.

    Returns True.  Raises CommandExecutionError with the words of pkg_add.

    CLI Example:

    .. code-block:: bash

        salt gw1 pkgadd.install '[ucspi-tcp]'
    """
    return _change("pkg_add", pkgs)


def remove(pkgs):
    """
    Remove packages.

    pkgs
        A list of names.

    Returns True.  Raises CommandExecutionError with the words of pkg_delete.

    CLI Example:

    .. code-block:: bash

        salt gw1 pkgadd.remove '[ucspi-tcp]'
    """
    return _change("pkg_delete", pkgs)


def _change(program, pkgs):
    # -I: "do not ask questions"
    done = _run(program, "-I", *pkgs)
    if done["retcode"]:
        words = " ".join((done["stderr"] or done["stdout"]).split())
        raise CommandExecutionError(f"{', '.join(pkgs)}: {program}: {words}")
    return True


def _run(*command):
    return __salt__["cmd.run_all"](
        list(command), python_shell=False, ignore_retcode=True, timeout=TIMEOUT
    )
