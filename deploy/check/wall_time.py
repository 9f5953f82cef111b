"""Whether the kernel keeps this computer's wall clock together with others': logs are compared by it.

Steps and frames are timed by monotonic clocks, which the link relates to each other, so nothing fails here.
"""

import ctypes
import sys

from deploy.check.base import Check, Outcome, ok, skip, warn
from deploy.check.bench import Bench

TIME_ERROR = 5
TIMEX_BYTES = 512
LONG = ctypes.sizeof(ctypes.c_long)
WORST_SECONDS = 0.1


def checks(_: Bench) -> list[Check]:
    """The wall clock."""
    return [Check(name="wall clock", run=lambda: clock(*kernel_time()))]


def clock(state: int, worst_microseconds: int) -> Outcome:
    """Judge what `adjtimex` says: its state, and the largest error that it thinks possible."""
    cure = "sudo timedatectl set-ntp true"
    if state < 0:
        return skip("the kernel does not tell whether it is synchronised")
    if state == TIME_ERROR:
        return warn("not synchronised: times in the logs of two computers cannot be compared", cure)
    if worst_microseconds > WORST_SECONDS * 1e6:
        return warn(f"synchronised to {worst_microseconds / 1e6:.1f} s at worst", cure)
    return ok(f"synchronised, at worst {worst_microseconds / 1000:.1f} ms away from true time")


def kernel_time() -> tuple[int, int]:
    """State and largest error in us; (-1, 0) where the kernel refuses."""
    # struct timex begins: unsigned modes, long offset, long freq, long maxerror. Modes 0 only reads.
    buffer = ctypes.create_string_buffer(TIMEX_BYTES)
    state = int(ctypes.CDLL(None, use_errno=True).adjtimex(buffer))
    at = 3 * LONG if LONG == 8 else 12
    return state, int.from_bytes(buffer.raw[at : at + LONG], sys.byteorder, signed=True)
