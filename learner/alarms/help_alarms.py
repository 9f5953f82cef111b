"""Alarms about help: too much of it for too long, or of the kind that teaches the wrong thing."""

from learner.alarms.base import Finding, Scale
from learner.alarms.history import History

INTERVENTION_SHARE = Scale(
    name="intervention_share",
    warn=0.3,
    alarm=0.5,
    what="share of driven steps over the newest reports, after the first 2,000 training steps",
    next_step="help briefly and let go, leave every second episode alone; if the policy then gets nowhere, "
    "record more demonstrations",
)
DRIVEN_TO_SUCCESS = Scale(
    name="driven_to_success",
    warn=0.8,
    alarm=1.0,
    what="share of the helped episodes that ended in success while somebody drove",
    next_step="let go once the situation is good again, so that the policy finishes by itself",
)
EARLY_STEPS = 2000
REPORTS = 10
FEWEST_HELPED = 8


def intervention_share(history: History) -> Finding:
    """Whether a person still drives much of the time."""
    points = history.points("interventions/step_share")
    if not points:
        return INTERVENTION_SHARE.unknown("nobody may take over")
    late = [point.value for point in points if point.env_steps >= EARLY_STEPS][-REPORTS:]
    alone = history.newest("interventions/autonomous_success") or 0.0
    told = f"{points[-1].value:.0%} now; {alone:.0%} of the last 20 episodes succeeded alone"
    if len(late) < REPORTS:
        return INTERVENTION_SHARE.fine(f"{told}; early help is welcome")
    return INTERVENTION_SHARE.judge(sum(late) / len(late), f"{sum(late) / len(late):.0%} of late, {told}")


def driven_to_success(history: History) -> Finding:
    """Whether help always ends in success, which the critics then take for the policy's."""
    share = history.newest("interventions/driven_to_success")
    helped = history.newest("interventions/helped_episodes")
    if share is None or helped is None:
        return DRIVEN_TO_SUCCESS.unknown("nobody may take over")
    told = f"{share:.0%} of the {helped:.0f} helped ones among the last 20 episodes"
    if helped < FEWEST_HELPED:
        return DRIVEN_TO_SUCCESS.fine(told)
    return DRIVEN_TO_SUCCESS.judge(share, told)
