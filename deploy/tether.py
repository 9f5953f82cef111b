"""Becomes another program that ends with its launcher: `python -I tether.py LAUNCHER_PID PROGRAM ARGUMENT...`

A program of its own rather than a function between fork and exec, where Python may deadlock when the launcher
has threads. Linux interrupts the program once the launcher is gone (prctl PR_SET_PDEATHSIG), as Ctrl-C would.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(launcher: int, command: list[str]) -> None:
    """Listen to Ctrl-C even where the launcher does not, and become `command`."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.getppid() == launcher:
        os.execvp(command[0], command)
    sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
