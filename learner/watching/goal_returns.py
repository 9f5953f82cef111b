"""Goal returns: what can be earned where goal images decide, and the recorded rewards say nothing of it."""

import math

from learner.agents.config import SACConfig
from learner.agents.vice import LOWEST_LOG_PROBABILITY


def goal_returns(agent: SACConfig) -> tuple[float, float] | None:
    """The least and the most discounted return by VICE's rewards; None where it is off."""
    if not agent.vice.enabled:
        return None
    for_ever = 1.0 / (1.0 - agent.discount) if agent.discount < 1 else math.inf
    if agent.vice.reward == "log_probability":
        return LOWEST_LOG_PROBABILITY * for_ever, 0.0
    return 0.0, 1.0 if agent.vice.ends else for_ever
