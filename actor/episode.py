"""EpisodeRecorder: from what the control loop saw to Steps, right at the boundaries too.

Each step holds the observation that its action was chosen from, which is what the step before it returned.
The last step, and only that one, also holds what the environment returned after it (see `shared.step`).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from actor.choosers import Choice
from actor.rewards.base import StepResult, Verdict
from shared.interface import InterfaceSpec
from shared.step import Observation, Step, Why

NO_COMMAND: NDArray[np.float32] = np.zeros(0, np.float32)
"""The executed command where none is known: the environment keeps none, or failed before it could tell."""


class EpisodeRecorder:
    """Makes the steps of one episode after another; `begin` starts each."""

    def __init__(self, interface: InterfaceSpec) -> None:
        self._interface = interface
        self._observation: Observation = {}

    def begin(self, observation: Observation) -> Observation:
        """The first observation of an episode; returns the copy to choose from."""
        self._observation = self._own(observation)
        return self._observation

    def record(self, choice: Choice, result: StepResult, verdict: Verdict) -> tuple[Step, Observation]:
        """The step that led to `result`, and the observation to choose from next."""
        after = self._own(result.observation)
        step = Step(
            observation=self._observation,
            policy_action=choice.policy_action,
            human_action=choice.human_action,
            chosen_action=choice.action,
            executed_command=np.asarray(result.info.get("executed_command", NO_COMMAND), np.float32),
            source=choice.source,
            reward=verdict.reward,
            reward_terms=verdict.terms,
            terminated=verdict.terminated,
            truncated=verdict.truncated,
            why=verdict.why,
            final_observation=after if verdict.terminated or verdict.truncated else None,
        )
        self._observation = after
        return step, after

    def cut(self, step: Step, why: Why) -> Step:
        """The step just recorded, as the last one of an episode that is broken off after it."""
        return replace(step, truncated=True, why=why, final_observation=self._observation)

    def end(self, step: Step, verdict: Verdict) -> Step:
        """The step just recorded, as the last one because of what was said about it since."""
        return replace(relabelled(step, verdict), final_observation=self._observation)

    def fault(self, choice: Choice) -> Step:
        """The last step of an episode whose environment returned nothing usable for this action."""
        return Step(
            observation=self._observation,
            policy_action=choice.policy_action,
            human_action=choice.human_action,
            chosen_action=choice.action,
            executed_command=NO_COMMAND,
            source=choice.source,
            reward=0.0,
            truncated=True,
            why=Why.FAULT,
        )

    def _own(self, observation: Observation) -> Observation:
        """A copy of the declared entries, in declared order: environments may reuse their arrays."""
        return {entry.name: np.array(observation[entry.name]) for entry in self._interface.observations}


def relabelled(step: Step, verdict: Verdict) -> Step:
    """The step as a later verdict says: reward and ending at once, so that they never disagree."""
    return replace(
        step,
        reward=verdict.reward,
        reward_terms=verdict.terms,
        terminated=verdict.terminated,
        truncated=verdict.truncated,
        why=verdict.why,
    )
