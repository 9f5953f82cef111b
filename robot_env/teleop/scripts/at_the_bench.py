"""Solves tasks at the bench as far as a pose tells: high beside the target, down over it, turning."""

import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Action, Observation

GAIN = 0.6
HOVER_M = 0.03
ALIGNED_M = 0.004
OPEN = 0.8


def to_target(observation: Observation, interface: InterfaceSpec) -> Action:
    """Motion (3,), turn (1,) and, where there is a gripper, that it opens; float32."""
    way = observation["target_from_tcp_base_m"].astype(np.float64)
    hover = np.clip(2.0 * (np.linalg.norm(way[:2]) - ALIGNED_M), 0.0, HOVER_M)
    step = GAIN * (way + np.array([0.0, 0.0, hover])) / interface.actions[0].high[0]
    turn = GAIN * float(observation["target_turn_base_rad"][2]) / interface.actions[1].high[0]
    grip = [OPEN] if interface.actions[-1].name == "gripper" else []
    return np.clip([*step, turn, *grip], -0.9, 0.9).astype(np.float32)
