"""Solves reach: straight to the target, slower as it comes near."""

import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Action, Observation

GAIN = 0.8


def reach(observation: Observation, interface: InterfaceSpec) -> Action:
    """A displacement in proportion to the distance, at most one limit long, as (3,) float32."""
    limit_m = interface.actions[0].high[0]
    step = GAIN * observation["target_from_tcp_base_m"].astype(np.float64) / limit_m
    return (step / max(1.0, float(np.linalg.norm(step)))).astype(np.float32)
