"""`handson sim` without its processes: what it is told, what it tells them, what it makes of the rest."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from actor.config import ActorConfig
from deploy import result, run_directory, sim
from deploy.sim_command import parse, split
from deploy.sim_config import SimConfig
from deploy.sim_processes import (
    actor_config,
    best_policy,
    evaluation_command,
    learner_config,
    plan,
    practice_clock,
)
from deploy.sim_tasks import SIM_TASKS, defaults
from learner.config import PRESETS, LearnerConfig
from robot_env.registry import build_task
from robot_env.tasks import TASKS
from robot_env.teleop.script import ScriptConfig
from shared.config import dump_toml, load_toml
from shared.errors import ConfigError

# What result.json holds at least.
KEYS = [
    "task",
    "seed",
    "success_rate",
    "success_interval",
    "eval_episodes",
    "mean_return",
    "cycle_seconds",
    "failures",
    "env_steps",
    "demo_steps",
    "updates",
    "utd_target",
    "utd_actual",
    "warmup_steps",
    "updates_forfeited",
    "wall_seconds",
    "train_seconds",
    "steps_produced",
    "steps_received",
    "steps_durable",
    "steps_duplicate",
    "steps_lost",
    "snapshots_published",
    "snapshots_applied",
    "policy_age_p99_seconds",
    "period_overrun_p99_seconds",
    "updates_per_second",
    "code_version",
    "versions",
]


def test_every_task_has_settings_of_its_own():
    simulated = {name for name in TASKS if build_task(name).scene}
    assert simulated <= set(SIM_TASKS)
    for name, config in SIM_TASKS.items():
        assert config.environment == name


def test_flags_go_to_whom_they_are_meant_for():
    own, theirs = split(
        [
            "--seed",
            "3",
            "--learner.utd",
            "8",
            "--actor.max-steps",
            "9",
            "--learner.agent.policy.hidden",
            "8",
            "8",
        ]
    )
    assert own == ["--seed", "3"]
    assert theirs == {
        "learner": ["--utd", "8", "--agent.policy.hidden", "8", "8"],
        "actor": ["--max-steps", "9"],
    }
    assert split(["--target.stop-at", "-200", "--minutes=2"])[0] == [
        "--target.stop-at",
        "-200",
        "--minutes=2",
    ]


def test_a_task_starts_from_its_settings_and_flags_change_them():
    config = parse(
        ["--task", "reach", "--seed", "7", "--learner.utd", "2", "--actor.evaluation.episodes", "5"]
    )
    base = SIM_TASKS["reach"]
    ratio = replace(base.learner.ratio, utd=2.0)
    evaluation = replace(base.actor.evaluation, episodes=5)
    assert config == replace(
        base,
        seed=7,
        learner=replace(base.learner, ratio=ratio),
        actor=replace(base.actor, evaluation=evaluation),
    )


def test_a_preset_replaces_the_learner_and_nothing_else():
    config = parse(["--task", "reach", "--preset", "serl"])
    assert config.learner == PRESETS["serl"]
    assert config.actor == SIM_TASKS["reach"].actor


def test_any_gymnasium_environment_has_defaults_without_demos():
    config = defaults("pick_cube", "gymnasium:MountainCarContinuous-v0")
    assert (config.demos, config.target, config.environment) == (
        0,
        None,
        "gymnasium:MountainCarContinuous-v0",
    )
    assert defaults("pick_cube", "gymnasium:Pendulum-v1").target.metric == "mean_return"


def test_demonstrations_are_not_recorded_without_anything_that_tells_when_they_succeed():
    with pytest.raises((ConfigError, SystemExit)):
        parse(["--task", "reach_vision", "--reward", "nothing"])
    assert parse(["--task", "reach_vision", "--actor.reward", "nothing"]).actor.reward == "nothing"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--task", "pick_cub"], "did you mean 'pick_cube'"),
        (["--preset", "srl", "--task", "reach"], "did you mean 'serl'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(argv: list[str], told: str):
    with pytest.raises(ConfigError, match=told):
        parse(argv)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--env", "gymnasium:Pendulum-v1", "--demos", "5"], "give --demos 0"),
        (["--task", "reach", "--minutes", "0.1"], "no time to train"),
        (["--task", "reach", "--learner.utdd", "1"], "--utd"),
        (["--task", "reach", "--sed", "1"], "--seed"),
    ],
)
def test_what_cannot_be_is_refused(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_run_can_be_repeated_from_its_settings(tmp_path: Path):
    for config in SIM_TASKS.values():
        path = tmp_path / "config.toml"
        path.write_text(dump_toml(config))
        assert load_toml(path, SimConfig) == config


def test_each_process_is_told_what_the_run_decides(tmp_path: Path):
    config = replace(SIM_TASKS["pick_cube"], seed=4)
    planned = plan(config, tmp_path)
    learner = load_toml(tmp_path / "learner.toml", LearnerConfig)
    actor = load_toml(tmp_path / "actor-0.toml", ActorConfig)
    assert learner.listener.bind == actor.link.connect
    assert learner.listener.bind.startswith("tcp://127.0.0.1:")
    assert (learner.seed, actor.seed, learner.end_with_actors) == (4, 4, True)
    assert learner.demos == (tmp_path / "demos.mcap",)
    assert learner.ratio.clock == actor.clock
    assert actor.evaluation.keep_best == tmp_path / "best.snapshot"
    assert planned.learner[-2:] == ["--config", str(tmp_path / "learner.toml")]
    assert planned.demos is not None
    assert plan(SIM_TASKS["gymnasium:Pendulum-v1"], tmp_path).demos is None


def test_the_best_policy_is_evaluated_else_the_newest_checkpoints(tmp_path: Path):
    for update in ("000000000400", "000000001600"):
        (tmp_path / "checkpoints" / update).mkdir(parents=True)
        (tmp_path / "checkpoints" / update / "policy.snapshot").touch()
    assert best_policy(tmp_path).parent.name == "000000001600"
    (tmp_path / "best.snapshot").touch()
    assert best_policy(tmp_path).name == "best.snapshot"
    command = evaluation_command(SIM_TASKS["reach"], tmp_path)
    assert command[command.index("--start-seed") + 1] == "2000000"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run directory as the processes leave it."""
    counts = {"produced": 900, "received": 900, "durable": 900, "duplicate": 2, "lost": 0}
    left = {
        "learner": dict.fromkeys(result.FROM_LEARNER, 1.0) | {"code_version": "0.1.0", "versions": {}},
        "actor-0": dict.fromkeys(result.FROM_ACTOR, 1.0) | {"learner": counts, "steps_produced": 900},
        "evaluation": {
            "success_rate": 0.92,
            "success_interval": [0.81, 0.97],
            "eval_episodes": 50,
            "mean_return": 0.92,
            "policy_update": 3,
            "episodes": [{"start_seed": 1, "success": True, "episode_return": 1.0, "length": 9}],
        },
    }
    for name, content in left.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "config.toml").write_text(dump_toml(SIM_TASKS["pick_cube"]))
    return tmp_path


