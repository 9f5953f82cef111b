"""RobotEnv: a task on an arm with a gripper and cameras, stepped at a fixed rate."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from robot_env.actions import admit, executed_command, wanted_opening, wanted_pose
from robot_env.arms.base import Arm, Recoverable
from robot_env.arms.real_world import RealWorld
from robot_env.cameras.base import Camera
from robot_env.cameras.freshness import MAX_AGE_SECONDS, FreshFrames
from robot_env.description import describe_world, space_of
from robot_env.geometry import Pose, six_d
from robot_env.grippers.base import Gripper
from robot_env.observing import arm_values
from robot_env.rate import Rate
from robot_env.rendering.base import FrameSource, Look
from robot_env.tasks.base import Judgement, Situation, Staged, Start, Task
from shared.clock import Clock
from shared.errors import ConfigError, ObservationError
from shared.step import Action, Observation, Why

LET_GO_SECONDS = 0.5


class RobotEnv(gymnasium.Env[dict[str, Any], Action]):
    """One arm practising one task.

    `step` takes an action (A,) in [-1, 1] and owns the rate: it returns at the end of the period. Its info
    holds success (bool), why (a Why value or None), reward_terms (dict), executed_command ((A,) float32, SI
    units, after safety, the gripper as 1 open and -1 closed), limited_by (names of the limits reached) and
    overrun_seconds. `reset(seed=...)` alone decides the start, and how it looks. Raises ObservationError for
    anything that is not finite, and for a frame that is old, repeated or not what its camera declares.

    Attributes:
        goes_on: whether episodes go on once the task is done, for somebody else judges.
    """

    def __init__(
        self,
        task: Task,
        arm: Arm,
        gripper: Gripper | None,
        cameras: Sequence[Camera],
        clock: Clock,
        frames: FrameSource | None = None,
        *,
        max_frame_age_seconds: float = MAX_AGE_SECONDS,
        look: Look | None = None,
    ) -> None:
        self._fresh = {c.entry.name: FreshFrames(c, clock, max_frame_age_seconds) for c in cameras}
        self.goes_on = False
        self._clock, self._look, self._max_frame_age_seconds = clock, look, max_frame_age_seconds
        self._task, self._arm, self._gripper, self._cameras = task, arm, gripper, tuple(cameras)
        self._settings = task.settings
        self._rate = Rate(self._settings.control_hz, clock)
        self._frames = frames
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": round(self._settings.control_hz)}
        self.render_mode = None if frames is None else "rgb_array"
        self.interface = describe_world(task, self._cameras)
        self.observation_space = spaces.Dict({e.name: space_of(e) for e in self.interface.observations})
        self.action_space = spaces.Box(-1.0, 1.0, (self.interface.action_size,), np.float32)
        self._bounded = [e for e in self.interface.observations if not e.is_image]
        self._steps = 0
        self._over = True
        self._situation: Situation | None = None
        self._start: Start | None = None
        self._began = Pose.of((0.0, 0.0, 0.0))
        self._held: Pose | None = None

    @property
    def judged_by(self) -> str:
        """Who says whether the task is done: "environment", or "operator" where only a person can tell."""
        return getattr(self._task, "judged_by", "environment")

    @property
    def start(self) -> Start | None:
        """What the last reset drew."""
        return self._start

    def start_of(self, seed: int) -> Start:
        """What a reset with this seed would draw; nothing moves."""
        return self._task.sample_start(seeding.np_random(seed)[0])

    @property
    def real(self) -> bool:
        """Whether what moves here can hurt somebody."""
        return isinstance(self._arm.world, RealWorld)

    def extend(self, periods: int) -> None:
        """Let this episode take so many periods more than its task allows, as when it is played slowly."""
        self._steps -= periods

    @property
    def solved(self) -> bool:
        """Whether the task is done in the last situation that was measured."""
        return self._situation is not None and self._task.judge(self._situation).success

    def also(self, task: Task) -> "RobotEnv":
        """An environment for another task on the same bench; only one of both may be stepped at a time.

        Raises:
            ConfigError: the task needs another scene, another gripper, or another rate.
        """
        mine, other = self._settings, task.settings
        alike = (mine.drives_gripper, mine.control_hz) == (other.drives_gripper, other.control_hz)
        if task.scene != self._task.scene or not alike:
            raise ConfigError(
                f"making {task.name}",
                f"it cannot share a bench with {self._task.name}: scene, gripper or rate differ",
                "choose a task that undoes the other, as relocate_forward and relocate_back",
            )
        return RobotEnv(
            task,
            self._arm,
            self._gripper,
            self._cameras,
            self._clock,
            self._frames,
            max_frame_age_seconds=self._max_frame_age_seconds,
            look=self._look,
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """How far the task may have come, in its own words, in order; empty where it cannot tell."""
        return self._task.stages if isinstance(self._task, Staged) else ()

    @property
    def stage(self) -> int | None:
        """Which of `stages` it is now; None before anything was seen, and where it cannot tell."""
        if self._situation is None or not isinstance(self._task, Staged):
            return None
        return self._task.stage(self._situation)

    @property
    def overruns(self) -> int:
        """How many periods ended late."""
        return self._rate.overruns

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Place the scene and the arm; without a seed the starts go on from the last one.

        With `options={"keep_scene": True}` objects stay where they are: the gripper lets go, and only the
        arm, and what the task imagines, is placed.
        """
        super().reset(seed=seed)
        self._held = None  # a pose from before is no place to hold, however the reset ends
        self._start = self._task.sample_start(self.np_random)
        keep_scene = bool((options or {}).get("keep_scene"))
        self._begin(self._start, self.np_random, keep_scene=keep_scene)
        self._steps, self._over = 0, False
        situation = self._measure()
        self._began = situation.arm.tcp
        observation = self._observe(situation, first=True)
        self._rate.restart()
        return observation, {"success": self._task.judge(situation).success}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One period."""
        if self._over or self._situation is None:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset before step")
        self._held = None
        info = self._move(admit(action, self.interface.action_size), self._situation)
        self._arm.world.advance(self._rate.period_seconds)
        info["overrun_seconds"] = self._rate.wait()
        situation = self._measure()
        observation, judgement = self._observe(situation), self._judge(situation)
        self._steps += 1
        why = self._why(judgement)
        self._over = why is not None
        info |= {
            "success": judgement.success,
            "why": why,
            "reward_terms": dict(judgement.reward_terms),
        }
        reward = float(sum(judgement.reward_terms.values()))
        return observation, reward, why is Why.SUCCESS, why is Why.TIME_LIMIT, info

    def hold(self) -> None:
        """Stay at the pose measured now, for as long as this is called over and over instead of `step`."""
        pose = self._held or self._arm.read().tcp
        self._arm.send(pose)
        self._held = pose
        self._rate.restart()

    def recover(self) -> None:
        """Clear what stopped the arm, for a person who has looked at it; nothing for arms that never stop."""
        if isinstance(self._arm, Recoverable):
            self._arm.recover()

    def look(self) -> Observation:
        """What there is to see between two steps: after a hold, the next step goes out from here."""
        return self._observe(self._measure())

    def see(self) -> Observation:
        """Arm, gripper and all that the task knows now, hidden poses too: for scripts, not for policies.

        The arm in the base frame whatever the policy is shown, its orientation always.
        """
        if self._situation is None:
            raise gymnasium.error.ResetNeeded("nothing was seen yet: call reset first")
        situation = self._sense()
        settings = dataclasses.replace(self._settings, pose_frame="base")
        values = arm_values(settings, situation.arm, situation.gripper, self._began)
        values["arm/tcp_rotation_base_6d"] = six_d(situation.arm.tcp.rotation).astype(np.float32)
        return values | dict(self._task.observe(situation))

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The scene as (H, W, 3) uint8 RGB, or None where no rendering was asked for."""
        return None if self._frames is None else self._frames.frame()

    def close(self) -> None:
        """Close every device; harmless twice."""
        self._over = True
        for camera in self._cameras:
            camera.close()
        if self._frames is not None:
            self._frames.close()
        if self._gripper is not None:
            self._gripper.close()
        self._arm.close()

    def _begin(self, start: Start, rng: np.random.Generator, *, keep_scene: bool) -> None:
        world = self._arm.world
        if keep_scene:
            self._let_go()
        else:
            world.clear()
        imagined = {thing.name for thing in self._task.scene if thing.kind == "marker"}
        for name, pose in start.objects.items():
            if not keep_scene or name in imagined:
                world.place(name, pose)
        self._arm.reset(start.tcp)
        if self._gripper is not None:
            self._gripper.reset(opening=True)
        if self._look is not None:
            self._look.draw(rng)
        world.settle()

    def _let_go(self) -> None:
        """Open the gripper where the arm is, unless that is stopped; wait until what it held lies still."""
        if self._gripper is not None:
            if isinstance(self._arm, Recoverable):
                self._arm.recover_by_rules()
            self._arm.read()
            self._gripper.reset(opening=True)
            self._arm.world.advance(LET_GO_SECONDS)

    def _move(self, action: Action, before: Situation) -> dict[str, Any]:
        wanted = wanted_pose(action, before.arm, self._settings)
        bounded = self._settings.envelope.bound(wanted, before.arm, self._rate.period_seconds)
        opening = None
        if self._gripper is not None and before.gripper is not None:
            opening = wanted_opening(action, before.gripper.opening, self._settings)
            self._gripper.send(opening)
        self._arm.send(bounded.target)
        executed = executed_command(before.arm, bounded.target, opening, self._settings)
        return {"executed_command": executed, "limited_by": bounded.limited_by}

    def _measure(self) -> Situation:
        self._situation = self._sense()
        return self._situation

    def _sense(self) -> Situation:
        gripper = None if self._gripper is None else self._gripper.read()
        return Situation(arm=self._arm.read(), gripper=gripper, objects=self._arm.world.poses())

    def _observe(self, situation: Situation, *, first: bool = False) -> Observation:
        values = arm_values(self._settings, situation.arm, situation.gripper, self._began)
        values |= self._task.observe(situation)
        values |= {name: frames.first() if first else frames.next() for name, frames in self._fresh.items()}
        self.interface.check(values, f"observing {self._task.name}")
        for entry in self._bounded:
            np.clip(values[entry.name], entry.low, entry.high, out=values[entry.name])
        return {entry.name: values[entry.name] for entry in self.interface.observations}

    def _judge(self, situation: Situation) -> Judgement:
        judgement = self._task.judge(situation)
        for name, term in judgement.reward_terms.items():
            if not np.isfinite(term):
                raise ObservationError(
                    f"rewarding {self._task.name}",
                    f"reward term {name!r} is {term}",
                    "find the measurement behind it; the step was not recorded",
                )
        return judgement

    def _why(self, judgement: Judgement) -> Why | None:
        if judgement.success and not self.goes_on:
            return Why.SUCCESS
        return Why.TIME_LIMIT if self._steps >= self._settings.horizon_steps else None
