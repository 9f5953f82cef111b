"""Reading a run: what its metrics tell, up to when they tell it."""

import time
from pathlib import Path

from deploy.metrics_tail import read_metrics
from learner.alarms.history import History
from shared.errors import ConfigError

METRICS = "metrics.jsonl"
SUMMARY = "learner.json"


def read_history(run: Path) -> History:
    """All that `metrics.jsonl` says; of a run that goes on, up to this moment.

    Raises:
        ConfigError: the directory holds no metrics.
    """
    path = run / METRICS
    if not path.is_file():
        raise ConfigError(
            "doctor",
            f"{run} holds no {METRICS}",
            "name the learner's run directory; it is written from the first second of training on",
        )
    history = History()
    for line in read_metrics(path):
        history.add(line)
    if not _ended(run):
        history.now = max(history.now, time.time())
    return history


def _ended(run: Path) -> bool:
    """Whether the learner that wrote these metrics has ended: its summary comes last."""
    summary = run / SUMMARY
    return summary.is_file() and summary.stat().st_mtime_ns >= (run / METRICS).stat().st_mtime_ns
