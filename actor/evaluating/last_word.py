"""The last word on an episode that a person judges and that came to its end before they said anything."""

import math
from dataclasses import replace

from actor.late_labels import LATE_SECONDS
from actor.operating.robot_operator import Operator
from actor.rewards.base import LabelledReward, Verdict
from actor.rollout import EpisodeOutcome
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


def judged(
    outcome: EpisodeOutcome, row: EvaluatedEpisode, verdict: Verdict
) -> tuple[EpisodeOutcome, EvaluatedEpisode]:
    """Both with what was said in the end."""
    ended = outcome.overruled(verdict)
    return ended, replace(row, success=ended.success, why=ended.why, episode_return=ended.episode_return)
