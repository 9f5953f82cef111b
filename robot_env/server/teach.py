"""`handson robot --teach FILE`: record poses by leading the arm by hand; a word and Enter keeps each.

What is kept is written at once as a piece of a lab file, so nothing is lost when the server is killed.
"""

import dataclasses
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from robot_env.families import nearest, resolve
from robot_env.geometry import TOOL_DOWN, Pose, Vector, quaternion_wxyz, vector_from_rotation
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.state import RobotState
from robot_env.tasks import TASKS
from shared.clock import SystemClock
from shared.errors import ConfigError, HandsOnError, RobotFault

log = logging.getLogger(__name__)

STAGE = "teaching"
TAUGHT = {"target_m", "target_heading_rad"}
WORDS = ("target", "reset", "corner", "where", "done")
HELP = "lead the arm by hand; target, reset, corner (of the workspace), where, done; each with Enter"
MARGIN_M = 0.001


class Lesson:
    """What was shown so far, and the file it is kept in.

    Attributes:
        poses: by word: `target` and `reset`.
        corners_m: of the workspace, as many as were shown.
        path: of the file.

    Raises:
        ConfigError: the file is there already or cannot be, or the task has no target to teach.
    """

    def __init__(self, path: Path, task: str) -> None:
        _require_teachable(task)
        _require_new(path)
        self.poses: dict[str, Pose] = {}
        self.corners_m: list[Vector] = []
        self.path, self._task = path, task

    def take(self, word: str, state: RobotState) -> str:
        """Keep the pose of the tool under a word; what to say. ConfigError where the disk fails."""
        tcp = state.arm.tcp
        if word == "corner":
            self.corners_m.append(tcp.position_m)
        elif word in ("target", "reset"):
            self.poses[word] = tcp
        told = (
            f"{word} {np.round(tcp.position_m, 4)} m, turned {_heading_rad(tcp):.3f} rad about the vertical"
        )
        if word != "where":
            self._keep()
        return told

    def _keep(self) -> None:
        making = self.path.with_name(self.path.name + ".making")
        try:
            making.write_text(self.text(), encoding="utf-8")
            making.replace(self.path)
        except OSError as error:
            cause = f"{self.path} cannot be written: {error.strerror}"
            raise ConfigError(STAGE, cause, "make room for it, then say it again") from None

    def text(self) -> str:
        """A piece of a lab file: the task's target, and the limits that hold every corner."""
        lines: list[str] = []
        if len(self.corners_m) > 1:
            low, high = np.min(self.corners_m, axis=0), np.max(self.corners_m, axis=0)
            lines += [
                "[limits]",
                f"low_m = {_numbers(low - MARGIN_M)}",
                f"high_m = {_numbers(high + MARGIN_M)}",
            ]
        if target := self.poses.get("target"):
            lines += ["", f"[tasks.{self._task}]", f"target_m = {_numbers(target.position_m)}"]
            lines.append(f"target_heading_rad = {_heading_rad(target):.4f}")
        for word, pose in self.poses.items():
            xyzw = np.roll(quaternion_wxyz(pose.rotation), -1)
            lines.append(f"# {word}: {_numbers(pose.position_m)} m, quaternion xyzw {_numbers(xyzw)}")
        return "\n".join(lines).lstrip() + "\n"


class TeachThread:
    """Leads a person through it, in a thread of its own beside the server's loop.

    Args:
        endpoint: of the robot server.
        lesson: keeps what is shown.
        tell: shows a line to the person.
        end: called with how it ended, once.
        lines: what the person types.
    """

    def __init__(
        self,
        endpoint: str,
        lesson: Lesson,
        tell: Callable[[str], None],
        end: Callable[[str], None],
        lines: Iterable[str] = sys.stdin,
    ) -> None:
        self._endpoint, self._lesson, self._tell, self._lines = endpoint, lesson, tell, lines
        self._end = end
        self._client: RobotClient | None = None
        self._thread = threading.Thread(target=self._run, name="teach", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Disconnect; a thread that waits for a line is left behind."""
        if self._client is not None:
            self._client.close()

    def _run(self) -> None:
        try:
            self._client = RobotClient(RobotClientConfig(address=self._endpoint, name="teach"), SystemClock())
            self._lead(self._client)
        except HandsOnError as error:
            self._end(str(error))
        except Exception as error:
            log.exception("teaching failed")
            self._end(f"{type(error).__name__}: {error}")
        else:
            self._end(f"kept in {self._lesson.path}" if self._lesson.path.exists() else "nothing was kept")

    def _lead(self, client: RobotClient) -> None:
        client.guide(True)
        try:
            self._tell(HELP)
            self._follow(client)
        finally:
            client.guide(False)

    def _follow(self, client: RobotClient) -> None:
        for line in self._lines:
            word = line.strip().lower()
            if word == "done":
                return
            if word not in WORDS:
                self._tell(f"{word!r} is none of {', '.join(WORDS)}")
                continue
            try:
                self._tell(self._lesson.take(word, client.state()))
            except (RobotFault, ConfigError) as error:
                self._tell(str(error))


def _require_teachable(task: str) -> None:
    kinds = {name: resolve("task", TASKS, name) for name in TASKS}
    taught = [
        name for name, kind in kinds.items() if {field.name for field in dataclasses.fields(kind)} >= TAUGHT
    ]
    if task not in taught:
        cause = f"{task} has no target to teach" if task in TASKS else f"there is no task {task!r}"
        raise ConfigError(STAGE, cause, f"give --teach-task: {nearest(task, taught)}")


def _require_new(path: Path) -> None:
    if path.exists():
        raise ConfigError(STAGE, f"{path} exists already", "name a new file by --teach")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cause = f"{path.parent} cannot be made ({error.strerror})"
        raise ConfigError(STAGE, cause, "name another file by --teach") from None
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(STAGE, f"{path.parent} may not be written to", "name another file by --teach")


def _heading_rad(pose: Pose) -> float:
    """How far the tool is turned about the vertical, against pointing straight down."""
    turn = vector_from_rotation(pose.rotation @ TOOL_DOWN.T)
    return float(math.remainder(turn[2], 2 * math.pi))


def _numbers(values: Vector) -> str:
    return "[" + ", ".join(f"{value:.4f}" for value in np.round(values, 4) + 0.0) + "]"
