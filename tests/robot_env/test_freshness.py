from dataclasses import replace

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.point import PointArmConfig
from robot_env.cameras.base import Frame, Intrinsics
from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.tasks.reach import Reach
from shared.clock import ManualClock
from shared.errors import ConfigError, ObservationError
from shared.interface import CropProfile, ObservationEntry

GOOD = Frame(image=np.zeros((6, 8, 3), np.uint8), time_seconds=0.0, number=1)
STAY = np.zeros(3, np.float32)


class Faulty:
    """A camera whose next frame is what a test made of a good one."""

    entry = ObservationEntry(name="front/image", shape=(6, 8, 3), dtype="uint8")
    crop: CropProfile | None = None
    intrinsics: Intrinsics | None = None

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.number, self.change = clock, 0, {}

    def read(self) -> Frame:
        self.number += 1
        fresh = replace(GOOD, number=self.number, time_seconds=self.clock.now())
        return replace(fresh, **self.change)

    def close(self) -> None:
        """Nothing is held."""


def open_env(max_age: float = 0.2) -> tuple[RobotEnv, Faulty]:
    clock = ManualClock(start=10.0)
    camera = Faulty(clock)
    arm = PointArmConfig().build(Reach().scene, Impedance(), None)
    return RobotEnv(Reach(), arm, None, [camera], clock, max_frame_age_seconds=max_age), camera


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"image": np.zeros((6, 9, 3), np.uint8)}, r"uint8\[6, 9, 3\], not uint8\[6, 8, 3\]"),
        ({"image": np.zeros((6, 8, 3), np.float32)}, r"float32\[6, 8, 3\], not uint8"),
        ({"image": np.zeros((6, 8, 4), np.uint8)}, r"\[6, 8, 4\]"),
        ({"image": np.zeros((6, 8), np.uint8)}, r"\[6, 8\]"),
        ({"image": np.zeros((3, 6, 8), np.uint8)}, "channels first"),
        ({"number": 1}, "repeats: frame 1 came after frame 1"),
        ({"number": 0}, "repeats"),
        ({"time_seconds": 10.5}, r"-0.4 s old"),
        ({"time_seconds": float("nan")}, "nan s old"),
        ({"time_seconds": 9.8}, r"0.3 s old, allowed are 0.2 s"),
    ],
)
def test_a_frame_that_is_none_is_refused_by_name(change: dict, cause: str) -> None:
    env, camera = open_env()
    env.reset(seed=0)
    camera.change = change
    with pytest.raises(ObservationError, match=cause) as refusal:
        env.step(STAY)
    assert "front/image" in refusal.value.cause
    assert "camera" in refusal.value.stage
    assert refusal.value.cure


def test_a_camera_that_recovers_goes_on() -> None:
    env, camera = open_env()
    env.reset(seed=0)
    camera.change = {"number": 1}
    with pytest.raises(ObservationError):
        env.step(STAY)
    camera.change = {}
    env.reset(seed=0)
    env.step(STAY)


def test_a_frame_as_old_as_allowed_passes() -> None:
    env, camera = open_env(max_age=0.5)
    env.reset(seed=0)
    camera.change = {"time_seconds": 10.0 + 0.1 - 0.45}
    env.step(STAY)


def test_a_frame_of_the_episode_before_is_no_first_frame() -> None:
    env, camera = open_env()
    env.reset(seed=0)
    camera.change = {"number": 1}
    with pytest.raises(ObservationError, match="repeats"):
        env.reset(seed=1)


@pytest.mark.parametrize("age", [0.0, -1.0, float("inf"), float("nan")])
def test_an_age_that_bounds_nothing_is_refused(age: float) -> None:
    with pytest.raises(ConfigError, match="max_frame_age_seconds"):
        make("reach", clock=ManualClock(), arm="point", max_frame_age_seconds=age)
