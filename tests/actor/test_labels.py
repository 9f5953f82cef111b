"""Labels by key: whatever the moment, the step that a person meant gets reward, ending and reason at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.choosers import RandomChooser
from actor.corrections import Corrections
from actor.episode import relabelled
from actor.late_labels import LATE_SECONDS, LateLabels
from actor.rewards.base import Verdict
from actor.rewards.by_operator import OperatorReward
from actor.rollout import EpisodeHooks, Rollout
from robot_env.registry import make
from shared.clock import ManualClock
from shared.records import AmendRecord, StepRecord, amended
from shared.step import EpisodeKind, Step, StepId, Why

HORIZON = 5


class Word(NamedTuple):
    """What is said in the middle of a step, or `seconds` after the end; `frames` frames too late."""

    success: bool
    frames: int = 0
    seconds: float = 0.0


class Episode(NamedTuple):
    during: Sequence[Sequence[Word]]
    after: Sequence[Word]


words = st.builds(Word, success=st.booleans(), frames=st.integers(0, 1), seconds=st.just(0.0))
episodes = st.builds(
    Episode,
    during=st.lists(st.lists(words, max_size=2), min_size=HORIZON, max_size=HORIZON),
    after=st.lists(
        st.builds(Word, success=st.booleans(), frames=st.just(0), seconds=st.floats(0.0, 2 * LATE_SECONDS)),
        max_size=2,
    ),
)

End = tuple[int, float, bool, bool, Why]
"""Length, last reward, terminated, truncated, why."""


def model(episode: Episode) -> End:
    """Read it aloud: the newest word about a step ends the episode with the step that it was about."""

    def said(length: int, word: Word) -> End:
        return length, float(word.success), True, False, Why.SUCCESS if word.success else Why.FAILURE

    end = (HORIZON, 0.0, False, True, Why.TIME_LIMIT)
    for number, heard in enumerate(episode.during):
        if heard and number - heard[-1].frames >= 0:
            end = said(number + 1 - heard[-1].frames, heard[-1])
            break
    seconds = np.cumsum([word.seconds for word in episode.after])
    for word, since in zip(episode.after, seconds, strict=True):
        if since <= LATE_SECONDS:
            end = said(end[0], word)
    return end


class Uplink:
    """Keeps what was produced, as the learner's replay does: corrections applied."""

    stream = ("actor", "life")

    def __init__(self) -> None:
        self.steps: dict[StepId, StepRecord] = {}

    def put(self, step: Step, episode: int, number: int) -> None:
        name = StepId(*self.stream, episode, number)
        assert name not in self.steps
        self.steps[name] = StepRecord(
            identity=name, sequence=0, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step
        )

    def amend(self, target: StepId, **what: Any) -> None:
        amend = AmendRecord(
            actor_id="actor", incarnation="life", sequence=0, time_seconds=0.0, target=target, **what
        )
        self.steps[target] = amended(self.steps[target], amend)

    def episode(self, number: int) -> list[Step]:
        names = sorted(name for name in self.steps if name.episode == number)
        assert [name.step for name in names] == list(range(len(names)))
        return [self.steps[name].step for name in names]


@given(plan=st.lists(episodes, min_size=1, max_size=4))
def test_any_interleaving_of_labels_and_steps_gives_what_the_list_says(plan, counting_env) -> None:
    clock = ManualClock()
    judge, uplink = OperatorReward(clock), Uplink()
    late, corrections = LateLabels(), Corrections(uplink)
    env = counting_env([(HORIZON, Why.TIME_LIMIT)])
    env_step, env_reset = env.step, env.reset

    def say(word: Word) -> None:
        judge.label(word.success, clock.now() - word.frames)

    def step(action: Any) -> Any:
        clock.advance(0.5)
        for word in plan[number].during[len(uplink_steps())]:
            say(word)
        clock.advance(0.5)
        return env_step(action)

    def uplink_steps() -> list[Step]:
        return uplink.episode(number)

    def reset(**options: Any) -> Any:
        env._left = 0
        return env_reset(**options)

    env.step, env.reset = step, reset
    rollout = Rollout(env, env.interface, judge)
    for number, episode in enumerate(plan):
        hooks = EpisodeHooks(
            begun=late.began,
            keep=lambda step, at, number=number: uplink.put(step, number, at),
            correct=lambda at, verdict, number=number: corrections.add(number, at, verdict),
        )
        outcome = rollout.play(RandomChooser(2), number, hooks)
        counted = [outcome]

        def overrule(verdict: Verdict, number: int = number, counted: Any = counted) -> None:
            corrections.add(number, counted[0].length - 1, verdict)
            counted[0] = counted[0].overruled(verdict)

        late.ended(outcome, judge, overrule)
        for word in episode.after:
            clock.advance(word.seconds)
            say(word)
            late.look()
        steps = uplink.episode(number)
        last = steps[-1]
        length, reward, terminated, truncated, why = model(episode)
        assert (len(steps), last.reward) == (length, reward)
        assert (last.terminated, last.truncated, last.why) == (terminated, truncated, why)
        assert not any(step.last or step.reward for step in steps[:-1])
        assert outcome.length == length
        (heard,) = counted
        assert (heard.success, heard.why, heard.episode_return) == (why is Why.SUCCESS, why, reward)


def test_a_label_while_the_arm_is_held_ends_the_episode_without_another_motion() -> None:
    env = make("reach", clock=ManualClock())
    judge = OperatorReward()
    rollout = Rollout(env, env.unwrapped.interface, judge)
    kept: list[Step] = []

    def pause_after_the_third() -> None:
        if len(kept) == 2:
            rollout.hold()
            judge.label(True)

    hooks = EpisodeHooks(interrupted=pause_after_the_third, keep=lambda step, number: kept.append(step))
    outcome = rollout.play(RandomChooser(env.action_space.shape[0]), 1, hooks)
    env.close()
    assert (outcome.length, outcome.success, outcome.why) == (3, True, Why.SUCCESS)
    assert (kept[-1].reward, kept[-1].terminated, kept[-1].truncated) == (1.0, True, False)
    assert kept[-1].final_observation is not None


def test_reward_and_ending_change_together() -> None:
    step = Step(
        observation={},
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(0, np.float32),
        source="human",
        reward=0.25,
        truncated=True,
        why=Why.TIME_LIMIT,
    )
    verdict = Verdict(reward=1.0, terms={"operator": 1.0}, terminated=True, why=Why.SUCCESS, success=True)
    changed = relabelled(step, verdict)
    assert (changed.reward, changed.reward_terms) == (1.0, {"operator": 1.0})
    assert (changed.terminated, changed.truncated, changed.why) == (True, False, Why.SUCCESS)


@pytest.mark.parametrize(("seconds", "heard"), [(LATE_SECONDS, True), (LATE_SECONDS + 0.1, False)])
def test_a_label_means_the_last_frame_for_a_while(seconds: float, heard: bool) -> None:
    clock = ManualClock()
    judge = OperatorReward(clock)
    judge.begin({})
    clock.advance(seconds)
    judge.label(True)
    assert (judge.late(LATE_SECONDS) is not None) is heard
    assert judge.late(LATE_SECONDS) is None
