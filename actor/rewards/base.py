"""The protocol of reward models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from actor.rewards.judging import JudgingConfig
from actor.samples import Samples
from shared.interface import InterfaceSpec
from shared.step import Observation, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What an environment returned for one action.

    Attributes:
        observation: entries as the InterfaceSpec declares.
        reward: the environment's own reward, finite.
        terminated, truncated: in Gymnasium's sense.
        info: `success`, `why`, `reward_terms`, `executed_command`, `limited_by` where the environment knows
            them.
    """

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a step was worth, and whether the episode ended with it.

    Attributes:
        reward: the sum that trains.
        terms: its named parts.
        terminated, truncated: never both; a world that ended did not merely stop being recorded.
        why: set exactly when one of them is.
        success: whether the task is done in this state.
        of_the_step_before: whether it is a person's word about the step before: the episode ended with that
            one, and what was done since is no part of it.
    """

    reward: float
    terms: dict[str, float] = field(default_factory=dict[str, float])
    terminated: bool = False
    truncated: bool = False
    why: Why | None = None
    success: bool = False
    of_the_step_before: bool = False


class RewardModel(Protocol):
    """Judges each step of an episode once, in order, on the control thread; so it never waits."""

    def begin(self, observation: Observation) -> None:
        """An episode starts with this observation."""
        ...

    def judge(self, result: StepResult) -> Verdict:
        """The verdict on the step that led to `result`."""
        ...


@runtime_checkable
class LabelledReward(RewardModel, Protocol):
    """A reward model that a person tells what became of the episode."""

    def label(self, success: bool, at_seconds: float | None = None) -> None:
        """Success or failure, any thread; `at_seconds` is when the key was pressed, if not just now."""
        ...

    def late(self, within_seconds: float) -> Verdict | None:
        """What was said since the last step was judged, taken once; None where that is longer ago."""
        ...


@runtime_checkable
class DeniedReward(RewardModel, Protocol):
    """A reward model that may err, so that a person can take its last success back.

    Attributes:
        judging_seconds: how long each verdict took.
        successes, denials: how many episodes it called a success, and how many of these a person did not.
        success_seconds: when it called one a success last, monotonic; -inf before the first.
    """

    judging_seconds: Samples
    successes: int
    denials: int
    success_seconds: float

    @property
    def identity(self) -> str:
        """What judges, for summaries and episode files."""
        ...

    def deny(self) -> str:
        """What was taken for success last was none; any thread. Returns what becomes of it, in words."""
        ...

    def denied(self) -> int | None:
        """Which success was denied, by its number from 1 on, each said once; None for none."""
        ...


@runtime_checkable
class JudgesAlone(RewardModel, Protocol):
    """A reward model that the environment's own idea of success does not concern: episodes go on past it."""

    judges_alone: bool


@runtime_checkable
class SeesSuccess(RewardModel, Protocol):
    """A reward model that can tell of one observation whether the task looks done."""

    def done(self, observation: Observation) -> bool:
        """Whether it does; nothing is remembered."""
        ...


@runtime_checkable
class FittedReward(Protocol):
    """A kind of reward model that is made for one world, with settings."""

    def for_world(self, interface: InterfaceSpec, config: JudgingConfig) -> RewardModel:
        """The model; raises HandsOnError where it does not fit this world."""
        ...


@runtime_checkable
class ClosedReward(RewardModel, Protocol):
    """A reward model that holds something to give back."""

    def close(self) -> None:
        """Give it back; harmless twice."""
        ...


def name_of(judge: RewardModel) -> str:
    """Which classifiers judge; empty where none does."""
    return judge.identity if isinstance(judge, DeniedReward) else ""
