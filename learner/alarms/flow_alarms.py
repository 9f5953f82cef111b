"""Alarms about what flows: steps to the learner, updates out of them, policies back."""

from learner.alarms.base import Finding, Scale
from learner.alarms.history import History

STALE_DATA = Scale(
    name="stale_data",
    warn=60,
    alarm=300,
    what="seconds without a new training step",
    next_step="see what the actor says: it may hold, evaluate, wait for a person or be out of reach",
)
UTD_NOT_MET = Scale(
    name="utd_not_met",
    warn=0.9,
    alarm=0.5,
    what="updates a step, of those asked for",
    next_step="the learner is too slow: a GPU, a smaller batch or network, fewer critics, or a lower --utd",
)
POLICY_AGE = Scale(
    name="policy_age",
    warn=10,
    alarm=60,
    what="median seconds since the acting policy was made",
    next_step="see the link (handson check), how often policies are published, and the learner's updates/s",
)
SETTLED_STEPS = 200
REPORTS = 3


def stale_data(history: History) -> Finding:
    """Whether practice goes on at all."""
    if history.grew_at is None:
        return STALE_DATA.unknown("no training step has come yet")
    age = history.now - history.grew_at
    actors = history.newest("actors")
    connected = "" if actors is None else f", {actors:.0f} actors are connected"
    return STALE_DATA.judge(age, f"{age:.0f} s since step {history.env_steps:,} came{connected}")


def utd_not_met(history: History) -> Finding:
    """Whether the learner makes the updates that it was asked for."""
    target, points = history.newest("utd_target"), history.points("utd_actual")
    left = history.points("warmup_left")
    warm = next((point.env_steps for point in left if not point.value), None)
    if not target or not points or warm is None or history.env_steps - warm < SETTLED_STEPS:
        return UTD_NOT_MET.unknown(f"fewer than {SETTLED_STEPS} steps since the warm-up")
    made, forfeited = points[-1].value, history.newest("updates_forfeited") or 0.0
    told = f"{made:.2f} of {target:g} updates a step, {forfeited:,.0f} forfeited"
    return UTD_NOT_MET.judge(made / target, told)


def policy_age(history: History) -> Finding:
    """Whether actors act by what the learner knows now."""
    ages = sorted(history.recent("actor/policy_age_seconds", REPORTS))
    if history.newest("warmup_left"):
        return POLICY_AGE.unknown("warming up: nothing is trained yet")
    if not ages:
        return POLICY_AGE.unknown("no actor acts by a policy")
    age = ages[len(ages) // 2]
    return POLICY_AGE.judge(age, f"{age:.1f} s")
