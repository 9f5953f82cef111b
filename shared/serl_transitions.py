"""A SERL transition, looked at with suspicion: what it says, and what world it comes from.

The same dicts come over agentlace's wire and lie in SERL's and HIL-SERL's pickles; those of the latter also
hold the environment's `infos`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry, describe
from shared.step import Action, Observation, is_name

STAGE = "a SERL transition"
CURE = "send what SERL's actors send: observations, actions, next_observations, rewards, masks, dones"
FLAT = "state"
MOST_ENTRIES = 64
NEEDED = frozenset({"observations", "actions", "next_observations", "rewards", "masks", "dones"})
PENALTY = "grasp_penalty"
NUMBERS = (bool, int, float, np.ndarray, np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What one transition says.

    Attributes:
        observation, next_observation: without the leading axis of SERL's frame history.
        action: (A,) float32, finite; what a person's motion became in another frame may lie beyond [-1, 1].
        reward: the sum of `reward_terms`.
        terminated: its mask is 0.
        done: its episode ended, whether or not its world did.
        infos: what the environment told beside, where that was kept: numbers, texts, arrays, dicts of them.
        left_out: fields that were not understood.
    """

    observation: Observation
    next_observation: Observation
    action: Action
    reward: float
    reward_terms: dict[str, float]
    terminated: bool
    done: bool
    infos: Mapping[str, Any] = field(default_factory=dict[str, Any])
    left_out: tuple[str, ...] = ()


def read_transition(data: Any) -> Transition:
    """What came over the wire or out of a file, as a transition; ConfigError where it is none."""
    if not isinstance(data, dict):
        raise _refused(f"is a {type(data).__name__}, not a dict")
    fields = cast("Mapping[str, Any]", data)
    if missing := NEEDED - fields.keys():
        raise _refused(f"lacks {', '.join(sorted(missing))}")
    infos = cast("Mapping[str, Any]", fields["infos"] if isinstance(fields.get("infos"), dict) else {})
    terms = {"reward": _number(fields, "rewards")}
    for place in (infos, fields):
        if PENALTY in place:
            terms[PENALTY] = _number(place, PENALTY)
    return Transition(
        observation=_observation(fields["observations"]),
        next_observation=_observation(fields["next_observations"]),
        action=_action(fields["actions"]),
        reward=sum(terms.values()),
        reward_terms=terms,
        terminated=_number(fields, "masks") < 0.5,
        done=_number(fields, "dones") >= 0.5,
        infos=infos,
        left_out=tuple(sorted(str(name) for name in fields.keys() - NEEDED - {PENALTY, "infos"})),
    )


def interface_of(transition: Transition, control_hz: float, name: str = "agentlace") -> InterfaceSpec:
    """The world that a transition shows: entries by name, actions between -1 and 1 without a unit."""
    size = len(transition.action)
    return InterfaceSpec(
        name=name,
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
    entries = cast("Mapping[Any, Any]", data if isinstance(data, dict) else {FLAT: data})
    if not 0 < len(entries) <= MOST_ENTRIES or not all(isinstance(n, str) and is_name(n) for n in entries):
        raise _refused(f"has observations in {len(entries)} entries, or under names that name nothing")
    return {name: _entry(name, array) for name, array in entries.items()}


def _entry(name: str, data: Any) -> NDArray[Any]:
    if not isinstance(data, np.ndarray):
        raise _refused(f"observes {name!r} as {type(data).__name__}, not as an array")
    array = cast("NDArray[Any]", data)
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
    array = cast("NDArray[Any]", data)
    if not isinstance(data, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "fiu" or not array.size:
        raise _refused("has an action that is no vector of numbers")
    with np.errstate(over="ignore"):
        action = array.astype(np.float32)
    if not np.isfinite(action).all():
        raise _refused("has an action that is not finite")
    return action


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
