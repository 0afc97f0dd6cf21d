"""Runs a command that the kernel kills when its parent ends: `tether.py PARENT_PID COMMAND...`.

A program of its own, because asking between fork and exec inside a process with threads can
deadlock. The request survives exec, so the command keeps this process id.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask for the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":  # elsewhere the parent stops its brokers when it exits
        # SIGKILL and not SIGTERM: a broker whose fellow brokers die with it would try for minutes
        # to hand over its partitions.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the caller's own command


if __name__ == "__main__":
    main()
