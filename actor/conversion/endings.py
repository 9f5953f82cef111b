"""How an episode ends whose file does not hold the observation after its last step."""

from collections.abc import Sequence
from dataclasses import replace

from actor.conversion.account import Account
from actor.conversion.found import ReadingConfig
from shared.step import Observation, Step, Why

TOPIC = "last steps"


def ended(
    steps: Sequence[Step],
    final: Observation | None,
    terminated: bool,
    rewarded: bool,
    config: ReadingConfig,
    account: Account,
) -> tuple[Step, ...]:
    """The steps with an end, for learning never to go on from an observation that nobody saw.

    After a step that terminates nothing counts, so where its final observation is missing the one before
    stands for it. A truncated episode goes on in what its critic expects: there the last observation becomes
    the final one, and the last action is left out.

    Args:
        steps: without an end.
        final: what was observed after the last, where the file has it.
        terminated: whether the file says that the world ended.
        rewarded: whether the last step was rewarded.
        config: what an end without a reward was.
        account: is told.
    """
    why = Why.SUCCESS if rewarded else Why.FAILURE
    if terminated and not rewarded and config.unrewarded_end == "time_limit":
        account.count(TOPIC, "an end without a reward: truncated, unless --unrewarded-end says failure")
        terminated = False
    if terminated:
        account.count(TOPIC, f"terminated, {why.value}")
        if final is None:
            account.count(TOPIC, "no observation after it in the file; the one before stands for it")
        last = replace(steps[-1], terminated=True, why=why, final_observation=final or steps[-1].observation)
        return (*steps[:-1], last)
    account.count(TOPIC, "truncated")
    if final is None and len(steps) > 1:
        account.count(TOPIC, "no observation after it in the file: the last action was left out")
        steps, final = steps[:-1], steps[-1].observation
    return (*steps[:-1], replace(steps[-1], truncated=True, why=Why.TIME_LIMIT, final_observation=final))
