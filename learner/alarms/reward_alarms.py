"""Alarms about rewards and values."""

from learner.alarms.base import Finding, Scale
from learner.alarms.history import History

NO_REWARD = Scale(
    name="no_reward",
    warn=20,
    alarm=50,
    what="episodes of practice without any reward",
    next_step="let a person judge one obvious success (--reward operator) or look at the classifier's "
    "scores; record demonstrations; begin nearer to the goal",
)
Q_OUT_OF_BOUNDS = Scale(
    name="q_out_of_bounds",
    warn=0.05,
    alarm=0.25,
    what="mean Q outside of the attainable returns, by their span",
    next_step="the critics diverge: lower the learning rate or UTD, take more critics or their minimum, and "
    "see that time limits do not end as failures and that each episode's last step is marked right",
)
DONE_AT_START = Scale(
    name="done_at_start",
    warn=0.001,
    alarm=0.2,
    what="share of starts at which the task is done before anybody acts",
    next_step="look at what judges: a classifier that sees the wrong camera, or a success that is too wide; "
    "then at the reset",
)
Q_METRICS = ("q_mean", "q_policy")
ROWS = 5


def no_reward(history: History) -> Finding:
    """Whether practice ever earned anything: a policy that never does has nothing to learn from."""
    if history.newest("rewards_replaced"):
        return NO_REWARD.unknown("rewards come from goal images: vice_passed tells how many")
    episodes, high = history.newest("practice_episodes"), history.newest("reward_high")
    low, successes = history.newest("reward_low"), history.newest("practice_successes") or 0.0
    if episodes is None or high is None or low is None:
        return NO_REWARD.unknown("no episode of practice is there yet")
    told = f"{successes:.0f} successes in {episodes:.0f} episodes of practice, rewards {low:g} to {high:g}"
    if successes or high > max(low, 0.0) or high > low:
        return NO_REWARD.fine(told)
    return NO_REWARD.judge(episodes, told)


def q_out_of_bounds(history: History) -> Finding:
    """Whether the critics believe in more, or less, than any behaviour could earn."""
    low, high = history.newest("return_low"), history.newest("return_high")
    means = {name: sum(seen) / len(seen) for name in Q_METRICS if (seen := history.recent(name, ROWS))}
    if low is None or high is None or not means:
        return Q_OUT_OF_BOUNDS.unknown("there are no values, or no rewards to bound them by")
    span = max(high - low, 1e-6)
    excess = {name: max(q - high, low - q, 0.0) / span for name, q in means.items()}
    worst = max(excess, key=lambda name: excess[name])
    return Q_OUT_OF_BOUNDS.judge(
        excess[worst], f"{worst} is {means[worst]:.3g}; what can be earned lies in {low:.3g} to {high:.3g}"
    )


def done_at_start(history: History) -> Finding:
    """Whether success is there already when an episode begins."""
    seen = history.newest("training/done_at_start")
    left_out, counted = history.newest("evaluation/done_at_start"), history.newest("evaluation/episodes")
    shares = [] if seen is None else [seen]
    if left_out is not None and counted is not None and left_out + counted:
        shares.append(left_out / (left_out + counted))
    if not shares:
        return DONE_AT_START.unknown("no actor reported yet")
    return DONE_AT_START.judge(max(shares), f"{max(shares):.0%} of the newest starts")
