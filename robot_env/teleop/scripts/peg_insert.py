"""Solves peg_insert: down a funnel over the hole while turning straight, then in, still correcting."""

import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Action, Observation

GAIN = 0.5
HOVER_M = 0.03
HOVER_PER_MISMATCH = 4.0
METRES_PER_RADIAN = 0.02
ALIGNED_M = 0.001
PRESS_M = 0.010


def peg_insert(observation: Observation, interface: InterfaceSpec) -> Action:
    """Motion (3,) and turn (1,), float32."""
    to_hole = observation["hole_from_peg_tip_base_m"].astype(np.float64)
    yaw = _yaw(observation["arm/tcp_rotation_base_6d"])
    mismatch = float(np.linalg.norm(to_hole[:2])) + METRES_PER_RADIAN * abs(yaw)
    hover = np.clip(HOVER_PER_MISMATCH * (mismatch - ALIGNED_M), 0.0, HOVER_M)
    inserted = to_hole[2] > 0.0
    down = -PRESS_M if inserted else to_hole[2] + hover - PRESS_M * (hover < HOVER_M / 4)
    step = GAIN * np.array([to_hole[0], to_hole[1], down]) / interface.actions[0].high[0]
    turn = -GAIN * yaw / interface.actions[1].high[0]
    return np.clip([*step, turn], -0.9, 0.9).astype(np.float32)


def _yaw(rotation_6d: np.ndarray) -> float:
    """How far the tool's x axis is turned about the vertical, in rad."""
    return float(np.arctan2(rotation_6d[1], rotation_6d[0]))
