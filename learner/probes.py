"""Probe observations: what a policy does on them tells whether it was restored as it was saved."""

from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError
from shared.interface import ObservationEntry
from shared.policy.acting import SelectAction
from shared.policy.parameters import FlatParameters
from shared.policy.spec import PolicySpec
from shared.policy.trunks.build import map_shape
from shared.policy.vision import VisionConfig

PROBES = 8
SEED = 0x9406E5
TOLERANCE = 1e-5
ACTION = "action"
OBSERVATION = "observation/"


@dataclass(frozen=True, kw_only=True, eq=False)
class Probes:
    """Observations, entries (P, ...), and what a policy did on them, (P, A) float32.

    The greedy actions; beside them, where a discrete gripper decides, what each of its choices was worth.
    """

    observations: dict[str, NDArray[np.generic]]
    actions: NDArray[np.float32]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Named arrays for a file."""
        return {OBSERVATION + name: array for name, array in self.observations.items()} | {
            ACTION: self.actions
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "Probes":
        """The inverse of `to_arrays`. Raises CheckpointError when there are no actions."""
        if ACTION not in arrays:
            raise CheckpointError("checkpoint", "its probes hold no actions", "use the checkpoint before it")
        observations = {n.removeprefix(OBSERVATION): a for n, a in arrays.items() if n != ACTION}
        return cls(observations=observations, actions=arrays[ACTION].astype(np.float32, copy=False))


class Prober:
    """Greedy actions on the same probe observations for every version of a policy.

    They are computed on the CPU, whatever trains, so that they compare across machines.
    """

    def __init__(self, select_action: SelectAction) -> None:
        self._select = select_action
        self._observations = probe_observations(select_action.spec)

    def probe(self, params: FlatParameters) -> Probes:
        """What a policy with these parameters does."""
        return Probes(observations=self._observations, actions=act(self._select, params, self._observations))


def verify(probes: Probes, select_action: SelectAction, params: FlatParameters, whose: str) -> None:
    """Refuse parameters that act otherwise than they did when the probes were taken.

    Raises:
        CheckpointError: an action differs by more than 1e-5, or is not a number.
    """
    actions = act(select_action, params, probes.observations)
    if actions.shape == probes.actions.shape and np.allclose(actions, probes.actions, rtol=0, atol=TOLERANCE):
        return
    worst = float(np.abs(actions - probes.actions).max()) if actions.shape == probes.actions.shape else np.nan
    raise CheckpointError(
        "checkpoint",
        f"the policy restored from {whose} acts differently on its probe observations (by up to {worst:g})",
        "use the checkpoint before it, or the HandsOn release and JAX version that wrote this one",
    )


def act(
    select_action: SelectAction, params: FlatParameters, observations: dict[str, NDArray[np.generic]]
) -> NDArray[np.float32]:
    """What a policy does, as `Probes` holds it, one observation after the other, on the CPU."""
    count = len(next(iter(observations.values())))
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        key = jax.random.key(0)
        rows = ({name: array[i] for name, array in observations.items()} for i in range(count))
        seen = [_seen(select_action, params, row) for row in rows]
        actions = np.stack([select_action(params, row, key, True) for row in seen])
        if select_action.spec.gripper is None:
            return actions
        worth = np.stack([select_action.gripper_worth(params, row) for row in seen])
        return np.concatenate((actions, worth), axis=-1)


def _seen(
    select_action: SelectAction, params: FlatParameters, row: dict[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic] | jax.Array]:
    """With the maps of its frames, where the trunks are the policy's own."""
    vision = select_action.spec.vision
    if vision is None or vision.frozen:
        return dict(row)
    return {**row, **select_action.encode(params, row)}


def probe_observations(spec: PolicySpec) -> dict[str, NDArray[np.generic]]:
    """Eight observations that follow from the spec alone: normal about its offsets, noise for images.

    Of a camera they hold stacks of frames, (P, T, H, W, 3), or, where the trunk is frozen and so not part of
    what is saved, of maps (P, T, c, h, w).
    """
    rng = np.random.default_rng(SEED)
    return {entry.name: _draw(rng, entry, spec.vision) for entry in spec.interface.observations}


def _draw(
    rng: np.random.Generator, entry: ObservationEntry, vision: VisionConfig | None
) -> NDArray[np.generic]:
    if vision is not None and entry.is_image:
        stack = (PROBES, vision.frame_stack)
        if vision.frozen:
            height, width, _ = entry.shape
            return rng.standard_normal((*stack, *map_shape(vision, height, width))).astype(np.float32)
        return rng.integers(0, 256, (*stack, *entry.shape), dtype=np.uint8)
    shape = (PROBES, *entry.shape)
    offset, scale = np.asarray(entry.offset or 0.0), np.asarray(entry.scale or 1.0)
    return np.clip(offset + scale * rng.standard_normal(shape), entry.low, entry.high).astype(np.float32)
