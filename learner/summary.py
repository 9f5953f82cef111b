"""What is left of a run to read: a table for people, `learner.json` for programs."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from learner.assembly import Parts, Surroundings, utd_actual
from learner.checkpoints import CHECKPOINTS, list_checkpoints
from learner.config import LearnerConfig
from shared.version import code_version, dependency_versions

DEPENDENCIES = ("jax", "jaxlib", "flax", "optax", "numpy", "pyzmq", "msgspec", "mcap")
SHOWN = {
    "cause": "ended because",
    "env_steps": "training steps",
    "demo_steps": "demo steps",
    "updates": "critic updates",
    "pretrain_updates": "cloning updates",
    "utd_actual": "updates a step",
    "updates_forfeited": "updates forfeited",
    "updates_per_second": "updates a second",
    "steps_received": "steps received",
    "steps_durable": "steps durable",
    "steps_duplicate": "steps sent twice",
    "steps_lost": "steps lost",
    "snapshots_published": "policies published",
    "wall_seconds": "seconds",
}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How a learner ended, and what it did.

    Attributes:
        cause: why it ended.
        env_steps, demo_steps, updates, pretrain_updates, updates_forfeited: over all lives of the run.
        utd_target, utd_actual: critic updates per training step after the warm-up.
        steps_received, steps_durable: records of all lives other than demonstrated steps.
        steps_duplicate, steps_lost: records that came twice, and that never came.
        snapshots_published, train_seconds, wall_seconds, updates_per_second: of this life.
        checkpoint: the newest, to go on from.
    """

    cause: str
    env_steps: int
    demo_steps: int
    updates: int
    pretrain_updates: int
    utd_target: float
    utd_actual: float
    warmup_steps: int
    updates_forfeited: float
    steps_received: int
    steps_durable: int
    steps_duplicate: int
    steps_lost: int
    snapshots_published: int
    updates_per_second: float
    train_seconds: float
    wall_seconds: float
    device: str
    learner_incarnation: str
    checkpoint: str | None

    def write(self, path: Path) -> None:
        """One JSON object; the old file or the new one is there, never half of it."""
        content = dataclasses.asdict(self) | {
            "code_version": code_version(),
            "versions": dependency_versions(*DEPENDENCIES),
        }
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    def show(self, console: Console) -> None:
        """A table of what a person wants to know first."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, label in SHOWN.items():
            table.add_row(label, _text(getattr(self, name)))
        if self.checkpoint is not None:
            table.add_row("go on from", self.checkpoint)
        console.print(table)


def summarise(
    config: LearnerConfig, around: Surroundings, parts: Parts | None, *, cause: str, wall_seconds: float
) -> Summary:
    """The summary of a life; `parts` is None where it ended before the interface was known."""
    counters, ratio = around.ingest.counters(), config.ratio
    progress = parts.trainer.progress if parts else None
    updates = progress.update if progress else 0
    env_steps = parts.sampler.ratio.training_steps if parts else 0
    demo_steps = parts.sampler.pools.demo_steps if parts else 0
    train_seconds = parts.telemetry.train_seconds if parts else 0.0
    updates_now = parts.telemetry.updates_made(updates) if parts else 0
    newest = next(iter(list_checkpoints(config.run_dir / CHECKPOINTS)), None)
    return Summary(
        cause=cause,
        env_steps=env_steps,
        demo_steps=demo_steps,
        updates=updates,
        pretrain_updates=progress.pretrain_updates if progress else 0,
        utd_target=ratio.utd,
        utd_actual=utd_actual(updates, env_steps, ratio.warmup_steps),
        warmup_steps=ratio.warmup_steps,
        updates_forfeited=parts.sampler.ratio.forfeited if parts else 0.0,
        steps_received=counters.received - demo_steps,
        steps_durable=max(0, counters.durable - demo_steps),
        steps_duplicate=counters.duplicate,
        steps_lost=counters.lost,
        snapshots_published=parts.publisher.published if parts else 0,
        updates_per_second=updates_now / train_seconds if train_seconds else 0.0,
        train_seconds=train_seconds,
        wall_seconds=wall_seconds,
        device=around.device,
        learner_incarnation=around.incarnation,
        checkpoint=None if newest is None else str(newest),
    )


def _text(value: object) -> str:
    match value:
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
