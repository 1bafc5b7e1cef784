"""Runs one program as a strict container runtime would.

Usage: unshare --mount [--net] contained.py ROOT UID [--mount SOURCE:TARGET]... PROGRAM [ARGS...]

ROOT becomes the read-only root, with a writable /var/run/outrigger in memory; the program is UID,
has no capabilities, cannot gain any, and sees of the machine only what --mount shows it, read-only.
Call it through unshare, so that the mounts end with the program.
"""

import ctypes
import errno
import os
import subprocess
import sys

PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def prctl(option, argument):
    return LIBC.prctl(option, argument, 0, 0, 0)


def prove_confinement():
    """Dies unless the confinement holds: else a test in it would prove nothing."""
    try:
        os.close(os.open("/probe", os.O_CREAT | os.O_WRONLY))
        sys.exit("contained.py: the root is writable")
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    # As bytes: Python cannot load a codec any more.
    with open("/proc/self/status", "rb") as file:
        status = dict(line.split(b":\t", 1) for line in file.read().splitlines() if b":\t" in line)
    for name in (b"CapPrm", b"CapEff", b"CapBnd", b"CapInh"):
        if int(status[name], 16) != 0:
            sys.exit(f"contained.py: {name} is {status[name]}")


def main():
    root, uid, *rest = sys.argv[1:]
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "tmpfs", "-o", f"uid={uid},mode=0770,size=1m", "tmpfs",
          f"{root}/var/run/outrigger")
    while rest[0] == "--mount":
        source, target = rest[1].split(":")
        mount("--bind", source, root + target)
        mount("-o", "remount,bind,ro", root + target)
        rest = rest[2:]
    os.makedirs(f"{root}/proc", exist_ok=True)
    mount("-t", "proc", "-o", "nosuid,nodev,noexec", "proc", f"{root}/proc")
    mount("-o", "remount,bind,ro", root)
    os.chroot(root)
    os.chdir("/")
    capability = 0
    while prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prove_confinement()
    os.execve(rest[0], rest, {"PATH": "/usr/local/bin"})


if __name__ == "__main__":
    main()
