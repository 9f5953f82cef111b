"""A process that keeps freed memory faults the pages of a large buffer in once."""

import subprocess
import sys

SCRIPT = """
import resource, sys
import numpy as np
from learner.memory_allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(64 << 20, np.uint8)
before = faults()
for _ in range(5):
    np.ones(64 << 20, np.uint8)
print(faults() - before)
"""


def page_faults(how: str) -> int:
    command = [sys.executable, "-c", SCRIPT, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def test_large_buffers_are_faulted_in_once() -> None:
    assert page_faults("keep") < 100 < page_faults("default")
