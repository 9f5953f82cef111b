"""Ratio: how many critic updates the training steps so far have paid for. Bookkeeping in exact fractions.

Credit is utd x (training steps after the warm-up), less what was spent and what was forfeited. A call may be
made only when the credit covers all of its updates, so updates never run ahead of data, and a run whose
credit is drained ends with 0 <= utd x (steps - warmup_steps) - updates - forfeited < updates_per_call.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from shared.errors import ConfigError

STAGE = "ratio configuration"


@dataclass(frozen=True, kw_only=True)
class RatioConfig:
    """Updates per training step, and what happens to updates that come too late."""

    utd: float = 4.0
    """Critic updates per training step of the environment."""
    warmup_steps: int = 200
    """Training steps that earn no updates: they only fill the replay."""
    updates_per_call: int | None = None
    """Critic updates in one update call; none means as many as one training step earns, at least 1."""
    max_credit_steps: int = 50
    """On a wall clock: training steps whose updates may be outstanding; the rest is forfeited and counted."""
    max_lead_steps: int = 20
    """On a simulated clock: training steps that the actor may be ahead of the learner."""
    clock: Literal["wall", "simulated"] = "wall"
    """wall: a real robot, which never waits. simulated: actor and learner wait for each other."""

    def __post_init__(self) -> None:
        _require(math.isfinite(self.utd) and self.utd > 0, f"utd is {self.utd}", "set utd above 0, such as 4")
        _require(self.warmup_steps >= 0, f"warmup_steps is {self.warmup_steps}", "set it to 0 or more")
        _require(
            self.call_updates >= 1, f"updates_per_call is {self.updates_per_call}", "set it to 1 or more"
        )
        _require(self.clock in ("wall", "simulated"), f"clock is {self.clock!r}", "choose wall or simulated")
        needed = math.ceil(self.call_updates / self.exact_utd)
        why = f"one call of {self.call_updates} updates at utd {self.utd:g} takes {needed} steps to earn"
        name = "max_credit_steps" if self.clock == "wall" else "max_lead_steps"
        steps = getattr(self, name)
        _require(steps >= needed, f"{name} is {steps}, but {why}", f"set {name} to at least {needed}")

    @property
    def exact_utd(self) -> Fraction:
        """`utd` as the decimal fraction that was written."""
        return Fraction(repr(float(self.utd)))

    @property
    def call_updates(self) -> int:
        """Critic updates in one call."""
        return max(1, math.ceil(self.exact_utd)) if self.updates_per_call is None else self.updates_per_call


class Ratio:
    """Counts training steps and updates. Owned by one thread.

    Attributes:
        training_steps: steps observed, the warm-up included.
        updates: critic updates spent.
    """

    def __init__(self, config: RatioConfig, state: Mapping[str, int | float] | None = None) -> None:
        """Start at nothing, or where `to_dict` left off."""
        self.config = config
        self._utd = config.exact_utd
        self._most = self._utd * config.max_credit_steps
        state = state or {}
        self.training_steps = int(state.get("training_steps", 0))
        self.updates = int(state.get("updates", 0))
        numerator, denominator = state.get("forfeited_numerator", 0), state.get("forfeited_denominator", 1)
        self._forfeited = Fraction(int(numerator), int(denominator))

    @property
    def credit(self) -> Fraction:
        """Updates that may be made now."""
        earned = self._utd * max(0, self.training_steps - self.config.warmup_steps)
        return earned - self.updates - self._forfeited

    @property
    def forfeited(self) -> float:
        """Updates that came due faster than they could be made, and never will be."""
        return float(self._forfeited)

    @property
    def actual(self) -> float:
        """Updates made per training step after the warm-up; 0 before there is one."""
        steps = self.training_steps - self.config.warmup_steps
        return self.updates / steps if steps > 0 else 0.0

    @property
    def warmup_left(self) -> int:
        """Training steps before the first that earns."""
        return max(0, self.config.warmup_steps - self.training_steps)

    def observe_training_step(self) -> None:
        """One more training step is in the replay; evaluation and demo steps are not to be told."""
        self.training_steps += 1
        if self.config.clock == "wall":
            self._forfeited += max(Fraction(0), self.credit - self._most)

    def require_paid(self) -> None:
        """Refuse a run that owes updates: it would make none for long, and on a simulated clock never again.

        Raises:
            ConfigError: utd is lower or the warm-up longer than when the updates were made.
        """
        if self.credit < 0:
            raise ConfigError(
                STAGE,
                f"the run made {self.updates} updates in {self.training_steps} steps, more than utd "
                f"{self.config.utd:g} after a warm-up of {self.config.warmup_steps} steps pays for",
                "resume with the utd and warmup_steps that it had, or begin a new run with --init-from",
            )

    def ready(self) -> bool:
        """Whether the credit covers a call."""
        return self.credit >= self.config.call_updates

    def spend(self) -> None:
        """Account for one call. Raises ValueError when the credit does not cover it."""
        if not self.ready():
            raise ValueError(f"a call of {self.config.call_updates} updates, with credit for {self.credit}")
        self.updates += self.config.call_updates

    def to_dict(self) -> dict[str, int | float]:
        """Plain numbers from which it can be made again."""
        return {
            "training_steps": self.training_steps,
            "updates": self.updates,
            "forfeited_numerator": self._forfeited.numerator,
            "forfeited_denominator": self._forfeited.denominator,
        }


def _require(holds: bool, cause: str, cure: str) -> None:
    if not holds:
        raise ConfigError(STAGE, cause, cure)


def require_first_call(config: RatioConfig, min_rows: int) -> None:
    """On a simulated clock the actor waits for the first call: it must be possible before that.

    Raises:
        ConfigError: the call needs more transitions than the actor makes before it waits.
    """
    steps = config.warmup_steps + config.max_lead_steps
    _require(
        config.clock == "wall" or steps > min_rows,
        f"the first call needs {min_rows} transitions, but the actor waits after {steps} steps",
        f"set warmup_steps to at least {min_rows}, or min_rows below {steps}",
    )
