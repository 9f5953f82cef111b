"""Solves relocate: fetch the cube as in pick_cube, carry it high, lower it over the goal, let go, rise."""

import numpy as np

from robot_env.teleop.scripts.pick_cube import CLOSED, GAIN, NEAR_M, OPEN, approach, holds
from shared.interface import InterfaceSpec
from shared.step import Action, Observation

CARRY_M = 0.05
ABOVE_M = 0.012
LYING_M = 0.008
RISE = 0.8


def relocate(observation: Observation, interface: InterfaceSpec) -> Action:
    """Motion (3,) and gripper (1,), float32."""
    to_goal = observation["goal_from_cube_base_m"].astype(np.float64)
    told_closed = observation["gripper/command"][0] < 0
    there = float(np.linalg.norm(to_goal[:2])) < ABOVE_M
    near = float(np.linalg.norm(observation["cube_from_tcp_base_m"])) < 1.5 * NEAR_M
    if there and -to_goal[2] < LYING_M:
        return np.array([0.0, 0.0, 0.0 if told_closed else RISE, OPEN], dtype=np.float32)
    if near and told_closed and holds(observation):
        step = GAIN * _way(to_goal, there) / interface.actions[0].high[0]
        step /= max(1.0, float(np.linalg.norm(step)))
        return np.array([*step, CLOSED], dtype=np.float32)
    return approach(observation, interface)


def _way(to_goal: np.ndarray, there: bool) -> np.ndarray:
    """Up first, then across, then down."""
    height = -to_goal[2]
    if there:
        return np.array([to_goal[0], to_goal[1], to_goal[2]])
    sideways = to_goal[:2] * float(np.clip(2.0 * height / CARRY_M - 1.0, 0.0, 1.0))
    return np.array([*sideways, CARRY_M - height])
