"""All alarms, and asking them."""

from collections.abc import Sequence

from learner.alarms.base import Alarm, Finding, Level
from learner.alarms.drift_alarms import classifier_drift, denied_successes, picture_drift, starts_far
from learner.alarms.flow_alarms import policy_age, stale_data, utd_not_met
from learner.alarms.help_alarms import driven_to_success, intervention_share
from learner.alarms.history import History
from learner.alarms.policy_alarms import entropy_collapse, saturated_actions
from learner.alarms.reward_alarms import done_at_start, no_reward, q_out_of_bounds

ALARMS: tuple[Alarm, ...] = (
    no_reward,
    done_at_start,
    starts_far,
    picture_drift,
    classifier_drift,
    denied_successes,
    intervention_share,
    driven_to_success,
    q_out_of_bounds,
    saturated_actions,
    entropy_collapse,
    stale_data,
    utd_not_met,
    policy_age,
)
"""In the order in which to look: who judges, where it begins, what is seen, who helps, what is learned."""


def diagnose(history: History) -> list[Finding]:
    """What every alarm says now."""
    return [alarm(history) for alarm in ALARMS]


def speaking(findings: Sequence[Finding]) -> list[Finding]:
    """Those with something to do, alarms before warnings."""
    return sorted((f for f in findings if f.speaks), key=lambda f: f.level is not Level.ALARM)
