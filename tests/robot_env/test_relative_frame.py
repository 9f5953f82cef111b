"""Frames: the adjoint against its definition, actions and observations against each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_env.actions import action_entries, executed_command, wanted_pose
from robot_env.arms.base import ArmState
from robot_env.env import RobotEnv
from robot_env.geometry import (
    TOOL_DOWN,
    Pose,
    rotation_from_six_d,
    rotation_from_vector,
    six_d,
    vector_from_rotation,
)
from robot_env.registry import build_task, make
from robot_env.relative_frame import adjoint, relative, seen_from, turned
from robot_env.tasks.base import TaskSettings
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError

TURNS = arrays(np.float64, 3, elements=st.floats(-1.5, 1.5))
SMALL_TURNS = arrays(np.float64, 3, elements=st.floats(-0.3, 0.3))
PLACES = arrays(np.float64, 3, elements=st.floats(-1.0, 1.0))
TWISTS = arrays(np.float64, 6, elements=st.floats(-1.0, 1.0))
UNITS = arrays(np.float64, 6, elements=st.floats(-1.0, 1.0))
POSES = st.builds(lambda place, turn: Pose(place, rotation_from_vector(turn)), PLACES, TURNS)

PEG = build_task("peg_insert").settings
FRAMES = [
    {"action_frame": action, "pose_frame": pose, "rotation": rotation}
    for action in ("base", "tool")
    for pose in ("base", "reset")
    for rotation in ("vertical", "full")
]


def matrix(pose: Pose) -> np.ndarray:
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = pose.rotation, pose.position_m
    return whole


def hat(twist: np.ndarray) -> np.ndarray:
    x, y, z = twist[3:]
    top = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.block([[top, twist[:3, None]], [np.zeros((1, 4))]])


def state(pose: Pose) -> ArmState:
    return ArmState(tcp=pose, velocity_m_s=np.zeros(3), angular_velocity_rad_s=np.zeros(3))


@given(POSES, TWISTS)
def test_the_adjoint_is_what_defines_it(pose: Pose, twist: np.ndarray) -> None:
    """[Ad(T) xi] = T [xi] T^-1, as matrices."""
    there = matrix(pose) @ hat(twist) @ np.linalg.inv(matrix(pose))
    assert np.allclose(hat(adjoint(pose) @ twist), there, atol=1e-9)


@given(POSES, POSES)
def test_adjoints_follow_one_another_as_poses_do(first: Pose, second: Pose) -> None:
    both = matrix(first) @ matrix(second)
    composed = adjoint(Pose(both[:3, 3], both[:3, :3]))
    assert np.allclose(adjoint(first) @ adjoint(second), composed, atol=1e-9)


@given(POSES)
def test_the_adjoint_of_the_way_back_undoes_it(pose: Pose) -> None:
    back = relative(Pose.of((0.0, 0.0, 0.0)), pose)
    assert np.allclose(adjoint(back) @ adjoint(pose), np.eye(6), atol=1e-9)


def test_a_pure_translation_of_the_tool_does_not_turn_it() -> None:
    """SERL's matrix at this very pose turns a unit motion along y by (0.2, 0, -0.5) rad."""
    settings = TaskSettings(
        envelope=PEG.envelope, rotation_limit_rad=1.0, rotation="full", action_frame="tool"
    )
    arm = state(Pose.of((0.5, 0.0, 0.2), TOOL_DOWN))
    wanted = wanted_pose(np.array([0, 1, 0, 0, 0, 0], np.float32), arm, settings)
    assert np.allclose(wanted.position_m, (0.5, -settings.translation_limit_m, 0.2))
    assert np.allclose(wanted.rotation, TOOL_DOWN)
    angular_first = np.roll(adjoint(arm.tcp), (3, 3), (0, 1))
    assert np.allclose((angular_first @ [0, 1, 0, 0, 0, 0])[3:], (0.2, 0.0, -0.5))


@given(POSES, POSES, POSES)
def test_poses_relative_to_one_frame_keep_their_relations(a: Pose, b: Pose, origin: Pose) -> None:
    assert np.allclose(
        matrix(relative(relative(a, origin), relative(b, origin))), matrix(relative(a, b)), atol=1e-9
    )
    assert np.allclose(matrix(origin) @ matrix(relative(a, origin)), matrix(a), atol=1e-9)


@given(POSES, POSES, TWISTS)
def test_velocities_seen_from_a_frame_are_the_derivatives_of_the_pose_seen_from_it(
    tcp: Pose, origin: Pose, twist: np.ndarray
) -> None:
    dt = 1e-6
    arm = ArmState(tcp=tcp, velocity_m_s=twist[:3], angular_velocity_rad_s=twist[3:])
    later = Pose(tcp.position_m + dt * twist[:3], rotation_from_vector(dt * twist[3:]) @ tcp.rotation)
    before, after, seen = relative(tcp, origin), relative(later, origin), seen_from(arm, origin)
    assert np.allclose((after.position_m - before.position_m) / dt, seen.velocity_m_s, atol=1e-6)
    turn = vector_from_rotation(after.rotation @ before.rotation.T) / dt
    assert np.allclose(turn, seen.angular_velocity_rad_s, atol=1e-6)


