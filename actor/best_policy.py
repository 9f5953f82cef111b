"""BestPolicy: the best policy evaluated so far, in a file that acting and evaluation load without a learner.

Beside `policy.snapshot` lies `policy.snapshot.json` with its evaluation, so that a restarted actor knows the
mark.
"""

import json
import logging
from pathlib import Path

from actor.json_file import write_json
from actor.scoring import EvaluationResult
from shared.policy.snapshot import PolicySnapshot, write_snapshot

log = logging.getLogger(__name__)


class BestPolicy:
    """Keeps one file up to date."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = self._read_mark()

    def offer(self, snapshot: PolicySnapshot, result: EvaluationResult) -> bool:
        """Keep this policy if none was better; returns whether it was kept.

        The higher success rate wins, and between equal ones the newer policy. As long as nothing ever
        succeeded the higher mean return wins instead.
        """
        offered = (result.success_rate, result.mean_return or 0.0)
        if self._mark is not None and not _at_least_as_good(offered, self._mark):
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_snapshot(self.path, snapshot)
        write_json(self._sidecar, result.as_dict())
        self._mark = offered
        log.info("kept policy version %d: success %.2f", snapshot.version, result.success_rate)
        return True

    @property
    def _sidecar(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def _read_mark(self) -> tuple[float, float] | None:
        if not (self.path.exists() and self._sidecar.exists()):
            return None
        try:
            kept = json.loads(self._sidecar.read_text(encoding="utf-8"))
            return float(kept["success_rate"]), float(kept["mean_return"] or 0.0)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is unreadable (%s): the next policy evaluated replaces it", self._sidecar, error)
            return None


def _at_least_as_good(offered: tuple[float, float], mark: tuple[float, float]) -> bool:
    if offered[0] != mark[0] or offered[0] > 0.0:
        return offered[0] >= mark[0]
    return offered[1] >= mark[1]
