"""No reward: episodes end by their time limit, and whoever trains decides what they were worth."""

from actor.rewards.base import StepResult, Verdict
from shared.step import Observation, Why


class NoReward:
    """Rewards nothing; success ends nothing, and is only counted, as evaluation wants to know it.

    A step is sent with a reward of 0 whatever it led to, so nothing that trains learns of successes.
    """

    judges_alone = True

    def __init__(self) -> None:
        self._done = False

    def begin(self, observation: Observation) -> None:
        """Nothing is done yet."""
        self._done = False

    def judge(self, result: StepResult) -> Verdict:
        """0; success from the first time on that the environment says so."""
        self._done |= bool(result.info.get("success", result.info.get("is_success", False)))
        if not (result.terminated or result.truncated):
            return Verdict(reward=0.0, success=self._done)
        stated = Why(result.info.get("why") or Why.TIME_LIMIT)
        if stated is Why.FAILURE:
            return Verdict(reward=0.0, terminated=True, why=stated, success=False)
        why = Why.TIME_LIMIT if stated is Why.SUCCESS else stated
        return Verdict(reward=0.0, truncated=True, why=why, success=self._done)
