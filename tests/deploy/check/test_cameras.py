"""Cameras: real ones made of software, made-up measurements, and a made-up USB tree."""

from pathlib import Path
from typing import Any

import pytest

from deploy.check import usb
from deploy.check.base import Outcome
from deploy.check.bench import Bench
from deploy.check.cameras import camera, checks, judge
from deploy.check.config import CheckConfig
from deploy.check.host import Host
from deploy.check.running import run_all
from robot_env.cameras.realsense import RealSenseCameraConfig
from robot_env.cameras.software import SoftwareCameraConfig
from robot_env.lab import Lab
from robot_env.tasks.reach import Reach


def bench(*cameras: Any, sys: Path = Path("/nowhere")) -> Bench:
    lab = Lab(cameras=cameras)
    return Bench(config=CheckConfig(), lab=lab, task=Reach(), host=Host(sys=sys, environment={}))


def outcomes(found: Any) -> dict[str, Outcome]:
    return {finding.name: finding.outcome for finding in run_all(found)}


def test_a_software_camera_delivers_through_the_real_pipeline():
    config = SoftwareCameraConfig(name="front", height=48, width=64)
    outcome = camera(bench(config), config)
    assert outcome.status in ("ok", "warn"), outcome
    assert "new frames/s" in outcome.detail


def test_a_camera_that_is_not_there_fails_with_a_cure():
    found = outcomes(checks(bench(RealSenseCameraConfig(name="wrist", serial="1"))))
    assert found["camera wrist"].status == "fail"
    assert "1" in found["camera wrist"].detail
    assert found["camera wrist"].cure


@pytest.mark.parametrize(
    ("hz", "ages", "status"),
    [
        (30.0, [0.02, 0.04], "ok"),
        (20.0, [0.02, 0.05], "warn"),
        (30.0, [0.02, 0.02, 0.5], "warn"),
        (8.0, [0.02, 0.1], "fail"),
        (30.0, [0.5, 0.5, 0.02], "fail"),
    ],
)
def test_frames_must_be_many_and_young(hz: float, ages: list[float], status: str):
    outcome = judge(hz, ages, asked_hz=30.0, control_hz=10.0)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


def device(root: Path, name: str, **told: str) -> None:
    entry = root / usb.DEVICES / name
    entry.mkdir(parents=True)
    for attribute, text in told.items():
        (entry / attribute).write_text(f"{text}\n")


def test_two_cameras_on_one_slow_bus_are_told_apart_and_moved(tmp_path: Path):
    device(tmp_path, "usb1", speed="480")
    for port, serial in (("1-1", "11"), ("1-2", "22")):
        told = {"product": "Intel RealSense D435", "serial": serial, "speed": "480", "idVendor": "8086"}
        device(tmp_path, port, **told)
    cameras = [RealSenseCameraConfig(name=name, serial=serial) for name, serial in (("a", "11"), ("b", "22"))]
    found = outcomes(usb.checks(bench(*cameras, sys=tmp_path)))
    assert found["usb bus 1"].status == "fail"
    assert "move" in found["usb bus 1"].cure
    assert found["usb a"].status == "warn"
    assert "USB 2" in found["usb a"].detail


def test_cameras_that_are_not_on_usb_need_no_bus():
    assert outcomes(usb.checks(bench(SoftwareCameraConfig())))["usb"].status == "skip"
