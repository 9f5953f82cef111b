"""`handson sim` with environments that it does not know: what it chooses for their interfaces, and a run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from deploy.sim_command import parse
from deploy.sim_foreign import FOREIGN, PICTURE_BYTES, fitted, interface_of
from deploy.sim_tasks import defaults
from learner.config import PRESETS
from learner.replay.budget import budget
from learner.seeing import see
from shared.errors import ConfigError
from tests.deploy.picture_world import DOT

ROOT = Path(__file__).resolve().parents[2]
WORLD = f"gymnasium:{DOT.partition(':')[0]}"
REACH_VISION = "gymnasium:robot_env.registry:handson/ReachVision-v0"
EBML = bytes.fromhex("1a45dfa3")


def replay_bytes(env: str, learner: Any) -> int:
    """What the learner itself will say of these settings."""
    seeing = see(learner.agent, learner.sampler.replay, interface_of(env), None, 0)
    needed = budget(seeing.layout, learner.sampler.replay, updates=1, batch_size=1, batches_alive=1)
    return needed.total_bytes - needed.batch_bytes


def test_numbers_are_learned_from_as_ever() -> None:
    chosen = defaults("pick_cube", "gymnasium:MountainCarContinuous-v0")
    assert chosen == replace(FOREIGN, env="gymnasium:MountainCarContinuous-v0")


def test_a_picture_alone_is_seen_three_frames_at_a_time() -> None:
    learner = defaults("pick_cube", f"{WORLD}:Dot-v0").learner
    assert learner.agent.vision.frame_stack == 3
    assert learner.agent.vision.shared
    assert (learner.sampler.demo_share, learner.imitation.updates) == (0.0, 0)


@pytest.mark.parametrize("env", [f"{WORLD}:DotBeside-v0", REACH_VISION])
def test_pictures_beside_numbers_are_seen_one_at_a_time(env: str) -> None:
    learner = defaults("pick_cube", env).learner
    assert learner.agent.vision.frame_stack == 1
    assert learner.agent.vision.shared


@pytest.mark.parametrize("preset", ["default", "pixels", "rlpd"])
def test_the_rows_of_pictures_fit_into_memory(preset: str) -> None:
    chosen = defaults("pick_cube", REACH_VISION, preset)
    replay = chosen.learner.sampler.replay
    assert 20_000 <= replay.online_rows + replay.pinned_rows < 40_000 or preset == "pixels"
    assert replay_bytes(REACH_VISION, chosen.learner) <= PICTURE_BYTES


def test_big_pictures_get_few_rows_and_never_less_than_a_thousand() -> None:
    replay = defaults("pick_cube", f"{WORLD}:BigDot-v0").learner.sampler.replay
    assert (replay.online_rows, replay.pinned_rows) == (900, 100)


def test_fewer_rows_that_were_asked_for_stay_and_numbers_keep_theirs() -> None:
    interface = interface_of(f"{WORLD}:Dot-v0")
    small = replace(PRESETS["scratch"].sampler.replay, online_rows=70, pinned_rows=3)
    asked = replace(PRESETS["scratch"], sampler=replace(PRESETS["scratch"].sampler, replay=small))
    assert fitted(asked, interface) == asked
    pendulum = interface_of("gymnasium:Pendulum-v1")
    assert fitted(PRESETS["scratch"], pendulum) == PRESETS["scratch"]


def test_flags_and_presets_still_decide() -> None:
    config = parse(["--env", f"{WORLD}:Dot-v0", "--learner.sampler.replay.online-rows", "77"])
    assert config.learner.sampler.replay.online_rows == 77
    assert defaults("pick_cube", f"{WORLD}:Dot-v0", "rlpd").learner.agent == PRESETS["rlpd"].agent


class Shown(gymnasium.Env):
    """Nothing but its spaces."""

    def __init__(self, space: spaces.Space) -> None:
        self.observation_space, self.action_space = space, spaces.Box(-1.0, 1.0, (1,), np.float32)


@pytest.fixture
def shown() -> Iterator[Any]:
    def register(space: spaces.Space) -> str:
        gymnasium.register("Shown-v0", entry_point=Shown, kwargs={"space": space})
        return "gymnasium:Shown-v0"

    yield register
    gymnasium.registry.pop("Shown-v0", None)


@pytest.mark.parametrize(
    ("space", "says", "cure"),
    [
        (spaces.Box(0.0, 1.0, (64, 64, 3), np.float32), "picture of float32, [64, 64, 3]", "uint8 from 0"),
        (spaces.Box(0.0, 1.0, (3, 64, 64), np.float64), "picture of float64, [3, 64, 64]", "uint8 from 0"),
        (spaces.Box(0, 255, (3, 64, 64), np.uint8), "picture of [3, 64, 64]", "channels last"),
        (spaces.Box(0, 255, (64, 64, 4), np.uint8), "picture of [64, 64, 4]", "without alpha"),
    ],
)
def test_what_cannot_be_seen_is_refused_before_anything_starts(
    shown: Any, space: spaces.Space, says: str, cure: str
) -> None:
    for observed in (space, spaces.Dict({"view": space})):
        with pytest.raises(ConfigError) as refusal:
            parse(["--env", shown(observed)])
        assert says in refusal.value.cause
        assert cure in refusal.value.cure
        gymnasium.registry.pop("Shown-v0")


def test_an_unknown_environment_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="Pendulum-v1"):
        parse(["--env", "gymnasium:Pendulm-v1"])


@pytest.mark.acceptance
@pytest.mark.timeout(300)
@pytest.mark.parametrize("env", [f"{WORLD}:Dot-v0", f"{WORLD}:DotBeside-v0", REACH_VISION])
def test_a_run_with_pictures_leaves_everything(tmp_path: Path, env: str) -> None:
    run = tmp_path / "run"
    short = ("--minutes", "4", "--final-episodes", "2", "--actor.max-steps", "150")
    short += (
        "--actor.random-steps",
        "40",
        "--learner.warmup-steps",
        "50",
        "--actor.evaluation.episodes",
        "2",
    )
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "sim", "--run-dir", str(run), "--env", env, *short],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((run / "result.json").read_text())
    assert found["env_steps"] == found["steps_durable"] == 150
    assert found["updates"] == 200
    assert "replay memory: " in (run / "learner.log").read_text()
    assert (run / "augmented.png").exists()
    assert list((run / "strips").glob("*.jpg"))
    assert (run / "policy.webm").read_bytes().startswith(EBML)
    report = (run / "report.html").read_text()
    assert report.count("data:image/jpeg") >= 1
    assert "data:video/webm" in report
