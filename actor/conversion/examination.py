"""What is silently wrong with demonstrations, found before they teach anything."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from actor.conversion.account import Account
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Step

TOLERANCE = 1e-3
FROZEN_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class ExaminationConfig:
    """What is let through."""

    clip_actions: bool = False
    """Bring actions beyond [-1, 1] back to it, and count them, instead of refusing them."""
    skip_bad: bool = False
    """Leave out whole episodes with something wrong in them, and say why, instead of refusing the file."""


class BadEpisode(ConfigError):
    """Something in an episode is wrong."""


def examined(
    steps: tuple[Step, ...], interface: InterfaceSpec, config: ExaminationConfig, account: Account, name: str
) -> tuple[Step, ...]:
    """The steps, actions within [-1, 1].

    Raises:
        BadEpisode: naming the first step and what is wrong with it.
    """
    if not steps:
        raise BadEpisode(name, "has no steps", "leave it out: --skip-bad")
    for number, step in enumerate(steps):
        if (fault := _fault(step, interface, config, last=number == len(steps) - 1)) is not None:
            cause, cure = fault
            raise BadEpisode(f"{name}, step {number}", cause, f"{cure}, or leave its episode out: --skip-bad")
    _notice_frozen_cameras(steps, interface, account)
    beyond = sum(float(np.abs(step.chosen_action).max()) > 1.0 + TOLERANCE for step in steps)
    account.count("actions", "steps whose action was clipped to [-1, 1]", beyond)
    return tuple(_clipped(step) for step in steps)


def _fault(
    step: Step, interface: InterfaceSpec, config: ExaminationConfig, *, last: bool
) -> tuple[str, str] | None:
    for action in _actions(step):
        if action.shape != (interface.action_size,) or not np.isfinite(action).all():
            return f"its action {action} is not {interface.action_size} finite numbers", "mend the file"
        if not config.clip_actions and float(np.abs(action).max(initial=0.0)) > 1.0 + TOLERANCE:
            return (
                f"its action {np.round(action, 3)} is beyond [-1, 1]",
                "say what its bounds mean by --action-low and --action-high, clip it by --clip-actions",
            )
    if not np.isfinite([step.reward, *step.reward_terms.values()]).all():
        return f"its reward is {step.reward}", "mend the file"
    if step.last and not last:
        return "it is marked as the last, and others follow", "mend the file"
    for observation in (step.observation, step.final_observation):
        if observation is not None and (fault := _observation_fault(observation, interface)) is not None:
            return fault
    return None


def _observation_fault(observation: Observation, interface: InterfaceSpec) -> tuple[str, str] | None:
    for entry in interface.observations:
        array = observation.get(entry.name)
        if array is None or array.shape != entry.shape or array.dtype != np.dtype(entry.dtype):
            found = "missing" if array is None else f"{array.dtype}{list(array.shape)}"
            return f"{entry.name!r} is {found}, not {entry.dtype}{list(entry.shape)}", "mend the file"
        if not entry.is_image and not np.isfinite(array).all():
            return f"{entry.name!r} is not finite: {array}", "mend the file"
        if entry.is_image and not array.any():
            return f"the picture {entry.name!r} is black throughout: its camera had failed", "mend the file"
    return None


def _notice_frozen_cameras(steps: tuple[Step, ...], interface: InterfaceSpec, account: Account) -> None:
    if len(steps) < FROZEN_STEPS:
        return
    for entry in interface.observations:
        first = steps[0].observation[entry.name]
        if entry.is_image and all(np.array_equal(first, step.observation[entry.name]) for step in steps):
            account.count("suspicious", f"episodes in which the picture {entry.name!r} never changes")


def _actions(step: Step) -> Iterator[Action]:
    for action in (step.chosen_action, step.policy_action, step.human_action):
        if action is not None:
            yield action


def _clipped(step: Step) -> Step:
    if all(float(np.abs(action).max(initial=0.0)) <= 1.0 for action in _actions(step)):
        return step
    policy, human = step.policy_action, step.human_action
    return replace(
        step,
        chosen_action=np.clip(step.chosen_action, -1.0, 1.0),
        policy_action=None if policy is None else np.clip(policy, -1.0, 1.0),
        human_action=None if human is None else np.clip(human, -1.0, 1.0),
    )
