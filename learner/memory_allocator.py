"""glibc's allocator, told to keep what is freed: XLA asks for the same large buffers at every update."""

import ctypes
import logging

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""From malloc.h."""
SETTINGS = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 256 << 20))


def keep_freed_memory() -> bool:
    """Let freed memory serve the next allocation instead of going back to the system.

    By default each of XLA's temporary buffers above 32 MB is mapped anew, and every update first faults all
    of its pages in: a cached ResNet-10 update with 10 critics took 65 ms so and takes 46 ms now (medians).
    False, and nothing done, where the C library has no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    kept = mallopt is not None and all(mallopt(*setting) for setting in SETTINGS)
    if not kept:
        log.info("this C library does not keep freed memory: large updates are slower")
    return kept
