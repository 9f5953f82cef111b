"""How much memory the replay takes, told before training starts and refused where it cannot fit."""

import math
from dataclasses import dataclass
from pathlib import Path

from learner.replay.buffers import empty_buffers
from learner.replay.layout import BatchLayout
from learner.replay.maps import map_bytes
from learner.replay.store import ReplayStore
from shared.errors import ConfigError, MemoryBudgetError

STAGE = "memory budget"
MEMINFO = Path("/proc/meminfo")
SHARE_OF_AVAILABLE = 0.8
GIGABYTE = 1e9


@dataclass(frozen=True, kw_only=True)
class ReplayConfig:
    """How much the learner keeps. A step takes one row, and an episode's end one more."""

    online_rows: int = 200_000
    """Rows for practice; the oldest leave first."""
    pinned_rows: int = 50_000
    """Rows for demos and corrections; the oldest corrections leave first."""
    cached_shifts: int = 4
    """Shifts of each frame whose maps a frozen trunk computes once and keeps; 0 runs it at every update."""
    memory_limit_gigabytes: float | None = None
    """Refuse to start above this; none means 0.8 of the memory that is available at the start."""

    def __post_init__(self) -> None:
        for name, rows in (("online_rows", self.online_rows), ("pinned_rows", self.pinned_rows)):
            if rows < 1:
                raise ConfigError("replay configuration", f"{name} is {rows}", f"set {name} to at least 1")
        if self.cached_shifts < 0:
            raise ConfigError(
                "replay configuration",
                f"cached_shifts is {self.cached_shifts}",
                "set it to at least 1, or to 0 to keep no maps",
            )
        limit = self.memory_limit_gigabytes
        if limit is not None and not limit > 0:
            raise ConfigError(
                "replay configuration",
                f"memory_limit_gigabytes is {limit}",
                "set it above 0, or leave it out for 0.8 of the available memory",
            )


@dataclass(frozen=True, kw_only=True)
class MemoryBudget:
    """What replay and prepared batches will take, in bytes, when full.

    Attributes:
        row_bytes: everything that a row takes; `frame_bytes` and `map_bytes` are parts of it.
    """

    row_bytes: int
    frame_bytes: int
    map_bytes: int
    online_rows: int
    pinned_rows: int
    batch_bytes: int
    limit_bytes: int

    @property
    def total_bytes(self) -> int:
        """Everything together."""
        return self.row_bytes * (self.online_rows + self.pinned_rows) + self.batch_bytes

    def __str__(self) -> str:
        rows = f"{self.online_rows:,} practice + {self.pinned_rows:,} pinned rows x {self.row_bytes:,} B"
        if self.frame_bytes:
            rows += f" ({self.frame_bytes:,} of frames, {self.map_bytes:,} of maps)"
        total = f"{_size(self.total_bytes)}, limit {_size(self.limit_bytes)}"
        return f"replay memory: {rows} + {_size(self.batch_bytes)} of batches = {total}"

    def check(self) -> None:
        """Raise MemoryBudgetError when it cannot fit."""
        if self.total_bytes <= self.limit_bytes:
            return
        free = self.limit_bytes - self.batch_bytes - self.row_bytes * self.pinned_rows
        fitting = free // self.row_bytes
        lighter = "set cached_shifts lower, use smaller images" if self.map_bytes else "use smaller images"
        cure = (
            f"set online_rows to at most {fitting:,}, {lighter}, or raise memory_limit_gigabytes"
            if fitting > 0
            else f"set pinned_rows and online_rows lower, {lighter}, or free memory on this computer"
        )
        raise MemoryBudgetError(STAGE, f"the replay cannot fit; {self}", cure)

    def check_cloning(self, rows: int, batch_bytes: int) -> None:
        """Raise MemoryBudgetError when cloning so many rows, before the replay fills, cannot fit."""
        needed = self.row_bytes * rows + batch_bytes
        if needed > self.limit_bytes:
            raise MemoryBudgetError(
                STAGE,
                f"cloning cannot fit: {rows:,} demonstrated rows x {self.row_bytes:,} B + "
                f"{_size(batch_bytes)} of batches = {_size(needed)}, limit {_size(self.limit_bytes)}",
                "set imitation.updates_per_call lower, or raise memory_limit_gigabytes",
            )


def budget(
    layout: BatchLayout, config: ReplayConfig, *, updates: int, batch_size: int, batches_alive: int
) -> MemoryBudget:
    """The budget of two stores and of the batches of U x B transitions that are alive at once."""
    limit = config.memory_limit_gigabytes
    interface, maps = layout.interface, map_bytes(layout, config.cached_shifts)
    return MemoryBudget(
        row_bytes=ReplayStore(BatchLayout(interface=interface, grippers=layout.grippers), 1).nbytes + maps,
        frame_bytes=sum(math.prod(entry.shape) for entry in interface.observations if entry.is_image),
        map_bytes=maps,
        online_rows=config.online_rows,
        pinned_rows=config.pinned_rows,
        batch_bytes=batches_alive * updates * batch_size * empty_buffers(layout, 1, 1).nbytes,
        limit_bytes=int(available_bytes() * SHARE_OF_AVAILABLE if limit is None else limit * GIGABYTE),
    )


def available_bytes(meminfo: Path = MEMINFO) -> int:
    """Memory that a new process may use, as Linux estimates it."""
    for line in meminfo.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    raise MemoryBudgetError(
        STAGE, f"{meminfo} does not tell the available memory", "set memory_limit_gigabytes by hand"
    )


def _size(count: int) -> str:
    return f"{count / GIGABYTE:.2f} GB" if count >= 0.1 * GIGABYTE else f"{count / 1e6:.1f} MB"
