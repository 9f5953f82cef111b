"""The reward that the environment itself gives."""

from actor.rewards.base import StepResult, Verdict
from shared.step import Observation, Why


class EnvironmentReward:
    """Takes reward and ending as the environment states them.

    Where the environment does not say why an episode ended, as other Gymnasium environments do not, a
    termination is a success if `info["success"]` (or `info["is_success"]`) says so and a failure otherwise,
    and a truncation is the time limit.
    """

    def begin(self, observation: Observation) -> None:
        """Nothing is remembered between steps."""

    def judge(self, result: StepResult) -> Verdict:
        """The environment's word, with a termination outweighing a truncation in the same step."""
        info = result.info
        success = bool(info.get("success", info.get("is_success", False)))
        return Verdict(
            reward=result.reward,
            terms={name: float(value) for name, value in info.get("reward_terms", {}).items()},
            terminated=result.terminated,
            truncated=result.truncated and not result.terminated,
            why=_why(result, success) if result.terminated or result.truncated else None,
            success=success,
        )


def _why(result: StepResult, success: bool) -> Why:
    stated = result.info.get("why")
    if stated is not None:
        return Why(stated)
    if result.terminated:
        return Why.SUCCESS if success else Why.FAILURE
    return Why.TIME_LIMIT
