"""Another kernel for the box: user-mode Linux, with quotas, which the machine's own may lack.

Its root are the files of the box, so that what was applied there is there. It has no network but
loopback, and processes of its own.
"""

import ctypes
import os
import pathlib
import platform
import subprocess
import sys

MODULES = pathlib.Path("/usr/lib/uml/modules")
# <linux/reboot.h>, <asm/unistd_64.h>
POWER_OFF, FINIT_MODULE = 0x4321FEDC, 313
LIBC = ctypes.CDLL(None, use_errno=True)


def run(script, disk, out, timeout):
    """Run a Python script as the first process of another kernel, with a disk, /dev/ubda.

    What it prints is in the file `out`; returns what the kernel said.
    """
    init = out.with_suffix(".init")
    line = f"exec {sys.executable} {pathlib.Path(__file__)} {script} >{out} 2>&1 </dev/null"
    init.write_text(f"#!/bin/sh\nexport PATH={os.environ['PATH']}\n{line}\n")
    init.chmod(0o755)
    registers = out.with_suffix(".so")
    source = pathlib.Path(__file__).with_name("registers.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", registers, source], check=True)
    command = ["linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"]
    command += [f"ubd0={disk}", "con=null", "con0=null,fd:1", f"init={init}"]
    done = subprocess.run(
        command,
        env={**os.environ, "LD_PRELOAD": str(registers)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def main(script):
    """Be the first process: have what a system has, run the script, and power off."""
    for kind, where in (("proc", "/proc"), ("sysfs", "/sys")):
        subprocess.run(["mount", "-t", kind, kind, where], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in ("quota_tree", "quota_v2"):
        path = MODULES / platform.release() / f"kernel/fs/quota/{name}.ko"
        with path.open("rb") as module:
            if LIBC.syscall(FINIT_MODULE, module.fileno(), b"", 0):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    try:
        subprocess.run([sys.executable, script], check=False)
    finally:
        os.sync()
        LIBC.reboot(POWER_OFF)


if __name__ == "__main__":
    main(sys.argv[1])
