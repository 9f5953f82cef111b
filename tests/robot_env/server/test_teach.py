"""Poses shown by hand become a piece of a lab file."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.lab import load_lab
from robot_env.server.state import RobotState
from robot_env.server.teach import Lesson, TeachThread
from robot_env.tasks.at_the_bench import PegInsertReal
from shared.errors import ConfigError

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


@pytest.mark.parametrize(
    ("task", "cause", "cure"),
    [
        ("peg_insert_reel", "there is no task", "did you mean 'peg_insert_real'"),
        ("reach", "has no target to teach", "cable_route"),
    ],
)
def test_a_task_without_a_target_to_teach_is_refused(
    tmp_path: Path, task: str, cause: str, cure: str
) -> None:
    with pytest.raises(ConfigError, match=cause) as raised:
        Lesson(tmp_path / "lab.toml", task)
    assert cure in raised.value.cure


def test_a_file_that_is_there_is_not_overwritten_and_a_folder_is_made(tmp_path: Path) -> None:
    ours = tmp_path / "lab.toml"
    ours.write_text("[tasks.reach]\n")
    with pytest.raises(ConfigError, match="exists already"):
        Lesson(ours, "peg_insert_real")
    with pytest.raises(ConfigError, match="cannot be made"):
        Lesson(ours / "lab.toml", "peg_insert_real")
    assert ours.read_text() == "[tasks.reach]\n"
    lesson = Lesson(tmp_path / "new" / "lab.toml", "peg_insert_real")
    lesson.take("reset", shown(0.5, 0.0, 0.2))
    assert "# reset" in lesson.path.read_text()
    assert [path.name for path in lesson.path.parent.iterdir()] == ["lab.toml"]


def test_a_disk_that_fails_loses_nothing_that_was_shown(lesson: Lesson) -> None:
    hindrance = lesson.path.with_name("lab.toml.making")
    hindrance.mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        lesson.take("target", shown(0.5, 0.02, 0.1))
    hindrance.rmdir()
    lesson.take("reset", shown(0.5, 0.0, 0.2))
    assert load_lab(lesson.path).fit("peg_insert_real", PegInsertReal()).target_m == (0.5, 0.02, 0.1)


def test_guiding_ends_whatever_comes_from_the_keyboard(
    serve: Callable, connect: Callable, lesson: Lesson, wait_until: Any
) -> None:
    address, ended = serve().address, list[str]()
    watcher = connect(address, control=False)

    def keys() -> Iterator[str]:
        wait_until(lambda: watcher.peek().mode == "guiding", 20.0)
        yield "where"
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")

    teaching = TeachThread(address, lesson, lambda text: None, ended.append, keys())
    wait_until(lambda: ended, 20.0)
    assert watcher.peek().mode == "ready"
    assert "no text" in ended[0]
    teaching.close()


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
