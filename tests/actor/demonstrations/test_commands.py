"""What is done with recordings: looked at, chosen from, trimmed, played back, drawn; never changed."""

import json
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from actor import demo
from actor.demonstrations import playing
from actor.demonstrations.findings import at_rest
from actor.demonstrations.loading import load
from actor.demonstrations.trimming import trim
from actor.operating.robot_operator import Operator
from actor.recording import Recording
from actor.stop import StopSignal
from robot_env.env import RobotEnv
from shared.episode_starts import read_starts
from shared.episodes import EpisodeWriter, group_episodes, read_episodes
from shared.errors import ConfigError, EpisodeFileError, InterfaceMismatch
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="small",
    observations=(
        ObservationEntry(name="place", shape=(1,), dtype="float32"),
        ObservationEntry(name="camera", shape=(16, 16, 3), dtype="uint8"),
    ),
    actions=(
        ActionEntry(name="translation_base", low=(-0.1,), high=(0.1,), unit="m"),
        ActionEntry(name="gripper", low=(-1.0,), high=(1.0,), unit="open"),
    ),
    control_hz=10.0,
)


def steps_of(
    moves: Sequence[float], why: Why = Why.SUCCESS, *, grip: float = 1.0, salt: int = 0
) -> list[Step]:
    def seen(number: int) -> dict[str, np.ndarray]:
        picture = np.random.default_rng((salt, number)).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        return {"place": np.array([number + 100 * salt], np.float32), "camera": picture}

    made = [
        Step(
            observation=seen(number),
            chosen_action=np.array([move, 1.0], np.float32),
            executed_command=np.array([0.1 * move, 1.0], np.float32),
            source=Source.HUMAN,
            reward=0.0,
        )
        for number, move in enumerate(moves)
    ]
    ends = why in (Why.SUCCESS, Why.FAILURE)
    made[-1] = replace(
        made[-1],
        reward=float(why is Why.SUCCESS),
        terminated=ends,
        truncated=not ends,
        why=why,
        final_observation=seen(len(moves)),
    )
    return made


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Episode 0 succeeds, 1 runs out of time, 2 succeeds and says the same as 0, 3 is long and at rest."""
    path = tmp_path / "demos.mcap"
    with Recording(path, INTERFACE, actor_id="demo", kind=EpisodeKind.DEMO) as recording:
        recording.add(steps_of([0.5, 0.5, 1.0]), 7)
        recording.add(steps_of([0.5] * 4, Why.TIME_LIMIT, salt=1), 8)
        recording.add(steps_of([0.5, 0.5, 1.0]), 9)
        recording.add(steps_of([0.0] * 6 + [0.3] + [0.0] * 5, salt=3), 10)
    return path


def inspected(path: Path, capsys: Any) -> tuple[int, dict[str, Any]]:
    status = demo.main(["inspect", str(path), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_inspecting_tells_what_is_there(recorded, capsys) -> None:
    status, told = inspected(recorded, capsys)
    assert status == 0
    assert [one["length"] for one in told["episodes"]] == [3, 4, 3, 12]
    assert [one["why"] for one in told["episodes"]] == ["success", "time_limit", "success", "success"]
    assert [one["start_seed"] for one in told["episodes"]] == [7, 8, 9, 10]
    assert told["episodes"][0]["saturated"] == pytest.approx(1 / 3)
    assert told["episodes"][0]["sources"] == {"human": 3}
    assert told["episodes"][3]["still"] == pytest.approx(11 / 12)
    assert 100 < told["episodes"][0]["images"]["camera"]["mean"] < 155
    assert told["duplicates"] == [[0, 2]]
    assert demo.main(["inspect", str(recorded.parent)]) == 0
    printed = capsys.readouterr().out
    assert "4 episodes of small, 22 steps, 3 successes" in printed
    assert "episode 2 says the same as episode 0" in printed
    assert "nothing is wrong" in printed


def spoilt(path: Path, change: Any) -> Path:
    """The first episode of a recording with its records changed, in a file of its own."""
    file = read_episodes(path)
    records = [record for record in file.records() if isinstance(record, StepRecord)][:3]
    out = path.with_name("spoilt.mcap")
    with EpisodeWriter(out, INTERFACE, opened_by="test") as writer:
        for record in change(records):
            writer.write(record)
    return out


def with_step(record: StepRecord, **changes: Any) -> StepRecord:
    return replace(record, step=replace(record.step, **changes))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r[:2], "has no end"),
        (lambda r: [r[0], r[2]], "missing: 1 to 1"),
        (lambda r: r[1:], "begins with step 1"),
        (
            lambda r: [with_step(r[0], terminated=True, why=Why.SUCCESS), *r[1:]],
            "goes on after its end at step 0",
        ),
        (lambda r: [*r[:2], with_step(r[2], why=Why.TIME_LIMIT)], "ends by time_limit, terminated is True"),
        (lambda r: [*r[:2], with_step(r[2], reward=float("nan"))], "1 of its values are not finite"),
        (
            lambda r: [with_step(r[0], chosen_action=np.array([1.5, 1.0], np.float32)), *r[1:]],
            "1 actions are beyond",
        ),
        (
            lambda r: [
                *r[:2],
                with_step(r[2], terminated=False, truncated=True, why=Why.TIME_LIMIT, final_observation=None),
            ],
            "nothing tells what its last step led to",
        ),
    ],
)
def test_what_is_wrong_is_said_and_fails(recorded, capsys, change, said) -> None:
    status, told = inspected(spoilt(recorded, change), capsys)
    assert status == 1
    assert any(said in what for what in told["episodes"][0]["wrong"])


def test_a_correction_in_the_file_counts(recorded, capsys) -> None:
    def correct(records: list[StepRecord]) -> list[Any]:
        target: StepId = records[2].identity
        said = AmendRecord(
            actor_id=target.actor_id,
            incarnation=target.incarnation,
            sequence=99,
            time_seconds=0.0,
            target=target,
            reward=0.0,
            why=Why.FAILURE,
        )
        return [*records, said]

    status, told = inspected(spoilt(recorded, correct), capsys)
    assert (status, told["episodes"][0]["why"], told["episodes"][0]["episode_return"]) == (0, "failure", 0.0)


def test_a_success_that_is_rewarded_again_and_again_is_noted(recorded, capsys) -> None:
    def reward(records: list[StepRecord]) -> list[StepRecord]:
        return [with_step(record, reward=1.0) for record in records]

    _, told = inspected(spoilt(recorded, reward), capsys)
    assert any("3 of its 3 steps are rewarded" in note for note in told["episodes"][0]["notes"])
    _, told = inspected(recorded, capsys)
    assert not any("rewarded" in note for one in told["episodes"] for note in one["notes"])


def test_dark_and_frozen_pictures_are_noted(tmp_path, capsys) -> None:
    steps = [
        replace(step, observation=step.observation | {"camera": np.zeros((16, 16, 3), np.uint8)})
        for step in steps_of([0.5] * 4)
    ]
    with Recording(tmp_path / "dark.mcap", INTERFACE, actor_id="demo", kind=EpisodeKind.DEMO) as recording:
        recording.add(steps)
    _, told = inspected(tmp_path / "dark.mcap", capsys)
    assert told["episodes"][0]["notes"] == [
        "camera shows nothing",
        "100% of the pictures of camera repeat the one before",
    ]


def test_a_file_that_was_cut_off_shows_what_is_whole(recorded, capsys) -> None:
    whole = recorded.read_bytes()
    recorded.write_bytes(whole[: len(whole) * 2 // 3])
    status, told = inspected(recorded, capsys)
    assert told["cut"] == [str(recorded)]
    assert 1 <= len(told["episodes"]) < 4
    assert status == 0


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), [0, 1, 2, 3]),
        (("--only", "success"), [0, 2, 3]),
        (("--only", "failure"), [1]),
        (("--episodes", "0-1,3"), [0, 1, 3]),
        (("--without", "0,3"), [1, 2]),
        (("--min-steps", "4"), [1, 3]),
        (("--max-steps", "4", "--sound"), [0, 1, 2]),
    ],
)
def test_some_are_written_to_a_new_file(recorded, tmp_path, capsys, options, chosen) -> None:
    before, out = recorded.read_bytes(), tmp_path / "new" / "some.mcap"
    assert demo.main(["filter", str(recorded), "--out", str(out), *options]) == 0
    assert recorded.read_bytes() == before
    old, new = load(recorded).episodes, load(out).episodes
    assert [one.start_seed for one in new] == [old[number].start_seed for number in chosen]
    for one, number in zip(new, chosen, strict=True):
        assert one.episode.incarnation != old[number].episode.incarnation
        for ours, theirs in zip(one.episode.steps, old[number].episode.steps, strict=True):
            assert ours.step.reward == theirs.step.reward
            assert (ours.step.last, ours.step.why) == (theirs.step.last, theirs.step.why)
            np.testing.assert_array_equal(ours.step.chosen_action, theirs.step.chosen_action)
            np.testing.assert_array_equal(ours.step.observation["camera"], theirs.step.observation["camera"])
    printed = capsys.readouterr().out
    assert f"{4 - len(chosen)} left out" in printed
    assert printed.count("its last step as it was") == len(chosen)
    with pytest.raises(EpisodeFileError, match="exists already"):
        demo.main(["filter", str(recorded), "--out", str(out)])


def test_what_cannot_be_chosen_is_refused(recorded, tmp_path) -> None:
    out = ("--out", str(tmp_path / "x.mcap"))
    with pytest.raises(ConfigError, match="no episode 4"):
        demo.main(["filter", str(recorded), "--episodes", "4", *out])
    with pytest.raises(ConfigError, match="none of the 4"):
        demo.main(["filter", str(recorded), "--min-steps", "99", *out])
    with pytest.raises(SystemExit):
        demo.main(["filter", str(recorded), "--episodes", "first", *out])
    gap = spoilt(recorded, lambda r: [r[0], r[2]])
    with pytest.raises(ConfigError, match=r"(?s)steps of episode 0 are missing.*--without 0"):
        demo.main(["filter", str(gap), *out])
    assert not (tmp_path / "x.mcap").exists()


def test_rest_is_cut_and_the_success_goes_to_the_new_last_step(recorded, tmp_path, capsys) -> None:
    out = tmp_path / "trimmed.mcap"
    assert demo.main(["trim", str(recorded), "--episodes", "3", "--out", str(out)]) == 0
    assert "5 cut before, 4 after; the new last step takes over reward 1" in capsys.readouterr().out
    (one,) = load(out).episodes
    steps = [record.step for record in one.episode.steps]
    assert [float(step.observation["place"][0]) for step in steps] == [305, 306, 307]
    assert (steps[-1].reward, steps[-1].terminated, steps[-1].why) == (1.0, True, Why.SUCCESS)
    assert float(steps[-1].final_observation["place"][0]) == 308
    assert one.start_seed is None
    assert read_starts(out) == {}


def test_a_truncated_episode_keeps_its_own_reward_and_the_gripper_moves_too() -> None:
    steps = steps_of([0.0, 0.4, 0.0, 0.0, 0.0], Why.TIME_LIMIT)
    steps[3] = replace(steps[3], chosen_action=np.array([0.0, -1.0], np.float32))
    steps[4] = replace(steps[4], chosen_action=np.array([0.0, -1.0], np.float32), reward=0.5)
    assert at_rest(steps, INTERFACE).tolist() == [True, False, True, False, True]
    done = trim(steps, INTERFACE, below=0.02, margin=0)
    assert (done.cut_before, done.cut_after, len(done.steps)) == (1, 1, 3)
    last = done.steps[-1]
    assert (last.reward, last.terminated, last.truncated, last.why) == (0.0, False, True, Why.TIME_LIMIT)
    still = steps_of([0.0] * 3)
    assert trim(still, INTERFACE, below=0.02, margin=0).steps == still


def test_pictures_stand_side_by_side_in_a_video(recorded, tmp_path, capsys) -> None:
    out = tmp_path / "demo.webm"
    assert demo.main(["render", str(recorded), "--episodes", "0-1", "--size", "64", "--out", str(out)]) == 0
    capture, frames = cv2.VideoCapture(str(out)), 0
    while capture.read()[0]:
        frames += 1
    capture.release()
    assert frames == (3 + 1 + 5) + (4 + 1 + 5)
    assert f"2 episodes, {frames} pictures" in capsys.readouterr().out


@pytest.fixture(scope="module")
def reached(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reached")
    assert demo.main(["--task", "reach", "--episodes", "2", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("options", [(), ("--commands", "chosen")])
def test_an_episode_is_played_back_as_it_was(reached, capsys, options) -> None:
    assert demo.main(["play", str(reached), "--episode", "1", *options]) == 0
    printed = capsys.readouterr().out
    assert "recorded: success; now: success" in printed
    assert "it stays within 0.01 m" in printed


def test_slowly_no_set_point_is_further_away_than_its_share(reached, capsys, monkeypatch) -> None:
    taken: list[np.ndarray] = []
    step = RobotEnv.step

    def note(self: RobotEnv, action: np.ndarray) -> Any:
        taken.append(action)
        return step(self, action)

    monkeypatch.setattr(RobotEnv, "step", note)
    assert demo.main(["play", str(reached), "--speed", "0.25", "--tolerance", "0.05"]) == 0
    recorded = [record.step.executed_command for record in load(reached).episodes[0].episode.steps]
    assert len(taken) == 4 * len(recorded)
    limit_m = load(reached).interface.actions[0].high[0]
    for number, action in enumerate(taken):
        np.testing.assert_allclose(4 * limit_m * action, recorded[number // 4], rtol=1e-5, atol=1e-7)


class TestOnAnArm:
    """A simulated arm that is said to be real: nothing moves before somebody lets it."""

    @pytest.fixture
    def press(self, monkeypatch) -> Any:
        """`press(key)`: what the person does when asked; None is nobody there."""
        monkeypatch.setattr(RobotEnv, "real", property(lambda self: True))
        monkeypatch.setattr(playing, "CONSENT_SECONDS", 0.2)

        def arrange(key: str | None) -> list[int]:
            resets: list[int] = []
            reset = RobotEnv.reset
            monkeypatch.setattr(
                RobotEnv, "reset", lambda self, **options: resets.append(1) or reset(self, **options)
            )

            @contextmanager
            def attended(config: Any, stop: StopSignal, judge: Any, **more: Any) -> Any:
                operator = Operator(stop)
                operator.present = key is not None
                call = operator.call
                operator.call = lambda cause: (call(cause), operator.press(key))
                yield operator

            monkeypatch.setattr(playing, "attended", attended)
            return resets

        return arrange

    def test_with_consent_it_is_played_slowly(self, reached, press, capsys) -> None:
        resets = press("c")
        assert demo.main(["play", str(reached), "--tolerance", "0.05"]) == 0
        assert len(resets) == 1

    @pytest.mark.parametrize("key", ["q", "p"])
    def test_without_it_is_not_even_reset(self, reached, press, key) -> None:
        resets = press(key)
        assert demo.main(["play", str(reached)]) == 130
        assert not resets

    def test_where_nobody_is_it_is_refused(self, reached, press) -> None:
        resets = press(None)
        with pytest.raises(ConfigError, match="nobody is here to consent"):
            demo.main(["play", str(reached)])
        assert not resets

    def test_too_far_off_it_is_held(self, reached, press, capsys) -> None:
        press("c")
        assert demo.main(["play", str(reached), "--start-seed", "5", "--stop-beyond", "0.01"]) == 130
        assert "m off" in capsys.readouterr().err


def test_where_a_playback_departs_is_said(reached, capsys) -> None:
    assert demo.main(["play", str(reached), "--start-seed", "5"]) == 1
    assert "departs before step 0" in capsys.readouterr().out


def test_what_cannot_be_played_is_refused(reached, recorded, tmp_path) -> None:
    with pytest.raises(ConfigError, match="no episode 7"):
        demo.main(["play", str(reached), "--episode", "7"])
    with pytest.raises(InterfaceMismatch):
        demo.main(["play", str(reached), "--task", "pick_cube"])
    unknown = tmp_path / "unknown.mcap"
    loaded = load(reached)
    with Recording(unknown, loaded.interface, actor_id="demo", kind=EpisodeKind.DEMO) as recording:
        recording.add([record.step for record in loaded.episodes[0].episode.steps])
    with pytest.raises(ConfigError, match="from which start episode 0 began"):
        demo.main(["play", str(unknown)])


def test_records_survive_a_round_trip_of_filtering(reached, tmp_path) -> None:
    out = tmp_path / "all.mcap"
    demo.main(["filter", str(reached), "--out", str(out)])
    ours = [e.steps for e in group_episodes(read_episodes(out).records())]
    assert [len(steps) for steps in ours] == [len(one.episode.steps) for one in load(reached).episodes]
    assert demo.main(["play", str(out), "--episode", "1"]) == 0
