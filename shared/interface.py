"""InterfaceSpec: what an actor's world looks like. Its fingerprint travels in every Hello, snapshot,
checkpoint and episode file; two parties with different fingerprints never exchange a step."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from shared.errors import ConfigError, InterfaceMismatch, ObservationError
from shared.step import Observation

MOST_ELEMENTS = 2**26
"""Of one observation in all its entries; more is a mistake, or an attack on the reader's memory."""


@dataclass(frozen=True, kw_only=True)
class ObservationEntry:
    """One named observation.

    Attributes:
        name: snake case, with the arm's name first where it belongs to one (`arm/tcp_position_base_m`).
        shape: (D,) for state vectors, (H, W, 3) for images.
        dtype: "float32" for state vectors, "uint8" for RGB images.
        low, high: bounds of every element; None where there is none.
        offset, scale: per-element normalisation that networks apply, asinh((x - offset) / scale), where
            `scale` is about the precision that matters; empty for images.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Literal["float32", "uint8"]
    low: float | None = None
    high: float | None = None
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether this is an RGB image."""
        return self.dtype == "uint8"


@dataclass(frozen=True, kw_only=True)
class ActionEntry:
    """One named part of the action. Policies emit [-1, 1]; `low` and `high` say what that means in `unit`."""

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    unit: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.low)


@dataclass(frozen=True, kw_only=True)
class CropProfile:
    """The pixels of a camera that become an image entry: a box in the raw frame, before resizing."""

    entry: str
    version: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class InterfaceSpec:
    """Named observations in declared order, named actions, the control rate and the crop profiles."""

    name: str
    observations: tuple[ObservationEntry, ...]
    actions: tuple[ActionEntry, ...]
    control_hz: float
    crop_profiles: tuple[CropProfile, ...] = ()

    @property
    def action_size(self) -> int:
        """A, the length of an action vector."""
        return sum(entry.size for entry in self.actions)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change whenever anything above changes."""
        return hashlib.sha256(encode_interface(self)).hexdigest()[:16]

    def check(self, observation: Observation, stage: str) -> None:
        """Refuse an observation with missing, misshapen, mistyped or non-finite entries."""
        for entry in self.observations:
            array = observation.get(entry.name)
            if array is None:
                raise ObservationError(
                    stage,
                    f"observation {entry.name!r} is missing; there are {sorted(observation)}",
                    "return every entry that the InterfaceSpec declares",
                )
            if array.shape != entry.shape or array.dtype != np.dtype(entry.dtype):
                raise ObservationError(
                    stage,
                    f"observation {entry.name!r} is {array.dtype}{list(array.shape)}, "
                    f"not {entry.dtype}{list(entry.shape)}",
                    "make the environment return what its InterfaceSpec declares",
                )
            if not entry.is_image and not bool(np.isfinite(array).all()):
                raise ObservationError(
                    stage,
                    f"observation {entry.name!r} is not finite: {array}",
                    "find the sensor or computation that produced it; the step was not recorded",
                )


def encode_interface(spec: InterfaceSpec) -> bytes:
    """Canonical bytes of a spec: equal specs give equal bytes, a bound written 1 or 1.0 alike."""
    return msgspec.json.encode(msgspec.convert(msgspec.to_builtins(spec), InterfaceSpec))


def decode_interface(data: bytes) -> InterfaceSpec:
    """The spec behind `encode_interface`; raises msgspec.ValidationError on anything else."""
    return msgspec.json.decode(data, type=InterfaceSpec)


def require_sound(spec: InterfaceSpec, whose: str) -> None:
    """Refuse an interface that describes no world, as another party may send it or a file may hold it.

    Raises:
        ConfigError: a shape, a bound, a normalisation, a name or the rate makes no sense.
    """
    if (fault := _fault(spec)) is not None:
        cure = (
            "correct what the environment declares as its InterfaceSpec, or use files that HandsOn recorded"
        )
        raise ConfigError("interface", f"that of {whose} is not sound: {fault}", cure)


def _fault(spec: InterfaceSpec) -> str | None:
    for entry in spec.observations:
        if (fault := _observation_fault(entry)) is not None:
            return f"observation {entry.name!r} {fault}"
    for entry in spec.actions:
        if len(entry.low) != len(entry.high) or not all(map(_bounds, entry.low, entry.high)):
            return f"action {entry.name!r} has bounds {entry.low} and {entry.high}"
    for names in ([entry.name for entry in spec.observations], [entry.name for entry in spec.actions]):
        if len(set(names)) != len(names) or "" in names:
            return f"the names {names} are not unique"
    if sum(math.prod(entry.shape) for entry in spec.observations) > MOST_ELEMENTS:
        return f"an observation has more than {MOST_ELEMENTS} elements"
    if not (math.isfinite(spec.control_hz) and spec.control_hz > 0):
        return f"control_hz is {spec.control_hz}"
    return None


def _observation_fault(entry: ObservationEntry) -> str | None:
    if any(length < 1 for length in entry.shape):
        return f"has shape {list(entry.shape)}"
    if entry.is_image and (len(entry.shape) != 3 or entry.shape[2] != 3):
        return f"is uint8{list(entry.shape)}, and pictures are (H, W, 3): RGB, channels last"
    low, high = entry.low, entry.high
    if not _finite([bound for bound in (low, high) if bound is not None]) or (
        low is not None and high is not None and low >= high
    ):
        return f"has bounds {low} and {high}"
    if not {len(entry.offset), len(entry.scale)} <= {0, math.prod(entry.shape)}:
        return f"has {len(entry.offset)} offsets and {len(entry.scale)} scales for shape {list(entry.shape)}"
    if not _finite(entry.offset) or not _finite(entry.scale) or 0.0 in entry.scale:
        return "is normalised by numbers that are not finite, or a scale of 0"
    return None


def _bounds(low: float, high: float) -> bool:
    return _finite([low, high]) and low < high


def _finite(numbers: Sequence[float]) -> bool:
    return all(map(math.isfinite, numbers))


def require_equal(mine: InterfaceSpec, theirs: InterfaceSpec, stage: str, whose: str) -> None:
    """Refuse a different interface, printing both sides."""
    if mine.fingerprint == theirs.fingerprint:
        return
    raise InterfaceMismatch(
        stage,
        f"the interface of {whose} ({theirs.fingerprint}) is not this one ({mine.fingerprint})\n"
        f"  this:  {describe(mine)}\n  other: {describe(theirs)}",
        "start both with the same task, cameras and control rate, or begin a new run",
    )


def describe(spec: InterfaceSpec) -> str:
    """One line: name, rate, observations and actions with their shapes."""
    observations = ", ".join(f"{e.name}{list(e.shape)}" for e in spec.observations)
    actions = ", ".join(f"{e.name}[{e.size}] {e.unit}" for e in spec.actions)
    return f"{spec.name} at {spec.control_hz:g} Hz; observations {observations}; actions {actions}"
