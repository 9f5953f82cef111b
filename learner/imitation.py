"""Initialisation of the policy by cloning the demonstrations, before the first critic update."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.replay.batch import TransitionBatch
from shared.errors import ConfigError

log = logging.getLogger(__name__)

Batches = Callable[[int, int], TransitionBatch]
"""(index, U) to the index-th batch of U minibatches of demonstrated steps."""


@dataclass(frozen=True, kw_only=True)
class ImitationConfig:
    """Cloning before training. It is counted apart from critic updates."""

    updates: int = 1000
    """Cloning updates, where there are demonstrations; 0 for none."""
    updates_per_call: int = 50
    """Of these in one call."""

    def __post_init__(self) -> None:
        if self.updates < 0 or self.updates_per_call < 1:
            raise ConfigError(
                "imitation",
                f"updates is {self.updates} and updates_per_call {self.updates_per_call}",
                "keep updates at least 0 and updates_per_call at least 1",
            )

    @property
    def calls(self) -> int:
        """Calls that make at least `updates`."""
        return -(-self.updates // self.updates_per_call)


def imitate(agent: SAC, state: SACState, batches: Batches, config: ImitationConfig) -> tuple[SACState, int]:
    """The state after cloning, and how many updates that took. `state` is donated."""
    metrics = {}
    for index in range(config.calls):
        state, metrics = agent.imitate(state, batches(index, config.updates_per_call))
    updates = config.calls * config.updates_per_call
    if metrics:
        error = float(metrics["demo_action_error"])
        log.info("cloned the demonstrations in %d updates; squared error of the action %.3g", updates, error)
    return state, updates
