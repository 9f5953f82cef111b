"""EpisodeOutcome: how one episode went, and the tally that leads to it."""

from dataclasses import dataclass, replace

from actor.rewards.base import Verdict
from actor.spans import Span, spans_of
from shared.errors import ObservationError, SpoolFull
from shared.step import Source, Step, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeOutcome:
    """How one episode went.

    Attributes:
        start_seed: what the environment was reset with.
        length: steps made.
        episode_return: undiscounted sum of rewards.
        success: whether the task was done in the last state.
        why: how it ended.
        done_at_start: whether the task was done already before anybody acted.
        interventions: what somebody else than the policy drove; a success without any is the policy's own.
        fault: what broke it, where something did.
        unkept: its last step, made ready to be kept, where there was no room for it.
        last_reward: the reward of its last step, which a later verdict replaces.
    """

    start_seed: int
    length: int
    episode_return: float
    success: bool
    why: Why
    done_at_start: bool = False
    interventions: tuple[Span, ...] = ()
    fault: ObservationError | SpoolFull | None = None
    unkept: Step | None = None
    last_reward: float = 0.0

    def overruled(self, verdict: Verdict) -> "EpisodeOutcome":
        """The same with a later verdict on its last step."""
        return replace(
            self,
            success=verdict.success,
            why=verdict.why or self.why,
            episode_return=self.episode_return + verdict.reward - self.last_reward,
            last_reward=verdict.reward,
        )


class Tally:
    """The running sums of one episode."""

    def __init__(self, start_seed: int) -> None:
        self.done_at_start = False
        self._sources: list[Source] = []
        self._start_seed = start_seed
        self._return = self._newest_reward = 0.0
        self._success = False

    @property
    def length(self) -> int:
        """Steps so far."""
        return len(self._sources)

    def add(self, step: Step, success: bool) -> None:
        """One more step, and whether the task is done after it."""
        self._sources.append(step.source)
        self._return += step.reward
        self._newest_reward = step.reward
        self._success = success

    def corrected(self, verdict: Verdict) -> EpisodeOutcome:
        """It ended with the newest step, as was said since."""
        self._return += verdict.reward - self._newest_reward
        self._newest_reward = verdict.reward
        self._success = verdict.success
        return self.outcome(verdict.why or Why.OPERATOR_ABORT)

    def outcome(
        self, why: Why, fault: ObservationError | SpoolFull | None = None, unkept: Step | None = None
    ) -> EpisodeOutcome:
        """It ended, by this."""
        return EpisodeOutcome(
            start_seed=self._start_seed,
            length=self.length,
            episode_return=self._return,
            success=self._success and not isinstance(fault, ObservationError),
            why=why,
            done_at_start=self.done_at_start,
            interventions=spans_of(self._sources),
            fault=fault,
            unkept=unkept,
            last_reward=self._newest_reward,
        )
