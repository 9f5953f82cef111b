"""Metrics on disk, written by a thread of their own: metrics.jsonl, TensorBoard files and, if asked, wandb.

A line of `metrics.jsonl` is one flat JSON object, on disk as soon as it is written:

    {"time_seconds": Unix time, "kind": "learner" | "actor" | "evaluation", "env_steps": n, "updates": n, ...}

`env_steps` counts the training steps that the learner has taken in, `updates` its critic updates. Lines of an
actor say which (`actor_id`) and how many training steps it had made itself (`actor_steps`).
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import jax
import msgspec
import numpy as np
from tensorboardX import SummaryWriter

from learner.alarms.base import Finding, Level
from learner.alarms.diagnosis import diagnose, speaking
from learner.alarms.history import History
from learner.worker import Worker
from shared.errors import ConfigError, HandsOnError

log = logging.getLogger(__name__)

Kind = Literal["learner", "actor", "evaluation"]
EVALUATION = "evaluation/"


@dataclass(frozen=True, kw_only=True)
class MetricsConfig:
    """How often, and where to."""

    every_seconds: float = 2.0
    """The learner's own numbers are averaged over this long and written."""
    screen_seconds: float = 10.0
    """A line in the log this often; on a terminal a live screen shows the same."""
    wandb_project: str = "handson"
    """The project of runs on Weights & Biases."""

    def __post_init__(self) -> None:
        if not (self.every_seconds > 0 and self.screen_seconds > 0):
            raise ConfigError(
                "metrics",
                f"every_seconds is {self.every_seconds} and screen_seconds {self.screen_seconds}",
                "give both more than 0",
            )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: numbers at one moment of one process."""

    time_seconds: float
    kind: Kind
    env_steps: int
    updates: int
    values: Mapping[str, float]
    actor_id: str | None = None

    def as_line(self) -> dict[str, object]:
        """As it stands in metrics.jsonl."""
        line: dict[str, object] = {
            "time_seconds": self.time_seconds,
            "kind": self.kind,
            "env_steps": self.env_steps,
            "updates": self.updates,
        }
        if self.actor_id is not None:
            line["actor_id"] = self.actor_id
        return line | dict(self.values)


class Sink(Protocol):
    """Where rows go."""

    def write(self, row: Row) -> None:
        """Keep one row, now."""
        ...

    def close(self) -> None:
        """Keep what is left and let go."""
        ...


class JsonLines:
    """`metrics.jsonl`, appended to: a resumed run goes on in the same file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, row: Row) -> None:
        self._file.write(msgspec.json.encode(row.as_line()) + b"\n")

    def close(self) -> None:
        self._file.close()


class TensorBoard:
    """Event files, one scalar a name; the horizontal axis is `env_steps`."""

    def __init__(self, directory: Path) -> None:
        self._writer = SummaryWriter(str(directory), flush_secs=3600)

    def write(self, row: Row) -> None:
        for name, value in row.values.items():
            self._writer.add_scalar(_chart(row, name), value, row.env_steps, row.time_seconds)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run on wandb; the package is an extra."""

    def __init__(self, run_dir: Path, project: str, settings: Mapping[str, object]) -> None:
        try:
            wandb = import_module("wandb")
        except ImportError:
            raise ConfigError(
                "metrics", "wandb is not installed", "pip install 'handson[wandb]', or leave out --wandb"
            ) from None
        self._run: Any = wandb.init(
            project=project, name=run_dir.name, dir=str(run_dir), config=dict(settings), resume="allow"
        )

    def write(self, row: Row) -> None:
        charts = {_chart(row, name): value for name, value in row.values.items()}
        self._run.log(charts | {"env_steps": row.env_steps, "updates": row.updates})

    def close(self) -> None:
        self._run.finish()


def open_sinks(
    run_dir: Path, config: MetricsConfig, *, wandb: bool, settings: Mapping[str, object]
) -> list[Sink]:
    """The sinks that a run writes to. Raises ConfigError when wandb is asked for and not installed."""
    extra: list[Sink] = [WeightsAndBiases(run_dir, config.wandb_project, settings)] if wandb else []
    return [JsonLines(run_dir / "metrics.jsonl"), TensorBoard(run_dir / "tensorboard"), *extra]


class MetricsLog:
    """Rows to sinks, in order, off the training loop. Every method may be called from any thread.

    Attributes:
        latest: the newest numbers of the learner.
        findings: what the alarms say of all rows so far; replaced as a whole.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._worker = Worker("metrics")
        self._history = History()
        self._said: set[tuple[str, Level]] = set()
        self.latest: dict[str, float] = {}
        self.findings: list[Finding] = []

    def learner(
        self,
        calls: Sequence[Mapping[str, jax.Array]],
        gauges: Mapping[str, float],
        env_steps: int,
        updates: int,
    ) -> None:
        """One row of the learner: the mean of what update calls returned, and numbers of this moment."""
        now = time.time()
        self._worker.submit(lambda: self._learner(now, calls, gauges, env_steps, updates))

    def actor(self, actor_id: str, values: Mapping[str, float], env_steps: int, updates: int) -> None:
        """One row of an actor; of its evaluation, where a name begins with `evaluation/`."""
        kind: Kind = "evaluation" if any(name.startswith(EVALUATION) for name in values) else "actor"
        row = Row(
            time_seconds=time.time(),
            kind=kind,
            env_steps=env_steps,
            updates=updates,
            values=values,
            actor_id=actor_id,
        )
        self._worker.submit(lambda: self._write(row))

    def check(self) -> None:
        """Raise what stopped the writing."""
        self._worker.check()

    def close(self, deadline_seconds: float) -> None:
        """Write what waits and close the sinks."""
        self._worker.submit(self._close_sinks)
        self._worker.close(deadline_seconds)

    def _learner(
        self,
        now: float,
        calls: Sequence[Mapping[str, jax.Array]],
        gauges: Mapping[str, float],
        env_steps: int,
        updates: int,
    ) -> None:
        values = means(calls) | dict(gauges)
        self.latest = {**values, "env_steps": env_steps, "updates": updates}
        self._write(
            Row(time_seconds=now, kind="learner", env_steps=env_steps, updates=updates, values=values)
        )
        self._diagnose()

    def _diagnose(self) -> None:
        """Ask the alarms; each warning and each alarm goes to the log when it speaks for the first time."""
        self.findings = diagnose(self._history)
        for finding in speaking(self.findings):
            if (finding.name, finding.level) not in self._said:
                self._said.add((finding.name, finding.level))
                log.warning("%s %s: %s; %s", finding.level, finding.name, finding.evidence, finding.next_step)

    def _write(self, row: Row) -> None:
        self._history.add(row.as_line())
        try:
            for sink in self._sinks:
                sink.write(row)
        except OSError as error:
            cure = "free space on that disk, then go on with --resume"
            raise HandsOnError("metrics", f"cannot be written ({error.strerror})", cure) from None

    def _close_sinks(self) -> None:
        for sink in self._sinks:
            sink.close()


def means(calls: Sequence[Mapping[str, jax.Array]]) -> dict[str, float]:
    """The mean of each metric over some update calls; waits for the device."""
    host: list[Mapping[str, np.ndarray]] = jax.device_get(list(calls))
    return {name: float(np.mean([call[name] for call in host])) for name in (host[0] if host else {})}


def _chart(row: Row, name: str) -> str:
    return f"learner/{name}" if row.actor_id is None else f"{name}/{row.actor_id}"