@given(TURNS, PLACES, PLACES)
def test_turning_axes_changes_no_length_and_is_undone_by_the_transpose(turn, moved, turning) -> None:
    rotation = rotation_from_vector(turn)
    there = turned(rotation, moved, turning)
    assert np.allclose([np.linalg.norm(v) for v in there], [np.linalg.norm(v) for v in (moved, turning)])
    assert np.allclose(turned(rotation.T, *there), (moved, turning), atol=1e-9)


@pytest.mark.parametrize("frame", FRAMES)
@given(turn=SMALL_TURNS, units=UNITS)
def test_what_was_executed_is_what_the_action_asked_for(frame: dict, turn: np.ndarray, units) -> None:
    settings = replace(PEG, **frame)
    full = settings.rotation == "full"
    arm = state(Pose.of((0.5, 0.0, 0.2), rotation_from_vector(turn if full else [0, 0, turn[2]]) @ TOOL_DOWN))
    size = sum(entry.size for entry in action_entries(settings))
    action = units[:size].astype(np.float32)
    executed = executed_command(arm, wanted_pose(action, arm, settings), None, settings)
    limits = [high for entry in action_entries(settings) for high in entry.high]
    assert executed.shape == (size,)
    assert np.allclose(executed, action * limits, atol=1e-6)


@given(turn=SMALL_TURNS, units=UNITS, base=POSES)
def test_tool_frame_and_reset_frame_do_not_notice_that_everything_was_moved(turn, units, base: Pose) -> None:
    """The reason for them: moved with its start, the same action gives the same observation."""
    settings = replace(PEG, action_frame="tool", pose_frame="reset", rotation="full")
    seen = []
    for shift in (Pose.of((0.0, 0.0, 0.0)), base):
        began = Pose(shift.rotation @ [0.5, 0.0, 0.2] + shift.position_m, shift.rotation @ TOOL_DOWN)
        now = Pose(began.position_m, began.rotation @ rotation_from_vector(turn))
        wanted = wanted_pose(units.astype(np.float32), state(now), settings)
        seen.append(matrix(relative(wanted, began)))
    assert np.allclose(*seen, atol=1e-9)


@given(TURNS)
def test_six_numbers_hold_a_rotation(turn: np.ndarray) -> None:
    rotation = rotation_from_vector(turn)
    assert np.allclose(rotation_from_six_d(six_d(rotation)), rotation, atol=1e-9)
    assert np.allclose(rotation_from_six_d(1.02 * six_d(rotation)), rotation, atol=1e-9)


@pytest.mark.parametrize("task", ["reach", "peg_insert", "pick_cube"])
@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: "-".join(frame.values()))
def test_the_scripts_solve_the_tasks_in_every_frame(task: str, frame: dict) -> None:
    settings = replace(build_task(task).settings, **frame)
    env = make(
        task, clock=ManualClock(), arm="mujoco" if task == "peg_insert" else "point", settings=settings
    )
    assert isinstance(env, RobotEnv)
    device = ScriptConfig(noise=0.1).build(env.interface, env)
    observation, info = env.reset(seed=1)
    device.reset(np.random.default_rng(1))
    for _ in range(100):
        env.interface.check(observation, "test")
        action = device.read(observation)
        assert env.action_space.contains(action)
        observation, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            break
    assert info["success"]
    env.close()


def test_an_episode_begins_at_the_origin_of_its_own_frame() -> None:
    settings = replace(PEG, pose_frame="reset")
    env = make("peg_insert", clock=ManualClock(), arm="point", settings=settings)
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        assert np.allclose(observation["arm/tcp_position_reset_m"], 0.0)
        assert np.allclose(observation["arm/tcp_rotation_reset_6d"], six_d(np.eye(3)), atol=1e-6)
    env.close()


def test_frames_are_told_by_the_interface_and_the_usual_ones_left_as_they_were() -> None:
    usual = [entry.name for entry in action_entries(PEG)]
    assert usual == ["translation_base", "rotation_z_base"]
    other = action_entries(replace(PEG, action_frame="tool", rotation="full"))
    assert [(entry.name, entry.size) for entry in other] == [("translation_tool", 3), ("rotation_tool", 3)]
    prints = {make("reach", clock=ManualClock(), arm="point").interface.fingerprint}
    reach = build_task("reach").settings
    for frame in ({"action_frame": "tool"}, {"pose_frame": "reset"}):
        env = make("reach", clock=ManualClock(), arm="point", settings=replace(reach, **frame))
        prints.add(env.interface.fingerprint)
        env.close()
    assert len(prints) == 3
    assert "f956895ae0b86ccd" in prints  # what recorded demos and policies of `reach` say


def test_a_script_needs_the_environment_where_poses_are_told_in_another_frame() -> None:
    settings = replace(build_task("reach").settings, action_frame="tool")
    env = make("reach", clock=ManualClock(), arm="point", settings=settings)
    with pytest.raises(ConfigError, match="another frame"):
        ScriptConfig().build(env.interface)
    env.close()


@pytest.mark.parametrize("wrong", [{"action_frame": "world"}, {"pose_frame": "tool"}, {"rotation": "euler"}])
def test_an_unknown_frame_is_refused_with_the_valid_ones(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=r"base|vertical"):
        replace(PEG, **wrong)
