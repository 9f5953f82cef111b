"""Room and speed where runs are written."""

import os
import shutil
import tempfile
from pathlib import Path

from deploy.check.base import Check, Outcome, fail, ok, warn
from deploy.check.bench import Bench
from shared.clock import Clock

GIGABYTE = 1e9
LEAST_BYTES, ENOUGH_BYTES = 2 * GIGABYTE, 20 * GIGABYTE
BLOCK_BYTES, BLOCKS = 2**20, 32
HEADROOM = 4.0
SLOWEST_BYTES_S = 10e6


def checks(bench: Bench) -> list[Check]:
    """Free space, then what a synced write takes."""
    where = bench.config.run_dir
    need = max(SLOWEST_BYTES_S, HEADROOM * bench.step_bytes * bench.task.settings.control_hz)
    return [
        Check(name="disk space", run=lambda: space(where)),
        Check(name="disk speed", run=lambda: speed(where, need, bench.clock), deadline_seconds=30.0),
    ]


def space(where: Path, free_bytes: float | None = None) -> Outcome:
    """What is free where the run directory is, or will be."""
    free = shutil.disk_usage(_existing(where)).free if free_bytes is None else free_bytes
    told = f"{free / GIGABYTE:.1f} GB free at {where}"
    cure = "remove old runs (handson runs lists them), or name another --run-dir"
    if free < LEAST_BYTES:
        return fail(f"{told}; an hour of two cameras takes about 1 GB", cure)
    if free < ENOUGH_BYTES:
        return warn(f"{told}; the spool alone may take 16 GB while the learner is away", cure)
    return ok(told)


def speed(where: Path, need_bytes_s: float, clock: Clock) -> Outcome:
    """How fast a file grows that is synced at its end, against what steps of this bench need."""
    directory = _existing(where)
    block = os.urandom(BLOCK_BYTES)
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            began = clock.now()
            for _ in range(BLOCKS):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            seconds = max(clock.now() - began, 1e-6)
    except OSError as error:
        return fail(
            f"cannot write in {directory}: {error.strerror}", "name another --run-dir, or mend its rights"
        )
    rate = BLOCKS * BLOCK_BYTES / seconds
    told = f"{rate / 1e6:.0f} MB/s synced, steps need {need_bytes_s / 1e6:.0f} MB/s at most"
    if rate < need_bytes_s:
        return warn(told, "name a --run-dir on a local SSD; steps wait in memory while the disk is behind")
    return ok(told)


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    return next(parent for parent in (path, *path.parents) if parent.is_dir())
