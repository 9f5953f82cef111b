"""The second arm: its own kinematics and limits, and every task as it is."""

import numpy as np
import pytest

from robot_env.arms.arm_model import XARM7
from robot_env.arms.base import Impedance
from robot_env.arms.mujoco_xarm7 import MujocoXArm7Config
from robot_env.env import RobotEnv
from robot_env.geometry import rotation_from_vector
from robot_env.registry import make
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError

BASE_M = (0.12, 0.0, 0.06)
TOOL_BELOW_FLANGE_M = 0.172


def test_kinematics_are_the_published_ones() -> None:
    """Tool position from UFACTORY's modified Denavit-Hartenberg table (Craig), on the arm's plinth."""
    arm = MujocoXArm7Config().build((), Impedance(), 0.02)
    ranges = arm.world.model.jnt_range[:7]
    rng = np.random.default_rng(0)
    for _ in range(20):
        joints = rng.uniform(ranges[:, 0], ranges[:, 1])
        arm.world.data.qpos[:7] = joints
        arm.world.settle()
        wanted = forward(joints)
        assert np.allclose(arm.read().tcp.position_m, wanted[:3, 3], atol=1e-6)
        assert np.allclose(arm.read().tcp.rotation, wanted[:3, :3], atol=1e-6)


def forward(joints_rad: np.ndarray) -> np.ndarray:
    a = [0.0, 0.0, 0.0, 0.0525, 0.0775, 0.0, 0.076]
    d = [0.267, 0.0, 0.293, 0.0, 0.3425, 0.0, 0.097]
    alpha = np.array([0, -1, 1, 1, 1, 1, -1]) * np.pi / 2
    pose = np.eye(4)
    pose[:3, 3] = BASE_M
    for link in range(7):
        pose = pose @ craig(a[link], alpha[link], d[link], joints_rad[link])
    return pose @ craig(0.0, 0.0, TOOL_BELOW_FLANGE_M, 0.0)


def craig(a: float, alpha: float, d: float, theta: float) -> np.ndarray:
    step = np.eye(4)
    step[:3, :3] = rotation_from_vector((alpha, 0.0, 0.0)) @ rotation_from_vector((0.0, 0.0, theta))
    step[:3, 3] = rotation_from_vector((alpha, 0.0, 0.0)) @ [0.0, 0.0, d] + [a, 0.0, 0.0]
    return step


def test_limits_are_the_published_ones() -> None:
    model = MujocoXArm7Config().build((), Impedance(), 0.02).world.model
    assert np.allclose(model.jnt_range[3], [-0.19198, 3.927])
    assert np.allclose(model.jnt_actfrcrange[:7, 1], [50, 50, 30, 30, 30, 20, 20])


def test_a_posture_has_as_many_angles_as_the_arm_has_joints() -> None:
    with pytest.raises(ConfigError, match="6 joint angles"):
        MujocoXArm7Config(posture_rad=XARM7.home_rad[:6])


@pytest.mark.parametrize("task", ["reach", "pick_cube", "peg_insert"])
def test_the_scripts_solve_the_tasks_on_it_as_they_are(task: str) -> None:
    env = make(task, clock=ManualClock(), arm="mujoco_xarm7")
    assert isinstance(env, RobotEnv)
    device = ScriptConfig(noise=0.1).build(env.interface)
    for seed in range(4):
        observation, info = env.reset(seed=seed)
        device.reset(np.random.default_rng(seed))
        over = False
        while not over:
            observation, _, terminated, truncated, info = env.step(device.read(observation))
            over = terminated or truncated
        assert info["success"], seed
    env.close()
