"""
The packages of OpenBSD, where Salt has no ``pkg`` module for them.

``run`` is Salt's `cmd.run_all`; packages are named without their versions.
"""

from salt.exceptions import CommandExecutionError

# pkg_add(1) may download; it is given up after so many seconds.
TIMEOUT = 600


def missing(pkgs, run):
    """Return those packages of which no version is installed."""
    # packages-specs(7): "stem-*" is any version.
    return [name for name in pkgs if _run(run, "pkg_info", "-e", f"{name}-*")["retcode"]]


def install(pkgs, run):
    """Install packages, from where installurl(5) or PKG_PATH says."""
    _change("pkg_add", pkgs, run)


def remove(pkgs, run):
    """Remove packages."""
    _change("pkg_delete", pkgs, run)


def _change(program, pkgs, run):
    # -I: "do not ask questions"
    done = _run(run, program, "-I", *pkgs)
    if done["retcode"]:
        words = " ".join((done["stderr"] or done["stdout"]).split())
        raise CommandExecutionError(f"{', '.join(pkgs)}: {program}: {words}")


def _run(run, *command):
    return run(list(command), python_shell=False, ignore_retcode=True, timeout=TIMEOUT)
