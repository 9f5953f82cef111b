"""Rollout: the control loop of one episode: observe, choose, step, judge, record.

The same loop practises, demonstrates and evaluates; only the chooser and what becomes of the steps differ.
On a wall clock it never waits for a socket, a disk or a compile: `RobotEnv.step` owns the rate, and `keep`
only copies.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from actor.choosers import Choice, Chooser
from actor.episode import EpisodeRecorder
from actor.outcome import EpisodeOutcome, Tally
from actor.rewards.base import JudgesAlone, LabelledReward, RewardModel, SeesSuccess, StepResult, Verdict
from actor.rewards.environment import EnvironmentReward
from actor.samples import Samples
from robot_env.env import RobotEnv
from shared.errors import ObservationError, SpoolFull
from shared.interface import InterfaceSpec
from shared.step import Observation, Step, Why

log = logging.getLogger(__name__)

STAGE = "acting"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeHooks:
    """What a caller adds to the loop, on the control thread.

    Attributes:
        begun: asked after the reset; an answer ends the episode before its first step.
        done: asked then where the task is done already; likewise.
        before_choice: called before each action is chosen.
        interrupted: asked after each action; an answer makes that step the last one.
        keep: takes each step with its number within the episode; SpoolFull ends the episode.
        correct: takes a later verdict on the last step that was kept, by its number; the episode ends there.
    """

    begun: Callable[[], Why | None] = lambda: None
    done: Callable[[], Why | None] = lambda: None
    before_choice: Callable[[], None] = lambda: None
    interrupted: Callable[[], Why | None] = lambda: None
    keep: Callable[[Step, int], None] = lambda step, number: None
    correct: Callable[[int, Verdict], None] = lambda number, verdict: None


class Rollout:
    """Plays episodes in one environment, on one thread.

    Attributes:
        interface: of the environment.
        judge: of its steps.
        robot: the environment, where it is one of HandsOn's own.
        overrun_seconds: by how much each period was late, where the environment measures it.
        keep_scene: whether a reset leaves objects where they are.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], interface: InterfaceSpec, judge: RewardModel) -> None:
        self.overrun_seconds = Samples()
        self.keep_scene = False
        self._env = env
        self.interface = interface
        self.judge = judge
        self._recorder = EpisodeRecorder(interface)
        self._success = self._reset_done = False
        self.robot = env.unwrapped if isinstance(env.unwrapped, RobotEnv) else None
        self._held = False

    @property
    def solved(self) -> bool:
        """Whether the task is done where things are now; False where others than the environment judge."""
        judges = isinstance(self.judge, EnvironmentReward)
        return judges and self.robot is not None and self.robot.solved

    def hold(self) -> None:
        """Keep the arm where it is, for as long as this is called over and over and nothing is stepped.

        What is chosen next is chosen from what is seen then.
        """
        if self.robot is None:
            return
        try:
            self.robot.hold()
        except ObservationError as error:
            log.log(logging.DEBUG if self._held else logging.WARNING, "cannot hold the arm: %s", error)
        self._held = True

    def recover(self) -> None:
        """Recover a stopped arm with the operator's consent; where that fails, the next reset tells why."""
        if self.robot is None:
            return
        try:
            self.robot.recover()
        except ObservationError as error:
            log.warning("cannot recover the arm: %s", error)

    def play(self, chooser: Chooser, start_seed: int, hooks: EpisodeHooks | None = None) -> EpisodeOutcome:
        """One episode from the start state that `start_seed` alone determines.

        An environment that returns what its interface does not allow breaks the episode: the steps before it
            stay, and the faulty one is kept as the last, truncated, without what came after it.
        """
        hooks = hooks or EpisodeHooks()
        episode = Tally(start_seed)
        try:
            observation = self._reset(start_seed)
            if (why := hooks.begun()) is not None:
                return episode.outcome(why)
            observation = self._begin(observation)
        except ObservationError as fault:
            return episode.outcome(Why.FAULT, fault=fault)
        episode.done_at_start = self._done_at_start(observation)
        if episode.done_at_start and (why := hooks.done()) is not None:
            return episode.outcome(why)
        chooser.begin(np.random.default_rng((start_seed, 1)))
        while True:
            hooks.before_choice()
            choice = chooser.choose(observation)
            fault = None
            try:
                step, observation = self._act(choice, hooks)
            except ObservationError as error:
                step, fault = self._recorder.fault(choice), error
            except _SaidOfTheStepBefore as said:
                hooks.correct(episode.length - 1, said.verdict)
                return episode.corrected(said.verdict)
            episode.add(step, self._success)
            try:
                hooks.keep(step, episode.length - 1)
            except SpoolFull as full:
                # The step itself is sound, and so is learned from: FAULT would mask it.
                last = step if step.last else self._recorder.cut(step, Why.OPERATOR_ABORT)
                return episode.outcome(Why.FAULT, fault=full, unkept=last)
            if step.why is not None:
                return episode.outcome(step.why, fault=fault)

    def _reset(self, start_seed: int) -> Observation:
        options = {"keep_scene": True} if self.keep_scene else None
        observation, info = self._env.reset(seed=start_seed, options=options)
        self.interface.check(observation, STAGE)
        self._success = self._held = False
        self._reset_done = bool(info.get("success", info.get("is_success", False)))
        return observation

    def _begin(self, observation: Observation) -> Observation:
        observation = self._look(observation)
        self.judge.begin(observation)
        return self._recorder.begin(observation)

    def _done_at_start(self, observation: Observation) -> bool:
        """Whether who judges takes the first state for success; a person says nothing before it is over."""
        if isinstance(self.judge, SeesSuccess):
            return self.judge.done(observation)
        return self._reset_done and not isinstance(self.judge, JudgesAlone)

    def _look(self, observation: Observation) -> Observation:
        """The observation, or a new one where time passed without a step."""
        if self.robot is None or not self._held:
            return observation
        self._held = False
        return self.robot.look()

    def _act(self, choice: Choice, hooks: EpisodeHooks) -> tuple[Step, Observation]:
        result = self._result(*self._env.step(choice.action))
        verdict = self.judge.judge(result)
        if verdict.of_the_step_before:
            raise _SaidOfTheStepBefore(verdict)
        self._success = verdict.success
        step, observation = self._recorder.record(choice, result, verdict)
        if step.last:
            return step, observation
        why = hooks.interrupted()
        if self._held and (verdict := self._said_meanwhile()) is not None:
            self._success = verdict.success
            return self._recorder.end(step, verdict), observation
        if why is not None:
            return self._recorder.cut(step, why), observation
        return self._go_on(step, observation)

    def _said_meanwhile(self) -> Verdict | None:
        """What a person said while the arm was held: no step is in progress, so it ends the one before."""
        return self.judge.late(math.inf) if isinstance(self.judge, LabelledReward) else None

    def _go_on(self, step: Step, observation: Observation) -> tuple[Step, Observation]:
        """From where the step led, or, after a hold, from what is there now."""
        if not self._held:
            return step, observation
        try:
            return step, self._recorder.begin(self._look(observation))
        except ObservationError as error:
            log.error("cannot go on after the hold: %s", error)
            return self._recorder.cut(step, Why.OPERATOR_ABORT), observation

    def _result(
        self, observation: Observation, reward: Any, terminated: bool, truncated: bool, info: dict[str, Any]
    ) -> StepResult:
        if "overrun_seconds" in info:
            self.overrun_seconds.add(info["overrun_seconds"])
        self.interface.check(observation, STAGE)
        if not math.isfinite(reward):
            raise ObservationError(
                STAGE, f"the reward is {reward}", "find the reward term that divides or overflows in the task"
            )
        return StepResult(
            observation=observation,
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            info=info,
        )


class _SaidOfTheStepBefore(Exception):
    """A person's word came after the step that it was about: the one just made is not of the episode."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict
