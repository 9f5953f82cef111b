"""Alarms about the policy: what it asks for, and how much it still tries."""

from learner.alarms.base import Finding, Scale
from learner.alarms.history import History

SATURATED_ACTIONS = Scale(
    name="saturated_actions",
    warn=0.8,
    alarm=0.95,
    what="share of the policy's motion at its limits",
    next_step="raise the task's translation and rotation limits if demonstrations are saturated too; else "
    "look at q_out_of_bounds, and raise the temperature's target entropy",
)
ENTROPY_COLLAPSE = Scale(
    name="entropy_collapse",
    warn=0.5,
    alarm=1.5,
    what="entropy below its target, nats per element of motion",
    next_step="the policy no longer tries anything: see that alpha is learned and grows, raise its learning "
    "rate, and lower the weight of cloning",
)
FEWEST_STEPS = 200
ROWS = 10


def saturated_actions(history: History) -> Finding:
    """Whether the policy bangs from limit to limit."""
    share, steps = history.newest("actions/saturated_share"), history.newest("actions/steps")
    if share is None or steps is None or steps < FEWEST_STEPS:
        return SATURATED_ACTIONS.unknown(f"the policy made fewer than {FEWEST_STEPS} steps")
    return SATURATED_ACTIONS.judge(share, f"{share:.0%} over its last {steps:.0f} steps")


def entropy_collapse(history: History) -> Finding:
    """Whether the policy has become certain before it is good."""
    entropies, target = history.recent("entropy", ROWS), history.newest("entropy_target")
    size = history.newest("motion_size")
    if not entropies or target is None or not size:
        return ENTROPY_COLLAPSE.unknown("the agent reports no entropy")
    entropy = sum(entropies) / len(entropies)
    alpha = history.newest("alpha")
    told = f"entropy {entropy:.2f}, target {target:.2f}, {size:.0f} elements"
    return ENTROPY_COLLAPSE.judge(
        (target - entropy) / size, told if alpha is None else f"{told}, alpha {alpha:.2g}"
    )
