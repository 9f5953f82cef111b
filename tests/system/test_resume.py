"""A learner that is killed and resumed ends in the same state, bit for bit, as one that never stopped."""

import dataclasses
import io
import signal
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from learner.agents.config import SACConfig
from learner.checkpointer import CheckpointConfig
from learner.checkpoints import list_checkpoints, read_checkpoint
from learner.config import LearnerConfig
from learner.critics import CriticConfig
from learner.devices import DeviceConfig
from learner.ending import Interrupt
from learner.imitation import ImitationConfig
from learner.life import Life
from learner.ratio import RatioConfig
from learner.replay.budget import ReplayConfig
from learner.sampler import SamplerConfig
from shared.clock import SystemClock
from shared.config import dump_toml
from shared.episodes import EpisodeWriter
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.listener import ListenerConfig
from shared.policy.spec import PolicyConfig
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="tiny",
    observations=(ObservationEntry(name="position", shape=(3,), dtype="float32"),),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
STEPS, DEMO_STEPS, WARM_UP, EPISODE = 400, 40, 20, 20
UPDATES = 4 * (STEPS - WARM_UP)


@pytest.fixture
def config(tmp_path, free_port):
    return LearnerConfig(
        max_updates=UPDATES,
        resume=True,
        hardware=DeviceConfig(device="cpu"),
        listener=ListenerConfig(bind=f"tcp://127.0.0.1:{free_port()}"),
        ratio=RatioConfig(utd=4, warmup_steps=WARM_UP, clock="simulated"),
        agent=SACConfig(
            policy=PolicyConfig(hidden=(8,)), critic=CriticConfig(hidden=(8,), members=3, subset=2)
        ),
        sampler=SamplerConfig(batch_size=8, replay=ReplayConfig(online_rows=500, pinned_rows=100)),
        imitation=ImitationConfig(updates=0),
        checkpoints=CheckpointConfig(every_updates=UPDATES // 8),
    )


def test_a_kill_in_the_middle_leaves_no_trace_in_the_result(config, tmp_path, spawn, wait_until):
    never_stopped = dataclasses.replace(config, run_dir=_run_with_a_log(tmp_path / "never-stopped"))
    Life(never_stopped, Console(file=io.StringIO()), Interrupt(), SystemClock()).run()
    killed = dataclasses.replace(config, run_dir=_run_with_a_log(tmp_path / "killed"))
    (tmp_path / "killed.toml").write_text(dump_toml(killed))
    process = spawn(["handson", "learner", "--config", tmp_path / "killed.toml"])
    wait_until(lambda: list_checkpoints(killed.run_dir / "checkpoints"), 90, "the first checkpoint is there")
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    reached = read_checkpoint(list_checkpoints(killed.run_dir / "checkpoints")[0]).update
    assert 0 < reached < UPDATES

    again = spawn(["handson", "learner", "--run-dir", killed.run_dir, "--resume"])
    assert again.wait(90) == 0, again.log.read_text()
    log = (killed.run_dir / "learner.log").read_text()
    assert "going on from checkpoint" in log
    expected, found = _final(never_stopped.run_dir), _final(killed.run_dir)
    assert (found.update, found.position, found.ratio) == (UPDATES, expected.position, expected.ratio)
    for name, array in expected.state.items():
        assert array.tobytes() == found.state[name].tobytes(), name


def _final(run_dir: Path):
    return read_checkpoint(list_checkpoints(run_dir / "checkpoints")[0])


def _run_with_a_log(run_dir: Path) -> Path:
    """A run whose learner has died before its first checkpoint, and left this log."""
    (run_dir / "episodes").mkdir(parents=True)
    (run_dir / "checkpoints").mkdir()
    with EpisodeWriter(run_dir / "episodes" / "log-000000.mcap", INTERFACE, opened_by="test") as writer:
        for number in range(DEMO_STEPS):
            writer.write(_step(number, "demo", EpisodeKind.DEMO))
        for number in range(STEPS):
            writer.write(_step(number, "actor", EpisodeKind.TRAINING))
    return run_dir


def _step(number: int, actor_id: str, kind: EpisodeKind) -> StepRecord:
    rng = np.random.default_rng(number)
    episode, step = divmod(number, EPISODE)
    last = step == EPISODE - 1
    first, second = ({"position": rng.standard_normal(3).astype(np.float32)} for _ in range(2))
    return StepRecord(
        identity=StepId(actor_id, "life", episode, step),
        sequence=number,
        kind=kind,
        time_seconds=0.1 * number,
        step=Step(
            observation=first,
            chosen_action=rng.uniform(-1, 1, 1).astype(np.float32),
            executed_command=np.zeros(1, np.float32),
            source=Source.SCRIPT if kind is EpisodeKind.DEMO else Source.POLICY,
            reward=float(rng.random()),
            truncated=last,
            why=Why.TIME_LIMIT if last else None,
            final_observation=second if last else None,
        ),
    )
