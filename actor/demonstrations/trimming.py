"""Trimming: an episode without the steps at rest at its start and its end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from actor.demonstrations.findings import at_rest
from shared.interface import InterfaceSpec
from shared.step import Step, Why


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """What is left of an episode, how many steps went, and what was done with its last step."""

    steps: Sequence[Step]
    cut_before: int
    cut_after: int
    last: str


def trim(steps: Sequence[Step], interface: InterfaceSpec, *, below: float, margin: int) -> Trimmed:
    """Cut the steps at rest before the first motion and after the last one.

    The step that becomes the last one ends the episode: what followed it becomes its final observation. Where
    the world had ended (success, failure), the reward and the ending of the old last step go to it, for
    nothing moved in between. Where only the recording had ended, it keeps its own reward and is truncated.

    Args:
        below: elements of a motion smaller than this are none.
        margin: steps at rest that stay at either end.
    """
    resting = at_rest(steps, interface, below)
    moving = [number for number, still in enumerate(resting) if not still]
    if not moving:
        return Trimmed(steps=steps, cut_before=0, cut_after=0, last="nothing moves in it: left as it is")
    first = max(0, moving[0] - margin)
    end = min(len(steps), moving[-1] + 1 + margin)
    if end == len(steps) or not steps[-1].last:
        return Trimmed(steps=steps[first:], cut_before=first, cut_after=0, last="the last step stays")
    last, what = _ended(steps[end - 1], steps[end], steps[-1])
    kept = [*steps[first : end - 1], last]
    return Trimmed(steps=kept, cut_before=first, cut_after=len(steps) - end, last=what)


def _ended(step: Step, following: Step, old: Step) -> tuple[Step, str]:
    if old.terminated:
        ended = replace(
            step,
            reward=old.reward,
            reward_terms=old.reward_terms,
            terminated=True,
            why=old.why,
            final_observation=following.observation,
        )
        return ended, f"the new last step takes over reward {old.reward:g} and the end by {old.why}"
    ended = replace(step, truncated=True, why=_truncation(old), final_observation=following.observation)
    return ended, f"the new last step keeps its reward {step.reward:g} and is truncated"


def _truncation(old: Step) -> Why:
    """Why the recording ends here: a fault came later than what is kept."""
    return Why.OPERATOR_ABORT if old.why in (None, Why.FAULT) else old.why
