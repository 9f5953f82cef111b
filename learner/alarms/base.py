"""What an alarm says."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from learner.alarms.history import History


class Level(StrEnum):
    """How bad it is; UNKNOWN where the run holds no figures to tell from."""

    OK = "ok"
    WARN = "warn"
    ALARM = "alarm"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer of one alarm.

    Attributes:
        name: of the alarm.
        level: how bad it is.
        evidence: the numbers.
        threshold: from where on it warns, and from where on it is an alarm.
        next_step: what to do; empty where all is well.
    """

    name: str
    level: Level
    evidence: str
    threshold: str
    next_step: str = ""

    @property
    def speaks(self) -> bool:
        """Whether there is something to do."""
        return self.level in (Level.WARN, Level.ALARM)

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {key: str(value) for key, value in asdict(self).items()}


Alarm = Callable[[History], Finding]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From where on a number is worth a warning, and an alarm; below both all is well.

    Where `warn` is above `alarm`, small numbers are the bad ones.
    """

    name: str
    warn: float
    alarm: float
    what: str
    next_step: str

    def judge(self, value: float, evidence: str) -> Finding:
        """The finding for this value."""
        sign = 1.0 if self.alarm >= self.warn else -1.0
        level = Level.OK
        if sign * value >= sign * self.warn:
            level = Level.WARN
        if sign * value >= sign * self.alarm:
            level = Level.ALARM
        return Finding(
            name=self.name,
            level=level,
            evidence=evidence,
            threshold=self.threshold,
            next_step=self.next_step if level is not Level.OK else "",
        )

    def unknown(self, why: str) -> Finding:
        """There is nothing to judge by yet."""
        return Finding(name=self.name, level=Level.UNKNOWN, evidence=why, threshold=self.threshold)

    def fine(self, evidence: str) -> Finding:
        """All is well, whatever the number would be."""
        return Finding(name=self.name, level=Level.OK, evidence=evidence, threshold=self.threshold)

    @property
    def threshold(self) -> str:
        """In words."""
        side = "from" if self.alarm >= self.warn else "down to"
        return f"{self.what}: warns {side} {self.warn:g}, alarm {side} {self.alarm:g}"
