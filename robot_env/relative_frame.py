"""Frames that a motion can be told in: those of the base, of the tool, and of where the episode began.

A policy that sees its pose relative to the start of the episode, and moves along the axes of its tool, does
not notice when the work has been moved together with the arm's start.

Twists and small motions are (6,) vectors, translation first, rotation vector second. A twist that is told at
the origin of one frame becomes that of another by the adjoint below, whose block [p]x R is the lever arm
between the two origins. What an arm reports and what an action asks for belongs to the tool centre point
whatever the axes: no lever arm, so a pure translation stays one. (SERL's RelativeFrame multiplies vectors in
this order by the matrix for the other one, lever arm included: there a pure translation also turns the tool.)
"""

import numpy as np

from robot_env.arms.base import ArmState
from robot_env.geometry import Matrix, Pose, Vector


def adjoint(pose: Pose) -> Matrix:
    """The matrix (6, 6) that takes twists, translation first, from a frame at `pose` to the frame it is in.

    For a twist xi of the frame at T, T exp(xi) T^-1 = exp(Ad(T) xi) (Lynch and Park, Modern Robotics, 3.3.2).
    """
    x, y, z = pose.position_m
    lever = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix = np.zeros((6, 6))
    matrix[:3, :3] = matrix[3:, 3:] = pose.rotation
    matrix[:3, 3:] = lever @ pose.rotation
    return matrix


def turned(rotation: Matrix, translation: Vector, turn: Vector) -> tuple[Vector, Vector]:
    """A motion of the tool centre point along the axes `rotation` instead: translation and turn (3,)."""
    both = adjoint(Pose(np.zeros(3), rotation)) @ np.concatenate([translation, turn])
    return both[:3], both[3:]


def relative(pose: Pose, origin: Pose) -> Pose:
    """A pose as it is seen from `origin`: origin^-1 pose."""
    back = origin.rotation.T
    return Pose(back @ (pose.position_m - origin.position_m), back @ pose.rotation)


def seen_from(arm: ArmState, origin: Pose) -> ArmState:
    """What an arm measured, in the frame `origin` at rest: its velocities are the derivatives of its pose."""
    velocity, angular = turned(origin.rotation.T, arm.velocity_m_s, arm.angular_velocity_rad_s)
    return ArmState(
        tcp=relative(arm.tcp, origin),
        velocity_m_s=velocity,
        angular_velocity_rad_s=angular,
        force_n=origin.rotation.T @ arm.force_n,
        joints_rad=arm.joints_rad,
    )
