"""Real-time scheduling and locked memory for the thread that serves the arm, where permitted; said once."""

import ctypes
import logging
import os

log = logging.getLogger(__name__)

PRIORITY = 60
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


def ask_for_realtime() -> str:
    """SCHED_FIFO for this thread and those it starts, no page of this process swapped; what was granted."""
    words = f"{_schedule()}, {_lock_memory()}"
    log.info("%s", words)
    return words


def _schedule() -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (OSError, AttributeError) as error:
        return f"real-time scheduling is not permitted here ({error}): set an rtprio limit for this user"
    return f"scheduled with SCHED_FIFO {PRIORITY}"


def _lock_memory() -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0:
        return "memory locked"
    cause = os.strerror(ctypes.get_errno())
    return f"memory is not locked ({cause}): set a memlock limit for this user"
