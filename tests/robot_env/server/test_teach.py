"""Poses shown by hand become a piece of a lab file."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.lab import load_lab
from robot_env.server.state import RobotState
from robot_env.server.teach import Lesson
from robot_env.tasks.at_the_bench import PegInsertReal

SERVE = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"


def shown(x: float, y: float, z: float, heading_rad: float = 0.0) -> RobotState:
    tcp = Pose.of((x, y, z), rotation_from_vector((0.0, 0.0, heading_rad)) @ TOOL_DOWN)
    return RobotState(
        number=1,
        time_seconds=0.0,
        arm=ArmState(tcp=tcp, velocity_m_s=np.zeros(3), angular_velocity_rad_s=np.zeros(3)),
        torque_nm=np.zeros(3),
        joint_velocities_rad_s=np.zeros(7),
        jacobian=np.zeros((6, 7)),
        gripper=None,
        mode="guiding",
        reason="",
        command_success_rate=1.0,
    )


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    return Lesson(tmp_path / "lab.toml", "peg_insert_real")


def test_what_was_shown_is_a_lab_file(lesson: Lesson) -> None:
    lesson.take("target", shown(0.5, 0.02, 0.1, heading_rad=-0.3))
    lesson.take("corner", shown(0.45, 0.1, 0.08))
    lesson.take("corner", shown(0.55, -0.1, 0.2))
    lesson.take("where", shown(0.7, 0.3, 0.4))
    lab = load_lab(lesson.path)
    assert lab.limits.low_m == (0.449, -0.101, 0.079)
    assert lab.limits.high_m == (0.551, 0.101, 0.201)
    task = lab.fit("peg_insert_real", PegInsertReal())
    assert task.target_m == (0.5, 0.02, 0.1)
    assert task.target_heading_rad == pytest.approx(-0.3)


def test_each_pose_is_on_disk_at_once_and_one_corner_is_no_box(lesson: Lesson) -> None:
    lesson.take("corner", shown(0.45, 0.1, 0.08))
    assert tomllib.loads(lesson.path.read_text()) == {}
    lesson.take("reset", shown(0.5, 0.0, 0.2))
    assert "# reset: [0.5000, 0.0000, 0.2000] m" in lesson.path.read_text()


def test_a_person_teaches_a_server_that_ends_when_they_are_done(tmp_path: Path) -> None:
    path = tmp_path / "taught.toml"
    settings = ["--bind", "tcp://127.0.0.1:0", "--no-realtime", "--teach", str(path)]
    done = subprocess.run(
        [sys.executable, "-u", "-c", SERVE, *settings, "--supervision.answer-seconds", "10"],
        input="target\nup\ndone\n",
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert "teaching: 'up' is none of target" in done.stdout
    assert "ended by teaching" in done.stdout
    assert tomllib.loads(path.read_text())["tasks"]["peg_insert_real"]["target_m"][2] > 0.1
