"""Two tasks in turns: after each trial the other's turn; what is done already is passed over."""

import json
from typing import Any

import pytest

from actor.both_ways import BothWays, Trial, Way, summary_of
from actor.both_ways_config import BothWaysConfig
from actor.outcome import EpisodeOutcome
from actor.stop import StopSignal
from shared.errors import ConfigError, RobotFault
from shared.step import Why


class FakeRollout:
    keep_scene = False
    solved = False


class FakePractice:
    """Plays what is told: success, failure, "no policy", "fault"; passes over where its rollout says so."""

    def __init__(self, rollout: FakeRollout, told: list[str], log: list[tuple[str, bool]], name: str) -> None:
        self.rollout, self.told, self.log, self.name = rollout, told, log, name
        self.concluded = 0
        self.late: dict[int, bool] = {}
        self.overrule: Any = None

    def turn(self, passed_over: Any, overruled: Any) -> EpisodeOutcome | None:
        self.overrule = overruled
        self.log.append((self.name, self.rollout.keep_scene))
        what = self.told.pop(0)
        if what == "no policy":
            return None
        if what == "solved":
            self.rollout.solved = True
            assert passed_over()
            return self.outcome(length=0)
        self.rollout.solved = False
        assert not passed_over()
        fault = RobotFault("arm", "reflex", "look") if what == "fault" else None
        return self.outcome(success=what == "success", fault=fault)

    def outcome(self, *, success: bool = False, length: int = 5, fault: Any = None) -> EpisodeOutcome:
        why = Why.SUCCESS if success else Why.TIME_LIMIT if length else Why.OPERATOR_ABORT
        return EpisodeOutcome(
            start_seed=0, length=length, episode_return=0.0, success=success, why=why, fault=fault
        )

    def conclude(self) -> None:
        self.concluded += 1

    def await_success(self, said: Any) -> None:
        assert not said()
        if len(self.log) in self.late:
            self.overrule(self.outcome(success=self.late[len(self.log)]))
            assert said()

    def describe(self) -> str:
        return "fine"


Played = list[tuple[str, bool]]


def run(
    forward: list[str], back: list[str], late: dict[int, bool] | None = None, **config: Any
) -> tuple[BothWays, Played, list[str]]:
    log: Played = []
    told: list[str] = []
    stop = StopSignal()
    ways = []
    for name, script in (("forward", forward), ("back", back)):
        rollout: Any = FakeRollout()
        practice: Any = FakePractice(rollout, script, log, name)
        practice.late = late or {}
        ways.append(Way(task=name, practice=practice, rollout=rollout))
    settings = {"back": "back", "back_connect": "tcp://127.0.0.1:1"} | config
    both = BothWays(BothWaysConfig(**settings), ways, stop, told.append)
    both.run()
    assert [way.practice.concluded for way in ways] == [1, 1]
    return both, log, told


def test_turns_alternate_after_success_and_after_time_and_the_scene_is_set_once() -> None:
    both, log, _ = run(["success", "failure", "success"], ["failure", "success"], trials=5)
    assert [trial.task for trial in both.trials] == ["forward", "back", "forward", "back", "forward"]
    assert [trial.success for trial in both.trials] == [True, False, False, True, True]
    assert [kept for _, kept in log] == [False, True, True, True, True]


def test_a_trial_that_was_called_a_success_late_is_one_and_nobody_is_called() -> None:
    both, log, told = run(["failure", "failure"], ["failure", "success"], {2: True}, trials=4, stuck_trials=2)
    assert [trial.success for trial in both.trials] == [False, True, False, True]
    assert [kept for _, kept in log] == [False, True, True, True]
    assert not told


def test_what_is_done_already_is_passed_over_and_is_no_trial() -> None:
    both, log, _ = run(["failure", "success"], ["solved", "success"], trials=3)
    assert [name for name, _ in log] == ["forward", "back", "forward", "back"]
    assert [trial.task for trial in both.trials] == ["forward", "forward", "back"]


def test_without_a_policy_or_after_a_fault_the_same_goes_on_and_counts_for_nothing() -> None:
    both, log, _ = run(["no policy", "no policy", "fault", "success"], ["success"], trials=2)
    assert [name for name, _ in log] == ["forward"] * 4 + ["back"]
    assert [kept for _, kept in log] == [False] * 4 + [True]
    assert len(both.trials) == 2


def test_where_neither_gets_on_the_scene_is_set_anew_and_a_person_called() -> None:
    both, log, told = run(["failure"] * 3, ["failure"] * 2, trials=5, stuck_trials=2)
    assert [kept for _, kept in log] == [False, True, False, True, False]
    assert told == ["neither way gets on any more: put the scene in order"] * 2
    assert summary_of(both.trials)["scenes_set"] == 3


def test_the_summary_counts_each_task_and_its_last_fifty() -> None:
    trials = [
        Trial(task="forward", success=number >= 30, length=9, scene_kept=number > 0) for number in range(80)
    ]
    trials += [Trial(task="back", success=False, length=9, scene_kept=True)]
    summary = summary_of(trials)
    assert summary == {
        "trials": 81,
        "scenes_set": 1,
        "tasks": {
            "forward": {"trials": 80, "successes": 50, "recent_trials": 50, "recent_success_rate": 1.0},
            "back": {"trials": 1, "successes": 0, "recent_trials": 1, "recent_success_rate": 0.0},
        },
    }
    assert summary_of([])["tasks"] == {}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"back": "relocate_back"}, "needs a learner of its own"),
        ({"back_connect": "tcp://h:1"}, "needs a learner of its own"),
        ({"back": "b", "back_connect": "tcp://h:1", "trials": 0}, "trials is 0"),
        ({"back": "b", "back_connect": "tcp://h:1", "stuck_trials": 0}, "stuck_trials 0"),
        ({"trials": 5}, "where two tasks alternate"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        BothWaysConfig(**settings)


def test_an_actor_without_learners_warms_up_both_ways_and_keeps_both_streams(
    spawn: Any, tmp_path: Any
) -> None:
    process = spawn(
        [
            *("handson", "actor", "--task", "relocate_forward", "--back", "relocate_back"),
            *("--connect", "tcp://127.0.0.1:9", "--back-connect", "tcp://127.0.0.1:10"),
            *("--scripted-steps", "100000", "--trials", "4", "--run-dir", tmp_path),
        ]
    )
    assert process.wait(100) == 0, process.log.read_text()
    summary = json.loads((tmp_path / "actor-0-both-ways.json").read_text())
    assert (summary["trials"], summary["scenes_set"]) == (4, 1)
    assert [counts["trials"] for counts in summary["tasks"].values()] == [2, 2]
    for name in ("actor-0", "actor-0-back"):
        assert json.loads((tmp_path / f"{name}.json").read_text())["steps_produced"] > 0
        assert list((tmp_path / "spool" / name).rglob("*.mcap"))


def test_a_foreign_environment_has_no_bench_to_share(spawn: Any, tmp_path: Any) -> None:
    process = spawn(
        [
            *("handson", "actor", "--env", "gymnasium:Pendulum-v1", "--back", "relocate_back"),
            *("--back-connect", "tcp://127.0.0.1:10", "--run-dir", tmp_path),
        ]
    )
    assert process.wait(100) == 2
    assert "no bench to share" in process.log.read_text()
