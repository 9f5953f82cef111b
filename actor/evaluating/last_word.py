"""The last word on an episode that a person judges and that came to its end before they said anything."""

import math
from collections.abc import Callable
from dataclasses import replace

from actor.late_labels import LATE_SECONDS
from actor.operating.denying import MEANING
from actor.operating.robot_operator import Operator
from actor.outcome import EpisodeOutcome
from actor.rewards.base import DeniedReward, LabelledReward, Verdict
from actor.scoring import EvaluatedEpisode
from actor.stop import StopSignal
from actor.world import World
from shared.step import Why

TURN_SECONDS = 0.1
UNJUDGED = (Why.TIME_LIMIT, Why.OPERATOR_ABORT)


def last_word(world: World, operator: Operator, stop: StopSignal, outcome: EpisodeOutcome) -> Verdict | None:
    """Hold the arm and wait for success or failure, some seconds long; None where nobody says so."""
    judge = world.judge
    if not (isinstance(judge, LabelledReward) and operator.present and outcome.length):
        return None
    if outcome.why not in UNJUDGED or stop.cause is not None:
        return None
    operator.call(f"it is over: s or f within {LATE_SECONDS:g} s, else it counts as no success")
    for _ in range(round(LATE_SECONDS / TURN_SECONDS)):
        if (verdict := judge.late(math.inf)) is not None:
            return verdict
        world.rollout.hold()
        if stop.wait(TURN_SECONDS) is not None:
            break
    return None


def second_thoughts(world: World, operator: Operator, stop: StopSignal, idle: Callable[[], None]) -> None:
    """Give a person the time to deny that the last episode was a success, where who judges may err."""
    if not (isinstance(world.judge, DeniedReward) and operator.present and stop.cause is None):
        return
    operator.call(f"that was the last one; within {LATE_SECONDS:g} s: {MEANING}")
    for _ in range(round(LATE_SECONDS / TURN_SECONDS)):
        if stop.wait(TURN_SECONDS) is not None:
            break
        idle()


def judged(
    outcome: EpisodeOutcome, row: EvaluatedEpisode, verdict: Verdict
) -> tuple[EpisodeOutcome, EvaluatedEpisode]:
    """Both with what was said in the end."""
    ended = outcome.overruled(verdict)
    return ended, replace(row, success=ended.success, why=ended.why, episode_return=ended.episode_return)
