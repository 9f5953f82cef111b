"""Impedances as SERL's controller takes them: `COMPLIANCE_PARAM`, the keys of its dynamic reconfiguration.

Its clips have two sides, ours one: the narrower side counts, so no force grows. Integral gains are not ours.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from robot_env.arms.base import Impedance
from robot_env.scene import Vector3
from shared.errors import ConfigError

STAGE = "compliance parameters"
AXES = ("x", "y", "z")
SCALARS = {
    "translational_stiffness": "stiffness_n_m",
    "translational_damping": "damping_ns_m",
    "rotational_stiffness": "rotational_stiffness_nm_rad",
    "rotational_damping": "rotational_damping_nms_rad",
}
CLIPS = {"translational": "clip_m", "rotational": "rotational_clip_rad"}
INTEGRAL = ("translational_Ki", "rotational_Ki")
KEYS = (
    *SCALARS,
    *INTEGRAL,
    *(f"{kind}_clip_{sign}{axis}" for kind in CLIPS for sign in ("", "neg_") for axis in AXES),
)
# Stiffer, and stronger, than SERL's own presets: no task asks for it.
MOST = {
    "stiffness_n_m": 5000.0,
    "damping_ns_m": 500.0,
    "rotational_stiffness_nm_rad": 500.0,
    "rotational_damping_nms_rad": 50.0,
}
LARGEST = 1e9
WIDEST_CLIP_M, WIDEST_CLIP_RAD = 0.1, 0.5

PRECISION = Impedance(
    stiffness_n_m=3000.0,
    damping_ns_m=89.0,
    clip_m=(0.01, 0.01, 0.01),
    rotational_stiffness_nm_rad=300.0,
    rotational_damping_nms_rad=9.0,
    rotational_clip_rad=(0.05, 0.05, 0.05),
)
"""SERL's `PRECISION_PARAM`, for motions that have to arrive; without its integral gain."""


def parameters(impedance: Impedance) -> dict[str, float]:
    """The eighteen keys of `/update_param`."""
    values = {key: float(getattr(impedance, name)) for key, name in SCALARS.items()}
    values |= dict.fromkeys(INTEGRAL, 0.0)
    for kind, name in CLIPS.items():
        for axis, clip in zip(AXES, getattr(impedance, name), strict=True):
            values[f"{kind}_clip_{axis}"] = values[f"{kind}_clip_neg_{axis}"] = float(clip)
    return values


def changed(impedance: Impedance, values: Mapping[str, Any]) -> Impedance:
    """The impedance after `/update_param`: keys that are left out stay as they are.

    Raises:
        ConfigError: an unknown key, or a value that is no sensible number.
    """
    for key, value in values.items():
        if key not in KEYS:
            raise ConfigError(STAGE, f"{key!r} is unknown", f"the keys are {', '.join(KEYS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
            cure = f"give a finite number below {LARGEST:g}"
            raise ConfigError(STAGE, f"{key} is {value!r:.40}", cure)
    wanted: dict[str, Any] = {name: values[key] for key, name in SCALARS.items() if key in values}
    for kind, name in CLIPS.items():
        wanted[name] = _clips(getattr(impedance, name), kind, values)
    _require_bounds(wanted)
    return dataclasses.replace(impedance, **wanted)


def _clips(now: Vector3, kind: str, values: Mapping[str, float]) -> Vector3:
    def narrower(axis: str, clip: float) -> float:
        sides = (f"{kind}_clip_{axis}", f"{kind}_clip_neg_{axis}")
        return min((values[side] for side in sides if side in values), default=clip)

    x, y, z = (narrower(axis, clip) for axis, clip in zip(AXES, now, strict=True))
    return (x, y, z)


def _require_bounds(wanted: Mapping[str, Any]) -> None:
    for name, most in MOST.items():
        if name in wanted and not 0 < wanted[name] <= most:
            raise ConfigError(STAGE, f"{name} would be {wanted[name]}", f"stay above 0 and within {most:g}")
    for name, widest in (("clip_m", WIDEST_CLIP_M), ("rotational_clip_rad", WIDEST_CLIP_RAD)):
        if not all(0 < clip <= widest for clip in wanted[name]):
            raise ConfigError(STAGE, f"{name} would be {wanted[name]}", f"stay above 0 and within {widest}")
