"""Holding within an episode: no step meanwhile, and the next one goes out from what is there."""

import numpy as np
import pytest

from actor.choosers import Choice
from actor.rewards.environment import EnvironmentReward
from actor.rollout import EpisodeHooks, Rollout
from robot_env.env import RobotEnv
from robot_env.geometry import Pose
from robot_env.registry import make
from shared.clock import ManualClock
from shared.errors import ObservationError, RobotFault
from shared.step import Observation, Source, Step, Why


class Still:
    """Stays, and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Observation] = []

    def begin(self, rng: np.random.Generator) -> None:
        pass

    def choose(self, observation: Observation) -> Choice:
        self.shown.append(observation)
        return Choice(action=np.zeros(3, np.float32), source=Source.RANDOM)


class Stage:
    """A rollout on the point arm, whose target somebody moves during a hold after so many steps."""

    def __init__(self) -> None:
        env = make("reach", clock=ManualClock(), arm="point")
        assert isinstance(env, RobotEnv)
        self.env, self.chooser, self.steps = env, Still(), list[Step]()
        self.rollout = Rollout(env, env.interface, EnvironmentReward())

    def keep(self, step: Step, number: int) -> None:
        self.steps.append(step)

    def hold_and_move_the_target(self) -> None:
        for _ in range(3):
            self.rollout.hold()
        self.env._arm.world.place("target", Pose.of((0.3, 0.2, 0.4)))
        self.rollout.hold()

    def play(self, **hooks) -> Why:
        return self.rollout.play(self.chooser, 0, EpisodeHooks(keep=self.keep, **hooks)).why


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.env.close()


def target(observation: Observation) -> np.ndarray:
    return observation["target_from_tcp_base_m"] + observation["arm/tcp_position_base_m"]


def test_after_a_hold_the_next_action_is_chosen_from_what_is_there_then(stage: Stage) -> None:
    def interrupted() -> Why | None:
        if len(stage.steps) == 2:  # the third step was made and is not kept yet
            stage.hold_and_move_the_target()
        return Why.OPERATOR_ABORT if len(stage.steps) == 4 else None

    assert stage.play(interrupted=interrupted) is Why.OPERATOR_ABORT
    assert len(stage.steps) == len(stage.chooser.shown) == 5
    moved = [bool(np.allclose(target(step.observation), (0.3, 0.2, 0.4), atol=1e-6)) for step in stage.steps]
    assert moved == [False, False, False, True, True]
    for step, shown in zip(stage.steps, stage.chooser.shown, strict=True):
        np.testing.assert_array_equal(target(step.observation), target(shown))


def test_an_episode_begins_with_what_is_there_after_the_scene_was_made_ready(stage: Stage) -> None:
    def begun() -> None:
        stage.hold_and_move_the_target()

    stage.play(begun=begun, interrupted=lambda: Why.OPERATOR_ABORT)
    assert np.allclose(target(stage.steps[0].observation), (0.3, 0.2, 0.4), atol=1e-6)


def test_an_episode_that_shall_not_begin_has_no_steps(stage: Stage) -> None:
    assert stage.play(begun=lambda: Why.OPERATOR_ABORT) is Why.OPERATOR_ABORT
    assert stage.steps == stage.chooser.shown == []


def test_while_held_the_arm_gets_one_fixed_set_point_and_no_time_passes(stage: Stage, monkeypatch) -> None:
    sent: list[Pose] = []
    arm = stage.env._arm
    send = arm.send
    monkeypatch.setattr(arm, "send", lambda pose: (sent.append(pose), send(pose)))
    stage.env.reset(seed=0)
    for _ in range(5):
        stage.rollout.hold()
    assert len(sent) == 5
    assert all(pose is sent[0] for pose in sent)
    np.testing.assert_array_equal(sent[0].position_m, arm.read().tcp.position_m)
    stage.env.step(np.zeros(3, np.float32))
    assert stage.env.overruns == 0


def test_an_arm_that_fails_while_it_is_held_ends_the_episode_and_keeps_its_steps(
    stage: Stage, monkeypatch, caplog
) -> None:
    def interrupted() -> Why | None:
        if len(stage.steps) == 1:
            monkeypatch.setattr(stage.env._arm, "read", fail)
            stage.rollout.hold()
            stage.rollout.hold()
        return None

    def fail() -> None:
        raise RobotFault("test", "reflex", "look")

    assert issubclass(RobotFault, ObservationError)
    assert stage.play(interrupted=interrupted) is Why.OPERATOR_ABORT
    assert len(stage.steps) == 2
    assert stage.steps[-1].final_observation is not None
    assert caplog.text.count("cannot hold the arm") == 1
