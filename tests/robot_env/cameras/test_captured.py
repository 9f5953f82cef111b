"""Cameras in processes of their own, which fail as cameras do and are mended, with the real librealsense."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_env.cameras.base import Frame
from robot_env.cameras.captured import CapturedCamera
from robot_env.cameras.crop import CroppedCameraConfig
from robot_env.cameras.ladder import LadderConfig
from robot_env.cameras.opencv import OpenCvCameraConfig
from robot_env.cameras.realsense import RealSenseCameraConfig
from robot_env.cameras.software import SoftwareCameraConfig
from robot_env.cameras.sources.faulty import FaultConfig
from robot_env.cameras.sources.software import moving_pattern, number_shown
from robot_env.registry import make
from shared.clock import SystemClock
from shared.errors import ConfigError, ObservationError, RobotFault

SIZE = {"height": 48, "width": 64, "stream_height": 48, "stream_width": 64}
LONG_SECONDS = 30.0
QUICK = LadderConfig(retry_seconds=0.1, settle_seconds=0.5, hang_seconds=1.0, start_seconds=LONG_SECONDS)


def software(**settings: object) -> SoftwareCameraConfig:
    return SoftwareCameraConfig(**(SIZE | settings))


def until_fault(camera: CapturedCamera) -> RobotFault:
    deadline = time.monotonic() + LONG_SECONDS
    while time.monotonic() < deadline:
        try:
            camera.read()
        except RobotFault as fault:
            return fault
        time.sleep(0.01)
    pytest.fail("the camera never failed")


def until_frame(camera: CapturedCamera) -> Frame:
    deadline = time.monotonic() + LONG_SECONDS
    while True:
        try:
            return camera.read()
        except RobotFault:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def exists(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_frames_arrive_bit_exact_with_depth_and_the_devices_words(opened) -> None:
    camera = opened(software(depth=True, serial="4711"))
    frame = until_frame(camera)
    assert np.array_equal(frame.image, moving_pattern(number_shown(frame.image), 48, 64))
    assert frame.depth_m is not None
    assert frame.depth_m.dtype == np.float32
    slope = np.broadcast_to(np.linspace(0.4, 1.0, 64), (48, 64))
    known = frame.depth_m > 0.0  # aligning leaves some pixels of the rim unknown
    assert known.mean() > 0.9
    assert np.allclose(frame.depth_m[known], slope[known], atol=2e-3)
    assert frame.device_time_seconds is not None
    assert camera.health().description.startswith("HandsOn software RealSense, serial 4711")


def test_depth_is_cropped_with_its_picture(opened) -> None:
    raw = software(depth=True)
    camera = opened(
        CroppedCameraConfig(camera=raw, top=8, left=32, crop_height=32, crop_width=32, height=16, width=16)
    )
    depth_m = until_frame(camera).depth_m
    assert depth_m is not None
    assert depth_m.shape == (16, 16)
    slope = np.broadcast_to(np.linspace(0.4, 1.0, 64)[32:].reshape(16, 2).mean(1), (16, 16))
    known = depth_m > 0.0
    assert known.mean() > 0.8
    assert np.allclose(depth_m[known], slope[known], atol=0.012)


def test_two_cameras_at_once_each_with_its_own_frames(opened, tmp_path) -> None:
    picture = tmp_path / "grey.png"
    cv2.imwrite(str(picture), np.full((48, 64, 3), (10, 20, 30), np.uint8))
    one, two = opened(software(name="one")), opened(software(name="two", picture=picture))
    assert (one.entry.name, two.entry.name) == ("one/image", "two/image")
    assert np.array_equal(until_frame(two).image, np.full((48, 64, 3), (30, 20, 10), np.uint8))  # RGB
    first = until_frame(one)
    assert number_shown(first.image) > 0


def fault(kind: str, cured_by: str, **more: object) -> FaultConfig:
    return FaultConfig(kind=kind, cured_by=cured_by, after_seconds=1.0, **more)


LONG = pytest.mark.acceptance


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (fault("frozen", "hardware_reset"), "repeats"),
        (fault("lying", "restart"), "goes back"),
        (fault("dead", "reopen"), "no frame came"),
        (fault("unplugged", "nothing", lasts_seconds=1.5), "plug it in"),
        pytest.param(fault("dead", "new_process"), "no frame came", marks=LONG),
        pytest.param(fault("hung", "new_process"), "", marks=LONG),
        pytest.param(fault("crash", "new_process"), "its process ended", marks=LONG),
    ],
    ids=lambda value: f"{value.kind}-{value.cured_by}" if isinstance(value, FaultConfig) else "",
)
def test_what_fails_is_told_and_mended(opened, fault, said, caplog) -> None:
    caplog.set_level(logging.WARNING)
    camera = opened(software(fault=fault, mending=QUICK))
    before = until_frame(camera)
    error = until_fault(camera)
    assert error.stage == "camera 'software'"
    assert until_frame(camera).number > before.number
    assert camera.health().faults >= 1
    assert said in f"{error} {caplog.text}"
    assert "delivers again after" in caplog.text


def test_a_process_that_is_killed_is_replaced_and_numbers_go_on_growing(opened) -> None:
    camera = opened(software())
    before = until_frame(camera)
    os.kill(camera._supervisor._process.pid, signal.SIGKILL)
    until_fault(camera)
    after = until_frame(camera)
    assert after.number > before.number
    assert camera.health().lives >= 2


def test_a_process_that_hangs_is_replaced_and_closing_waits_for_none(opened) -> None:
    camera = opened(software(mending=QUICK))
    os.kill(camera._supervisor._process.pid, signal.SIGSTOP)
    error = until_fault(camera)
    assert "handson check" in error.cure
    until_frame(camera)
    assert camera.health().lives >= 2
    pid = camera._supervisor._process.pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    camera.close()
    camera.close()
    assert time.monotonic() - began < LONG_SECONDS
    assert not exists(pid)


def test_an_environment_breaks_the_episode_off_and_begins_the_next_when_the_camera_is_back(
    wait_until,
) -> None:
    camera = software(fault=fault("frozen", "restart"), mending=QUICK)
    env = make("reach", clock=SystemClock(), arm="point", cameras=(camera,))
    stay = np.zeros(env.action_space.shape, np.float32)
    try:
        env.reset(seed=0)
        with pytest.raises(ObservationError):
            wait_until(lambda: env.step(stay)[2:4] == (True, True), LONG_SECONDS)
        wait_until(lambda: began(env), LONG_SECONDS, "the next episode")
        observation, *_ = env.step(stay)
        assert observation["software/image"].shape == (48, 64, 3)
    finally:
        env.close()


def began(env) -> bool:
    try:
        env.reset(seed=1)
    except ObservationError:
        return False
    return True


PARENT = """
import time
from robot_env.arms.real_world import RealWorld
from robot_env.cameras.software import SoftwareCameraConfig
from shared.clock import SystemClock
camera = SoftwareCameraConfig(height=48, width=64).build(RealWorld(()), SystemClock())
print(camera._supervisor._process.pid, flush=True)
time.sleep(600)
"""


def test_the_capture_process_ends_with_its_parent_however_that_ended(repository, wait_until) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert exists(pid)
    parent.kill()
    parent.wait(10.0)
    parent.stdout.close()
    wait_until(lambda: not exists(pid), LONG_SECONDS, "the capture process to end")


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        (RealSenseCameraConfig(serial="128422272697"), "128422272697"),
        (OpenCvCameraConfig(device="/nowhere.mp4"), "no file"),
        (software(fault=FaultConfig(kind="unplugged", after_seconds=0.0)), "plug it in"),
    ],
    ids=["realsense", "opencv", "software"],
)
def test_a_camera_that_is_not_there_is_refused_with_a_cure_and_leaves_nothing(opened, config, cause) -> None:
    with pytest.raises(RobotFault, match=cause) as refused:
        opened(config)
    assert "cannot be opened" in refused.value.cause
    assert refused.value.cure


def test_settings_that_make_no_camera_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        SoftwareCameraConfig(height=0)
    with pytest.raises(ConfigError, match="new_process"):
        FaultConfig(cured_by="magic")
