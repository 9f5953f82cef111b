"""The reward that a person gives: success or failure by a key, for tasks that only a person can judge."""

from actor.rewards.base import StepResult, Verdict
from actor.rewards.environment import EnvironmentReward
from shared.step import Observation, Why


class OperatorReward:
    """1 and the end on success, 0 and the end on failure, 0 at any other step.

    What the environment thinks of its state is left out, but for an ending: where it terminated by itself
    and the operator said nothing, its word stands, and a truncation stays one.
    """

    def __init__(self) -> None:
        self._environment = EnvironmentReward()
        self._label: bool | None = None

    def label(self, success: bool) -> None:
        """The step in progress succeeded, or failed; any thread."""
        self._label = success

    def begin(self, observation: Observation) -> None:
        """What was said before this episode is forgotten."""
        self._label = None

    def judge(self, result: StepResult) -> Verdict:
        """The operator's word, taken once."""
        said, self._label = self._label, None
        if said is not None:
            reward = float(said)
            why = Why.SUCCESS if said else Why.FAILURE
            return Verdict(reward=reward, terms={"operator": reward}, terminated=True, why=why, success=said)
        verdict = self._environment.judge(result)
        if verdict.terminated:
            return verdict
        return Verdict(reward=0.0, terms={"operator": 0.0}, truncated=verdict.truncated, why=verdict.why)
