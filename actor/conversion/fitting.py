"""From the entries and units of a file to those of an interface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.mapping import Column
from actor.conversion.trail import Trail
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.step import Action, Step

Convert = Callable[[Trail], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class FittingConfig:
    """What is done to pictures and actions."""

    resize: bool = False
    """Resize pictures that are not of the size that --task or --like has; they are refused otherwise."""
    bgr: bool = False
    """The pictures have blue first, as OpenCV reads them; their channels are swapped."""
    action_low: tuple[float, ...] = ()
    """What -1 means for each element of the file's actions, in its units; () where they are in [-1, 1]."""
    action_high: tuple[float, ...] = ()
    """What 1 means."""

    def __post_init__(self) -> None:
        low, high = self.action_low, self.action_high
        if len(low) != len(high) or any(a >= b for a, b in zip(low, high, strict=True)):
            cause = f"action_low is {low}, action_high {high}"
            raise ConfigError("fitting", cause, "give both with one number an element, low below high")


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Makes steps of one interface from a file's.

    Attributes:
        target: whose steps they become.
        columns: how each of its entries comes about.
        actions: how the file's actions become the target's, (T, A').
        config: what is done to pictures and actions.
    """

    target: InterfaceSpec
    columns: Mapping[str, Column]
    actions: Convert
    config: FittingConfig
    account: Account

    def __call__(self, steps: tuple[Step, ...], name: str) -> tuple[Step, ...]:
        """The steps, in the entries and units of the target."""
        trail = Trail.of(steps, self.target.control_hz)
        seen = {entry.name: self._values(entry, trail) for entry in self.target.observations}
        actions = self.actions(trail)
        proposals = [self._proposals(trail, steps, field) for field in ("policy_action", "human_action")]
        return tuple(
            replace(
                step,
                observation={key: column[number] for key, column in seen.items()},
                final_observation=None
                if step.final_observation is None
                else {key: column[number + 1] for key, column in seen.items()},
                chosen_action=actions[number],
                executed_command=_executed(step, actions[number]),
                policy_action=proposals[0][number],
                human_action=proposals[1][number],
            )
            for number, step in enumerate(steps)
        )

    def _proposals(self, trail: Trail, steps: tuple[Step, ...], field: str) -> list[Action | None]:
        """What was proposed at each step, converted as the actions are."""
        given = [getattr(step, field) for step in steps]
        if all(each is None for each in given):
            return given
        filled = [trail.actions[n] if each is None else each for n, each in enumerate(given)]
        converted = self.actions(replace(trail, actions=np.stack(filled)))
        return [None if each is None else converted[n] for n, each in enumerate(given)]

    def _values(self, entry: ObservationEntry, trail: Trail) -> NDArray[Any]:
        values = self.columns[entry.name](trail)
        if not entry.is_image or values.dtype != np.uint8 or values.ndim != 4:
            return values
        if self.config.bgr:
            self.account.say("pictures", "blue was first: channels swapped to RGB")
            values = np.ascontiguousarray(values[..., ::-1])
        if values.shape[1:] == entry.shape or not self.config.resize:
            return values
        height, width = entry.shape[:2]
        rows, columns = values.shape[1:3]
        self.account.say("pictures", f"{entry.name!r} resized from {rows} x {columns} to {height} x {width}")
        return np.stack(
            [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in values]
        )


def _executed(step: Step, action: Action) -> NDArray[np.float32]:
    """What was recorded as executed; the action, where that stood for it."""
    return action if step.executed_command is step.chosen_action else step.executed_command


def scaled_actions(config: FittingConfig, size: int, account: Account) -> Convert:
    """Actions in [-1, 1], from the units of the file where its bounds were given; raises ConfigError."""
    if not config.action_low:
        account.say("actions", "as the file has them, between -1 and 1")
        return lambda trail: trail.actions
    if len(config.action_low) != size:
        cause = f"its actions have {size} elements, and {len(config.action_low)} bounds were given"
        raise ConfigError("fitting", cause, "give one number an element")
    low, high = np.array(config.action_low), np.array(config.action_high)
    account.say("actions", f"scaled so that {low.tolist()} becomes -1 and {high.tolist()} becomes 1")
    return lambda trail: (2.0 * (trail.actions - low) / (high - low) - 1.0).astype(np.float32)


def bounded_entries(config: FittingConfig, entries: tuple[ActionEntry, ...]) -> tuple[ActionEntry, ...]:
    """The file's action entries with the bounds that were given for them."""
    if not config.action_low:
        return entries
    bounded, at = [], 0
    for entry in entries:
        part = slice(at, at + entry.size)
        at += entry.size
        bounded.append(
            replace(entry, low=config.action_low[part], high=config.action_high[part], unit="file")
        )
    return tuple(bounded)
