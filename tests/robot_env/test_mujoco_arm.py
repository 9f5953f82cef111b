import numpy as np
import pytest

from robot_env.arms.arm_model import PANDA
from robot_env.arms.base import Impedance
from robot_env.arms.mujoco import MujocoArm, MujocoArmConfig
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.scene import Box, SceneObject
from shared.errors import ConfigError

WALL = SceneObject(name="wall", kind="fixed", boxes=(Box(half_size_m=(0.05, 0.05, 0.05)),))
STICK = SceneObject(
    name="stick", kind="held", boxes=(Box(half_size_m=(0.01, 0.01, 0.03)),), held_at_m=(0.0, 0.0, 0.02)
)


def build(impedance: Impedance, scene: tuple[SceneObject, ...] = ()) -> MujocoArm:
    return MujocoArmConfig().build(scene, impedance, 0.02)


def start(arm: MujocoArm, position: tuple[float, float, float]) -> None:
    arm.world.clear()
    arm.reset(Pose.of(position, TOOL_DOWN))
    arm.world.settle()


def test_kinematics_are_the_published_ones() -> None:
    """Tool position from Franka's Denavit-Hartenberg table (Craig), hand and tool offsets included."""
    arm = build(Impedance())
    rng = np.random.default_rng(0)
    ranges = arm.world.model.jnt_range[:7]
    for _ in range(20):
        joints = rng.uniform(ranges[:, 0], ranges[:, 1])
        arm.world.data.qpos[:7] = joints
        arm.world.settle()
        assert np.allclose(arm.read().tcp.position_m, forward(joints)[:3, 3], atol=1e-6)
        assert np.allclose(arm.read().tcp.rotation, forward(joints)[:3, :3], atol=1e-6)


def forward(joints_rad: np.ndarray) -> np.ndarray:
    a = [0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088]
    d = [0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0]
    alpha = np.array([0, -1, 1, 1, -1, 1, 1]) * np.pi / 2
    pose = np.eye(4)
    for link in range(7):
        pose = pose @ craig(a[link], alpha[link], d[link], joints_rad[link])
    return pose @ craig(0.0, 0.0, 0.107 + 0.1034, -np.pi / 4)


def craig(a: float, alpha: float, d: float, theta: float) -> np.ndarray:
    step = np.eye(4)
    step[:3, :3] = rotation_from_vector((alpha, 0.0, 0.0)) @ rotation_from_vector((0.0, 0.0, theta))
    step[:3, 3] = rotation_from_vector((alpha, 0.0, 0.0)) @ [0.0, 0.0, d] + [a, 0.0, 0.0]
    return step


def test_limits_are_the_published_ones() -> None:
    model = build(Impedance()).world.model
    assert np.allclose(model.jnt_range[3], [-3.0718, -0.0698])
    assert np.allclose(model.jnt_actfrcrange[:7, 1], [87] * 4 + [12] * 3)


def test_the_force_on_an_obstacle_is_bounded_by_stiffness_and_clip() -> None:
    impedance = Impedance(stiffness_n_m=2000.0, clip_m=(0.005, 0.005, 0.005))
    arm = build(impedance, (STICK, WALL))
    start(arm, (0.45, 0.0, 0.20))
    arm.world.place("wall", Pose.of((0.45, 0.0, 0.0995)))
    arm.world.settle()
    arm.send(Pose.of((0.45, 0.0, 0.10), TOOL_DOWN))
    arm.world.advance(2.0)
    state = arm.read()
    assert state.force_n[2] == pytest.approx(10.0, rel=0.1)
    assert state.tcp.position_m[2] > 0.198


def test_the_clip_bounds_the_speed_towards_a_far_set_point() -> None:
    impedance = Impedance(stiffness_n_m=2000.0, damping_ns_m=200.0, clip_m=(0.01, 0.01, 0.01))
    arm = build(impedance)
    start(arm, (0.45, -0.25, 0.25))
    arm.send(Pose.of((0.45, 0.25, 0.25), TOOL_DOWN))
    speeds = []
    for _ in range(40):
        arm.world.advance(0.05)
        speeds.append(float(np.linalg.norm(arm.read().velocity_m_s)))
    assert max(speeds) < 1.1 * 2000.0 * 0.01 / 200.0
    arm.world.advance(6.0)
    assert arm.read().tcp.position_m[1] == pytest.approx(0.25, abs=1e-3)


def test_the_null_space_returns_to_the_posture_without_moving_the_tool() -> None:
    arm = build(Impedance())
    home = np.array(PANDA.home_rad)
    arm.world.data.qpos[:7] = home
    arm.world.settle()
    tcp = arm.read().tcp
    start(arm, tuple(tcp.position_m))
    data = arm.world.data
    direction = np.linalg.svd(arm._update_jacobian())[2][-1]
    data.qpos[:7] += 0.25 * direction
    arm.world.settle()
    bent = arm.read()
    arm.send(bent.tcp)
    before = abs(float((data.qpos[:7] - home) @ direction))
    arm.world.advance(3.0)
    assert abs(float((data.qpos[:7] - home) @ direction)) < 0.5 * before
    assert np.allclose(arm.read().tcp.position_m, bent.tcp.position_m, atol=2e-3)


def test_it_floats_without_its_spring() -> None:
    """Gravity is compensated: with almost no stiffness it stays where it is."""
    arm = build(Impedance(stiffness_n_m=0.01, rotational_stiffness_nm_rad=0.01))
    start(arm, (0.5, 0.1, 0.2))
    arm.world.advance(2.0)
    assert np.allclose(arm.read().tcp.position_m, (0.5, 0.1, 0.2), atol=5e-3)


def test_a_resting_cube_stays_where_it_lies() -> None:
    cube = SceneObject(name="cube", kind="free", boxes=(Box(half_size_m=(0.02, 0.02, 0.02)),))
    arm = build(Impedance(), (cube,))
    start(arm, (0.45, 0.0, 0.3))
    arm.world.place("cube", Pose.of((0.5, 0.1, 0.02)))
    arm.world.settle()
    arm.world.advance(10.0)
    assert np.allclose(arm.world.poses()["cube"].position_m, (0.5, 0.1, 0.02), atol=2e-4)


def test_held_things_cannot_be_placed() -> None:
    arm = build(Impedance(), (STICK,))
    with pytest.raises(ConfigError, match="held"):
        arm.world.place("stick", Pose.of((0.0, 0.0, 0.0)))


@pytest.mark.parametrize(
    "wrong",
    [{"stiffness_n_m": 0.0}, {"damping_ns_m": float("inf")}, {"clip_m": (0.01, -0.01, 0.01)}],
)
def test_impedance_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match="impedance"):
        Impedance(**wrong)


def test_a_posture_has_seven_joints() -> None:
    with pytest.raises(ConfigError, match="6 joint angles"):
        MujocoArmConfig(posture_rad=PANDA.home_rad[:6])
