"""SERL's states and actions as our tasks see them, against what their wrappers compute."""

import numpy as np
import pytest

from actor import demo
from actor.conversion.serl_actions import euler_matrix
from robot_env.geometry import Pose, rotation_from_vector, six_d
from robot_env.relative_frame import relative
from shared.errors import ConfigError
from tests.actor.conversion.conftest import observed, trajectory, written

RATE = ("--control-hz", "10")
RESET_POSE = (0.55, -0.03, 0.28, np.pi, 0.02, -0.05)
SCALE_M, SCALE_RAD = 0.01, 0.06
AS_PEG = (
    *("--task", "peg_insert_real", "--cameras", "front", "wrist", "--image-size", 8),
    *("--map", "front/image=wrist_1", "wrist/image=wrist_2"),
    *("--serl.action-scale", SCALE_M, SCALE_RAD, 1, "--serl.reset-pose", *RESET_POSE),
)


def serl_adjoint(pose: Pose):
    """As serl_robot_infra/franka_env/utils/transformations.py builds it."""
    x, y, z = pose.position_m
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    adjoint = np.zeros((6, 6))
    adjoint[:3, :3] = adjoint[3:, 3:] = pose.rotation
    adjoint[3:, :3] = skew @ pose.rotation
    return adjoint


def angles_of(rotation):
    """Euler angles xyz, as scipy gives them away from the poles."""
    return np.array(
        [
            np.arctan2(rotation[2, 1], rotation[2, 2]),
            np.arcsin(-rotation[2, 0]),
            np.arctan2(rotation[1, 0], rotation[0, 0]),
        ]
    )


class Walk:
    """What a person asks for in the base frame, and what SERL's wrappers make of it."""

    def __init__(self, rng, length):
        began = Pose(np.array(RESET_POSE[:3]), euler_matrix(np.array(RESET_POSE[3:])))
        self.asked = rng.uniform(-0.4, 0.4, (length, 6))
        self.poses, self.velocities, self.stored = [began], rng.uniform(-0.1, 0.1, (length + 1, 6)), []
        for moved in self.asked:
            at = self.poses[-1]
            self.stored.append(np.linalg.inv(serl_adjoint(at)) @ moved)
            turned = euler_matrix(moved[3:] * SCALE_RAD) @ at.rotation
            self.poses.append(Pose(at.position_m + moved[:3] * SCALE_M, turned))
        self.rng, self.began = rng, began

    def transitions(self):
        observations = [self.observation(number) for number in range(len(self.poses))]
        walk = iter(observations)
        items = trajectory(self.rng, len(self.stored), observe=lambda _: next(walk), actions=6)
        for item, action in zip(items, self.stored, strict=True):
            item["actions"] = action
        return items

    def observation(self, number):
        pose = self.poses[number]
        seen = relative(pose, self.began)
        velocity = np.linalg.inv(serl_adjoint(pose)) @ self.velocities[number]
        state = np.concatenate(
            [[1.0], np.zeros(3), seen.position_m, angles_of(seen.rotation), np.zeros(3), velocity]
        )
        return observed(self.rng) | {"state": state[None]}


def test_poses_velocities_and_actions_are_those_of_our_frames(tmp_path, imports):
    walk = Walk(np.random.default_rng(3), 6)
    path = written(tmp_path / "a.pkl", walk.transitions())
    _, interface, [episode] = imports(path, *RATE, *AS_PEG)
    assert interface.name == "peg_insert_real"
    limits = {entry.name: entry.high[0] for entry in interface.actions}
    for number, record in enumerate(episode.steps):
        step, pose = record.step, walk.poses[number]
        seen = relative(pose, walk.began)
        back = walk.began.rotation.T
        np.testing.assert_allclose(step.observation["arm/tcp_position_reset_m"], seen.position_m, atol=1e-6)
        np.testing.assert_allclose(
            step.observation["arm/tcp_rotation_reset_6d"], six_d(seen.rotation), atol=1e-6
        )
        np.testing.assert_allclose(
            step.observation["arm/tcp_velocity_reset_m_s"], back @ walk.velocities[number][:3], atol=1e-6
        )
        moved = step.chosen_action[:3] * limits["translation_tool"]
        np.testing.assert_allclose(pose.rotation @ moved, walk.asked[number][:3] * SCALE_M, atol=1e-6)
        turn = rotation_from_vector(pose.rotation @ step.chosen_action[3:] * limits["rotation_tool"])
        np.testing.assert_allclose(turn @ pose.rotation, walk.poses[number + 1].rotation, atol=1e-6)
    turning = episode.steps[2].step.observation["arm/tcp_angular_velocity_reset_rad_s"] / 10.0
    before, now = (relative(walk.poses[number], walk.began).rotation for number in (1, 2))
    np.testing.assert_allclose(rotation_from_vector(turning) @ before, now, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--control-hz": 20}, "steps a second"),
        ({"--serl.reset-pose": None}, "give RESET_POSE"),
        ({"--serl.action-scale": None}, "give ACTION_SCALE"),
        ({"--map": None}, "front/image"),
        ({"--image-size": 9}, "not uint8"),
        ({"--task": "reach_vision"}, "arm/tcp_position_base_m"),
    ],
)
def test_what_does_not_fit_the_task_is_refused(tmp_path, changed, said):
    path = written(tmp_path / "a.pkl", Walk(np.random.default_rng(3), 3).transitions())
    options = {
        "--control-hz": (10,),
        "--task": ("peg_insert_real",),
        "--cameras": ("front", "wrist"),
        "--image-size": (8,),
        "--map": ("front/image=wrist_1", "wrist/image=wrist_2"),
        "--serl.action-scale": (SCALE_M, SCALE_RAD, 1),
        "--serl.reset-pose": RESET_POSE,
    } | {name: value if value is None else (value,) for name, value in changed.items()}
    words = [str(w) for name, values in options.items() if values is not None for w in (name, *values)]
    with pytest.raises(ConfigError) as refused:
        demo.main(["import", str(path), "--out", str(tmp_path / "out"), *words])
    assert said in str(refused.value)


def test_pictures_are_resized_where_asked_and_entries_renamed(tmp_path, imports, capsys):
    rng = np.random.default_rng(1)
    path = written(tmp_path / "a.pkl", trajectory(rng, 2))
    rules = ("--map", "front/image=wrist_1", "arm/position=state[4:7]")
    _, interface, [episode] = imports(path, *RATE, *rules)
    assert [entry.name for entry in interface.observations] == ["front/image", "arm/position", "wrist_2"]
    assert episode.steps[0].step.observation["arm/position"].shape == (3,)
    assert "'state': no rule names them" in capsys.readouterr().out.replace("\n", " ")
    _, interface, [episode] = imports(
        path, *RATE, *AS_PEG, "--image-size", 4, "--resize", "--clip-actions", out="b"
    )
    assert episode.steps[0].step.observation["front/image"].shape == (4, 4, 3)
