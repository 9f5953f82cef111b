"""Findings: what is wrong with an episode, what is odd about it, and what it consists of."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.demonstrations.loading import Numbered
from shared.episodes import Episode
from shared.interface import InterfaceSpec
from shared.step import Observation, Step, Why

SATURATED = 0.99
"""An action element from here on is at its limit."""
STILL = 0.02
"""A motion whose elements are all below this is none."""
MOSTLY = 0.5
"""Share of the steps from which on something is worth a note."""
DARK, FLAT = 8.0, 2.0
"""Mean brightness, and spread over pixels, of 255, below which a picture shows nothing."""
TERMINATING = (Why.SUCCESS, Why.FAILURE)
"""The other reasons truncate."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """One episode, looked at.

    Attributes:
        wrong: what a learner would learn falsely from, or cannot use.
        notes: what a person may want to look at.
        digest: equal for episodes that say the same.
    """

    number: int
    kind: str
    length: int
    episode_return: float
    why: str
    terminated: bool
    sources: dict[str, int]
    saturated: float
    still: float
    start_seed: int | None
    images: dict[str, dict[str, float]]
    wrong: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    digest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self)


def look_at(numbered: Numbered, interface: InterfaceSpec) -> Findings:
    """Everything about one episode that it tells by itself."""
    episode = numbered.episode
    steps = [record.step for record in episode.steps]
    seen = [step.observation for step in steps]
    actions = np.stack([step.chosen_action for step in steps])
    saturated = float((np.abs(actions) >= SATURATED)[:, motion(interface)].any(1).mean())
    still = float(at_rest(steps, interface).mean())
    images = {e.name: _image(seen, e.name) for e in interface.observations if e.is_image}
    return Findings(
        number=numbered.number,
        kind=episode.kind,
        length=len(steps),
        episode_return=math.fsum(step.reward for step in steps),
        why=str(steps[-1].why or "no end"),
        terminated=steps[-1].terminated,
        sources=dict(Counter(str(step.source) for step in steps)),
        saturated=saturated,
        still=still,
        start_seed=numbered.start_seed,
        images=images,
        wrong=[*_gaps(episode), *_endings(steps), *_numbers(steps)],
        notes=[*_motion_notes(saturated, still), *_reward_notes(steps), *_image_notes(images)],
        digest=_digest(steps),
    )


def motion(interface: InterfaceSpec) -> NDArray[np.bool_]:
    """(A,): the action's elements that move the arm, not those that tell the gripper its state."""
    return np.array([entry.name != "gripper" for entry in interface.actions for _ in range(entry.size)])


def at_rest(steps: Sequence[Step], interface: InterfaceSpec, below: float = STILL) -> NDArray[np.bool_]:
    """(steps,): whether a step neither moves the arm nor tells the gripper something new."""
    actions = np.stack([step.chosen_action for step in steps])
    moving = motion(interface)
    still = (np.abs(actions[:, moving]) < below).all(1)
    told = np.sign(actions[:, ~moving])
    same = np.ones(len(steps), np.bool_)
    same[1:] = (told[1:] == told[:-1]).all(1)
    return still & same


def repeated(findings: Sequence[Findings]) -> list[tuple[int, int]]:
    """Pairs of episodes, the later one second, that say the same."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(one.digest, one.number), one.number) for one in findings]
    return [(earlier, later) for earlier, later in pairs if earlier != later]


def _gaps(episode: Episode) -> list[str]:
    numbers = [record.identity.step for record in episode.steps]
    found: list[str] = []
    if numbers[0] != 0:
        found.append(f"begins with step {numbers[0]}")
    missing = [f"{a + 1} to {b - 1}" for a, b in pairwise(numbers) if b != a + 1]
    if missing:
        found.append(f"steps are missing: {', '.join(missing)}")
    return found


def _endings(steps: Sequence[Step]) -> list[str]:
    last, found = steps[-1], list[str]()
    if ended := [number for number, step in enumerate(steps[:-1]) if step.last]:
        found.append(f"goes on after its end at step {ended[0]}")
    if not last.last:
        return [*found, "has no end"]
    if any(step.terminated and step.truncated for step in steps):
        found.append("is terminated and truncated at once")
    if last.why is None or (last.why in TERMINATING) is not last.terminated:
        found.append(f"ends by {last.why}, terminated is {last.terminated}")
    if last.truncated and last.final_observation is None and last.why is not Why.FAULT:
        found.append("is truncated, and nothing tells what its last step led to")
    return found


def _numbers(steps: Sequence[Step]) -> list[str]:
    values = [
        *(step.chosen_action for step in steps),
        *(entry for step in steps for entry in step.observation.values() if entry.dtype.kind == "f"),
        np.array([step.reward for step in steps]),
    ]
    bad = sum(not bool(np.isfinite(value).all()) for value in values)
    beyond = sum(bool((np.abs(step.chosen_action) > 1.0).any()) for step in steps)
    return [
        *([f"{bad} of its values are not finite"] if bad else []),
        *([f"{beyond} actions are beyond [-1, 1]"] if beyond else []),
    ]


def _motion_notes(saturated: float, still: float) -> list[str]:
    return [
        *([f"{saturated:.0%} of its actions are at their limit"] if saturated > MOSTLY else []),
        *([f"{still:.0%} of its steps are at rest"] if still > MOSTLY else []),
    ]


def _reward_notes(steps: Sequence[Step]) -> list[str]:
    """Success that is rewarded more than once teaches to put off the end."""
    rewarded = sum(step.reward > 0.0 for step in steps)
    if steps[-1].why is not Why.SUCCESS or rewarded < 2 or min(step.reward for step in steps) < 0.0:
        return []
    return [
        f"{rewarded} of its {len(steps)} steps are rewarded: fine where rewards are dense, wrong where sparse"
    ]


def _image(seen: Sequence[Observation], name: str) -> dict[str, float]:
    """Mean brightness, spread over the pixels of a picture, and the share of pictures that repeat."""
    pictures = [observation[name] for observation in seen]
    same = [bool(np.array_equal(a, b)) for a, b in pairwise(pictures)]
    return {
        "mean": float(np.mean([picture.mean() for picture in pictures])),
        "spread": float(np.mean([picture.std() for picture in pictures])),
        "repeated": float(np.mean(same)) if same else 0.0,
    }


def _image_notes(images: dict[str, dict[str, float]]) -> list[str]:
    notes: list[str] = []
    for name, image in images.items():
        if image["mean"] < DARK or image["spread"] < FLAT:
            notes.append(f"{name} shows nothing")
        if image["repeated"] > MOSTLY:
            notes.append(f"{image['repeated']:.0%} of the pictures of {name} repeat the one before")
    return notes


def _digest(steps: Sequence[Step]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for step in steps:
        for value in (step.chosen_action, *step.observation.values()):
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