def test_the_result_holds_every_key(finished: Path):
    found = result.assemble(SIM_TASKS["pick_cube"], finished, stopped_by="time", wall_seconds=60.0)
    assert set(KEYS) <= set(found)
    assert (found["steps_received"], found["steps_durable"], found["steps_lost"]) == (900, 900, 0)


@pytest.mark.parametrize(
    ("pass_at", "status", "verdict"), [(0.9, 0, "target met"), (0.95, 3, "target not met")]
)
def test_the_status_says_whether_the_target_was_met(
    finished: Path, capsys: pytest.CaptureFixture[str], pass_at: float, status: int, verdict: str
):
    base = SIM_TASKS["pick_cube"]
    assert base.target is not None
    config = replace(base, target=replace(base.target, pass_at=pass_at))
    assert sim.conclude(config, finished, "time", 61.0) == status
    told = capsys.readouterr().out
    assert told.startswith(verdict)
    assert "92% of 50 greedy episodes (95% interval 81% to 97%)" in told
    assert json.loads((finished / run_directory.RESULT).read_text())["success_rate"] == 0.92
    assert "92% of 50" in (finished / "report.html").read_text()


def test_a_taken_run_directory_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="holds something already"):
        sim.main(["--task", "reach", "--run-dir", str(tmp_path)])


def test_a_teleop_device_reaches_the_actor_and_a_persons_makes_practice_real_time(
    tmp_path: Path, monkeypatch
):
    scripted = parse(["--teleop", "script"])
    assert practice_clock(scripted) == "simulated"
    assert actor_config(scripted, tmp_path, "tcp://127.0.0.1:1").teleop == "script"
    monkeypatch.setattr(ScriptConfig, "real_time", True, raising=False)
    assert actor_config(scripted, tmp_path, "tcp://127.0.0.1:1").clock == "wall"
    assert learner_config(scripted, tmp_path, "tcp://127.0.0.1:1").ratio.clock == "wall"
    assert "simulated" in evaluation_command(scripted, tmp_path)
