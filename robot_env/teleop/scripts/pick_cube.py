"""Solves pick_cube: down a funnel over the cube, close, lift. Which of these follows from the observation."""

import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Action, Observation

GAIN = 0.6
OPEN, CLOSED = 0.8, -0.8
HOVER_M = 0.07
ALIGNED_M = 0.008
NEAR_M = 0.012
GRASPED_WIDTH_M = (0.030, 0.046)
STILL_M_S = 0.02
LIFT = 0.8


def pick_cube(observation: Observation, interface: InterfaceSpec) -> Action:
    """Motion (3,) and gripper (1,), float32."""
    if _is_around(observation) and observation["gripper/command"][0] < 0 and holds(observation):
        return np.array([0.0, 0.0, LIFT, CLOSED], dtype=np.float32)
    return approach(observation, interface)


def approach(observation: Observation, interface: InterfaceSpec) -> Action:
    """Down a funnel over the cube, closing around it."""
    limit_m = interface.actions[0].high[0]
    to_cube = observation["cube_from_tcp_base_m"].astype(np.float64)
    step = GAIN * _way(to_cube) / limit_m
    step /= max(1.0, float(np.linalg.norm(step)))
    return np.array([*step, CLOSED if _is_around(observation) else OPEN], dtype=np.float32)


def _is_around(observation: Observation) -> bool:
    told_closed = observation["gripper/command"][0] < 0
    distance = float(np.linalg.norm(observation["cube_from_tcp_base_m"].astype(np.float64)))
    return distance < NEAR_M * (1.5 if told_closed else 1.0)


def _way(to_cube: np.ndarray) -> np.ndarray:
    """Towards the cube, but high above it until it is beneath the tool."""
    lateral = float(np.linalg.norm(to_cube[:2]))
    hover = np.clip(2.0 * (lateral - ALIGNED_M), 0.0, HOVER_M)
    return to_cube + np.array([0.0, 0.0, hover])


def holds(observation: Observation) -> bool:
    """Whether the fingers are at rest around something of the cube's size."""
    low, high = GRASPED_WIDTH_M
    still = abs(float(observation["gripper/speed_m_s"][0])) < STILL_M_S
    return still and low < float(observation["gripper/width_m"][0]) < high
