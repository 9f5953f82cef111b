"""The franka arm and gripper, over a real server with the simulated driver."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.franka import FrankaArmConfig
from robot_env.arms.point import PointArmConfig
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.grippers.franka import FrankaGripperConfig
from robot_env.scene import Box, SceneObject
from robot_env.server.client import RobotClientConfig
from shared.errors import ConfigError, RobotFault

BOXES = (Box(half_size_m=(0.01, 0.01, 0.01)),)
MARKS = (SceneObject(name="target", kind="marker", boxes=BOXES),)


def config(address: str) -> FrankaArmConfig:
    return FrankaArmConfig(robot=RobotClientConfig(max_state_age_seconds=2.0, connect_seconds=15.0)).at(
        address
    )


def test_arm_and_gripper_like_any_other(serve: Callable, wait_until: Any) -> None:
    arm = config(serve().address).build(MARKS, Impedance(), None)
    try:
        arm.world.place("target", Pose.of((0.5, 0.0, 0.2)))
        arm.reset(Pose.of((0.45, 0.05, 0.3), TOOL_DOWN))
        assert np.allclose(arm.read().tcp.position_m, (0.45, 0.05, 0.3), atol=5e-3)
        gripper = FrankaGripperConfig().build(arm)
        gripper.reset(opening=False)
        assert gripper.read().width_m == 0.0
        gripper.send(True)
        wait_until(lambda: gripper.read().width_m == pytest.approx(0.08), 10.0)
        gripper.close()
        wait_until(lambda: arm.client.peek().mode == "ready", 10.0, "the watchdog to end the motion")
        target = Pose.of((0.47, 0.05, 0.3), TOOL_DOWN)
        arm.read()
        arm.send(target)  # resumes the motion that the watchdog ended

        def there() -> bool:
            arm.send(target)
            return bool(np.linalg.norm(arm.read().tcp.position_m - target.position_m) < 3e-3)

        wait_until(there, 10.0)
    finally:
        arm.close()
        arm.close()


@pytest.mark.parametrize("error", ["communication_constraints_violation", "cartesian_reflex"])
def test_a_reset_recovers_by_the_rules(serve: Callable, wait_until: Any, error: str) -> None:
    server = serve("--driver", "faulty", "--arm.script", f"reflex:{error}@0.5")
    arm = config(server.address).build(MARKS, Impedance(), None)
    start = Pose.of((0.45, 0.0, 0.3), TOOL_DOWN)
    try:
        wait_until(lambda: arm.client.peek().mode == "reflex", 15.0)
        with pytest.raises(RobotFault, match=error):
            arm.read()
        if error == "cartesian_reflex":
            with pytest.raises(RobotFault, match="needs the operator"):
                arm.reset(start)
        else:
            arm.reset(start)
            assert arm.read().joints_rad.shape == (7,)
    finally:
        arm.close()


def test_real_objects_are_refused_by_name() -> None:
    scene = (SceneObject(name="cube", kind="free", boxes=BOXES),)
    with pytest.raises(ConfigError, match="cube"):
        FrankaArmConfig().build(scene, Impedance(), None)


def test_the_gripper_fits_only_its_arm_and_a_server_that_drives_one(serve: Callable) -> None:
    point = PointArmConfig().build((), Impedance(), None)
    with pytest.raises(ConfigError, match="fits only the franka arm"):
        FrankaGripperConfig().build(point)
    arm = config(serve("--hand", "none").address).build(MARKS, Impedance(), None)
    try:
        with pytest.raises(ConfigError, match="drives no gripper"):
            FrankaGripperConfig().build(arm)
    finally:
        arm.close()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError):
        FrankaArmConfig(reset_seconds=0.0)
    with pytest.raises(ConfigError):
        FrankaGripperConfig(max_age_seconds=0.0)
