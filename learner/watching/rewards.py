"""Rewards: what was ever earned, and so what can be earned at most."""

import math
from dataclasses import dataclass

from shared.records import AmendRecord, Record, StepRecord
from shared.step import EpisodeKind, StepId, Why


@dataclass
class Extremes:
    """The lowest and the highest of some numbers."""

    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """One more."""
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def known(self) -> bool:
        """Whether there was any."""
        return self.low <= self.high


class Rewards:
    """Of practice, and of practice and demonstrations together.

    Args:
        discount: gamma of one step.
        returns: the least and the most that can be earned, where other rewards than those recorded are
            learned from; None goes by these.
    """

    def __init__(self, discount: float, returns: tuple[float, float] | None = None) -> None:
        self._discount, self._returns = discount, returns
        self._practice = Extremes()
        self._going_on, self._terminal = Extremes(), Extremes()
        self._episodes = 0
        self._successes: set[StepId] = set()
        self._streams: set[tuple[str, str]] = set()  # of practice

    def take(self, record: StepRecord) -> None:
        """One step."""
        step = record.step
        if not math.isfinite(step.reward):
            return
        (self._terminal if step.terminated else self._going_on).add(step.reward)
        if record.kind is EpisodeKind.DEMO:
            return
        self._practice.add(step.reward)
        self._episodes += step.last
        self._judge(record.identity, step.why)
        self._streams.add(record.identity[:2])

    def amend(self, record: Record) -> None:
        """A later word on a step: whether it is a success; what it earned before is not forgotten."""
        if not isinstance(record, AmendRecord):
            return
        practised = record.target[:2] in self._streams
        if practised:
            self._judge(record.target, record.why)
        if record.reward is not None:
            (self._terminal if record.terminated else self._going_on).add(record.reward)
            if practised:
                self._practice.add(record.reward)

    def _judge(self, target: StepId, why: Why | None) -> None:
        if why is Why.SUCCESS:
            self._successes.add(target)
        elif why is not None:
            self._successes.discard(target)

    def figures(self) -> dict[str, float]:
        """Extremes of practice, and the bounds of any discounted return."""
        successes = float(len(self._successes))
        found = {"practice_episodes": float(self._episodes), "practice_successes": successes}
        if self._practice.known:
            found |= {"reward_low": self._practice.low, "reward_high": self._practice.high}
        if self._returns is not None:
            found |= {
                "rewards_replaced": 1.0,
                "return_low": self._returns[0],
                "return_high": self._returns[1],
            }
        elif self._going_on.known or self._terminal.known:
            found |= {"return_low": self._bound(-1.0), "return_high": self._bound(1.0)}
        return found

    def _bound(self, sign: float) -> float:
        """The best (sign 1) or worst (-1) V = max(b, a + gamma V): end with b, or go on with a for ever.

        So V = max(b, a / (1 - gamma)), for a and b the best reward ever seen of a step that goes on and of
        one that ends the world. 0 stands for what was not seen.
        """
        ends = [e.high if sign > 0 else e.low for e in (self._terminal, self._going_on) if e.known]
        going_on = 0.0
        if self._going_on.known:
            going_on = sign * (self._going_on.high if sign > 0 else self._going_on.low)
        for_ever = (
            going_on / (1 - self._discount) if self._discount < 1 else math.copysign(math.inf, going_on)
        )
        if going_on == 0:
            for_ever = 0.0
        return sign * max(max(sign * end for end in ends), for_ever)
