"""How well this kernel can keep 1 kHz: preemption, governor, and what a process may ask of it.

All of it warns only: many labs run without a real-time kernel, and `robot rate` measures what comes of it.
"""

import os
import resource

from deploy.check.base import Check, Outcome, ok, skip, warn
from deploy.check.bench import Bench
from deploy.check.host import Host, read_text

UNLIMITED = resource.RLIM_INFINITY
PRIORITY = 50
LIMITS = "install deploy/units (its robot unit raises both), or see docs/bring-up.md"


def checks(bench: Bench) -> list[Check]:
    """Kernel, governor, limits."""
    return [
        Check(name="real-time kernel", run=lambda: preemption(bench.host)),
        Check(name="cpu governor", run=lambda: governor(bench.host)),
        Check(
            name="real-time limits",
            run=lambda: limits(
                resource.getrlimit(resource.RLIMIT_RTPRIO)[0],
                resource.getrlimit(resource.RLIMIT_MEMLOCK)[0],
                root=os.geteuid() == 0,
            ),
        ),
    ]


def preemption(host: Host) -> Outcome:
    """Whether the kernel is fully preemptible."""
    if read_text(host.sys / "kernel/realtime") == "1" or "PREEMPT_RT" in host.kernel:
        return ok(f"PREEMPT_RT: {host.kernel.split()[0]}")
    return warn(
        f"{host.kernel.split()[0]} is no real-time kernel: an arm may stop in the middle",
        "install one (docs/bring-up.md, The robot's computer), or judge by the success rate below",
    )


def governor(host: Host) -> Outcome:
    """Whether every core runs at its full clock."""
    files = sorted(host.sys.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
    found = {text for path in files if (text := read_text(path))}
    if not found:
        return skip("this kernel does not scale the clock of its cores")
    if found == {"performance"}:
        return ok(f"performance on {len(files)} cores")
    return warn(
        f"{', '.join(sorted(found - {'performance'}))}: cores that sleep miss commands",
        "sudo cpupower frequency-set -g performance, and again after each start of the computer",
    )


def limits(priority: int, locked_bytes: int, *, root: bool = False) -> Outcome:
    """Whether a process may ask for real-time scheduling and keep its memory from being swapped out."""
    if root:
        return ok("root may ask for anything; another user needs limits")
    lacking = []
    if priority != UNLIMITED and priority < PRIORITY:
        lacking.append(f"real-time priority {priority}, {PRIORITY} are needed")
    if locked_bytes != UNLIMITED and locked_bytes < 2**30:
        lacking.append(f"{locked_bytes / 1e6:.0f} MB of locked memory, 1 GB is needed")
    if lacking:
        return warn("; ".join(lacking), LIMITS)
    return ok("real-time scheduling and locked memory are allowed")
