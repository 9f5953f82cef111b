"""A SERL transition, looked at with suspicion: what it says, and what world it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry, describe
from shared.step import Action, Observation, is_name

STAGE = "an agentlace transition"
CURE = "send what SERL's actors send: observations, actions, next_observations, rewards, masks, dones"
FLAT = "state"
MOST_ENTRIES = 64
NUMBERS = (bool, int, float, np.ndarray, np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What one transition says.

    Attributes:
        observation, next_observation: without the leading axis of SERL's frame history.
        action: (A,) float32 in [-1, 1].
        reward: the sum of `reward_terms`.
        terminated: its mask is 0.
        done: its episode ended, whether or not its world did.
    """

    observation: Observation
    next_observation: Observation
    action: Action
    reward: float
    reward_terms: dict[str, float]
    terminated: bool
    done: bool


def read_transition(data: Any) -> Transition:
    """What came over the wire, as a transition; ConfigError where it is none."""
    if not isinstance(data, dict):
        raise _refused(f"is a {type(data).__name__}, not a dict")
    fields = cast("Mapping[str, Any]", data)
    missing = {"observations", "actions", "next_observations", "rewards", "masks", "dones"} - fields.keys()
    if missing:
        raise _refused(f"lacks {', '.join(sorted(missing))}")
    terms = {"reward": _number(fields, "rewards")}
    if "grasp_penalty" in fields:
        terms["grasp_penalty"] = _number(fields, "grasp_penalty")
    return Transition(
        observation=_observation(fields["observations"]),
        next_observation=_observation(fields["next_observations"]),
        action=_action(fields["actions"]),
        reward=sum(terms.values()),
        reward_terms=terms,
        terminated=_number(fields, "masks") < 0.5,
        done=_number(fields, "dones") >= 0.5,
    )


def interface_of(transition: Transition, control_hz: float) -> InterfaceSpec:
    """The world that a transition shows: entries by name, actions between -1 and 1 without a unit."""
    size = len(transition.action)
    return InterfaceSpec(
        name="agentlace",
        observations=tuple(
            ObservationEntry(name=name, shape=array.shape, dtype=_entry_dtype(array))
            for name, array in sorted(transition.observation.items())
        ),
        actions=(ActionEntry(name="action", low=(-1.0,) * size, high=(1.0,) * size, unit="1"),),
        control_hz=control_hz,
    )


def require_fit(transition: Transition, interface: InterfaceSpec) -> None:
    """Raise ConfigError where a transition comes from another world than this one."""
    expected = {entry.name: (entry.shape, entry.dtype) for entry in interface.observations}
    for observation in (transition.observation, transition.next_observation):
        found = {name: (array.shape, array.dtype.name) for name, array in observation.items()}
        if found != expected:
            raise _other_world(f"it observes {found}", interface)
    if transition.action.shape != (interface.action_size,):
        raise _other_world(f"its action has {len(transition.action)} elements", interface)


def _observation(data: Any) -> Observation:
    """Flat arrays, as SERL's simulation sends them, are a state."""
    entries = cast("Mapping[str, Any]", data if isinstance(data, dict) else {FLAT: data})
    if not 0 < len(entries) <= MOST_ENTRIES or not all(isinstance(n, str) and is_name(n) for n in entries):
        raise _refused(f"has observations in {len(entries)} entries, or under names that name nothing")
    return {name: _entry(name, array) for name, array in entries.items()}


def _entry(name: str, array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        raise _refused(f"observes {name!r} as {type(array).__name__}, not as an array")
    if array.dtype == np.uint8:
        frames, axes = array, 3
    elif array.dtype.kind in "fiu":
        frames, axes = array.astype(np.float32), 1
    else:
        raise _refused(f"observes {name!r} as {array.dtype}: numbers and uint8 pictures are understood")
    if frames.ndim == axes + 1 and len(frames) == 1:
        frames = frames[0]
    if frames.ndim != axes:
        raise _refused(
            f"observes {name!r} as {array.dtype}{list(array.shape)}: an observation is (S,) or (H, W, 3), "
            "with a leading axis of 1 at most"
        )
    return frames


def _action(data: Any) -> Action:
    if not isinstance(data, np.ndarray) or data.ndim != 1 or data.dtype.kind not in "fiu" or not data.size:
        raise _refused("has an action that is no vector of numbers")
    if not np.isfinite(data).all():
        raise _refused("has an action that is not finite")
    return np.clip(data, -1.0, 1.0).astype(np.float32)


def _number(fields: Mapping[str, Any], name: str) -> float:
    value = fields[name]
    array = np.asarray(value if isinstance(value, NUMBERS) else np.nan)
    if array.size != 1 or array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise _refused(f"has {name} that are not one finite number")
    return float(array.reshape(())[()])


def _entry_dtype(array: Any) -> Any:
    return "uint8" if array.dtype == np.uint8 else "float32"


def _refused(cause: str) -> ConfigError:
    return ConfigError(STAGE, cause, CURE)


def _other_world(found: str, interface: InterfaceSpec) -> ConfigError:
    cause = f"is of another world than this run's: {found}; the run has {describe(interface)}"
    return ConfigError(STAGE, cause, "start a new run for it, or join with the same task and cameras")
