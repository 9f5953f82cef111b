"""Whole lives of a learner in this process, with a small actor over a real socket."""

import dataclasses
import io
import json
import logging
import shutil

import pytest
from rich.console import Console

from learner.checkpoints import list_checkpoints, read_checkpoint
from learner.ending import Interrupt
from learner.life import Life
from learner.replay.budget import ReplayConfig
from learner.run_lock import held
from shared.clock import SystemClock
from shared.episodes import EpisodeWriter
from shared.errors import CheckpointError, ConfigError, InterfaceMismatch, MemoryBudgetError
from shared.step import EpisodeKind

STEPS, DEMO_STEPS, WARM_UP = 25, 20, 5  # the last as in conftest
UPDATES = 4 * (STEPS - WARM_UP)


@pytest.fixture
def demos(tmp_path, interface, steps):
    path = tmp_path / "demos.mcap"
    with EpisodeWriter(path, interface, opened_by="test") as writer:
        for record in steps(DEMO_STEPS, kind=EpisodeKind.DEMO):
            writer.write(_in_stream(record, "demo", "recorded"))
    return path


@pytest.fixture
def live(small_actor):
    """`live(config, records)`: one life of a learner, with an actor that delivers these if there are any."""

    def run(config, records=None, interrupt=None):
        life = Life(config, Console(file=io.StringIO()), interrupt or Interrupt(), SystemClock())
        actor = None if records is None else small_actor(config.listener.bind, records)
        summary = life.run()
        if actor is not None:
            actor.join(10.0)
        return summary

    return run


def _in_stream(record, actor_id, incarnation):
    return dataclasses.replace(
        record, identity=record.identity._replace(actor_id=actor_id, incarnation=incarnation)
    )


def _newest(config):
    return read_checkpoint(list_checkpoints(config.run_dir / "checkpoints")[0])


def _assert_same(first, second):
    assert (first.update, first.call, first.position, first.ratio) == (
        second.update,
        second.call,
        second.position,
        second.ratio,
    )
    for name, array in first.state.items():
        assert array.tobytes() == second.state[name].tobytes(), name


def test_a_run_from_demonstrations_and_resumed_in_every_way(config, demos, steps, live, caplog):
    config = dataclasses.replace(config, demos=(demos,))
    with caplog.at_level(logging.INFO):
        summary = live(config, steps(STEPS))
    assert f"waiting for the first actor, listening on {config.listener.bind}" in caplog.text
    assert "replay memory" in caplog.text
    assert summary.cause == "all actors have left"
    assert (summary.env_steps, summary.demo_steps) == (STEPS, DEMO_STEPS)
    assert (summary.updates, summary.utd_actual, summary.pretrain_updates) == (UPDATES, 4.0, 20)
    assert summary.steps_received == summary.steps_durable == STEPS
    assert summary.steps_lost == summary.steps_duplicate == 0
    assert json.loads((config.run_dir / "learner.json").read_text())["updates"] == UPDATES
    rows = [json.loads(line) for line in (config.run_dir / "metrics.jsonl").read_text().splitlines()]
    assert (rows[-1]["updates"], rows[-1]["env_steps"], rows[-1]["records_durable"]) == (
        UPDATES,
        STEPS,
        STEPS + DEMO_STEPS,
    )
    whole = _newest(config)

    # An older checkpoint, and no actor: what the log holds is trained on, with the same result bit for bit.
    shutil.rmtree(list_checkpoints(config.run_dir / "checkpoints")[0])
    again = dataclasses.replace(config, resume=True, end_with_actors=False, max_updates=UPDATES)
    assert live(again).updates == UPDATES
    _assert_same(_newest(config), whole)

    # No checkpoint at all: the run is made again from its log, the cloning included; the demos may be gone.
    shutil.rmtree(config.run_dir / "checkpoints")
    demos.unlink()
    assert live(again).pretrain_updates == 20
    _assert_same(_newest(config), whole)

    # A log that lost its tail: a checkpoint ahead of it is not taken.
    shutil.rmtree(config.run_dir / "episodes")
    with caplog.at_level(logging.WARNING):
        waiting = Interrupt()
        waiting.cause = "SIGINT"
        assert live(dataclasses.replace(again, demos=()), interrupt=waiting).updates == 0
    assert "the episode log holds 0" in caplog.text


def test_cloning_alone_lives_resumes_and_starts_practice_with_critics(config, demos, steps, live, tmp_path):
    """hg_dagger in small: a run, its last calls made again from an older checkpoint, and SAC that goes on."""
    cloning = dataclasses.replace(
        config,
        demos=(demos,),
        agent=dataclasses.replace(config.agent, imitation_only=True),
        sampler=dataclasses.replace(config.sampler, demo_share=1.0),
    )
    summary = live(cloning, steps(STEPS))
    assert (summary.updates, summary.pretrain_updates) == (UPDATES, 20)
    whole = _newest(cloning)
    assert int(whole.state["imitations"]) == UPDATES + 20
    shutil.rmtree(list_checkpoints(cloning.run_dir / "checkpoints")[0])
    again = dataclasses.replace(cloning, resume=True, end_with_actors=False, max_updates=UPDATES)
    assert live(again).updates == UPDATES
    _assert_same(_newest(cloning), whole)
    policy = list_checkpoints(cloning.run_dir / "checkpoints")[0]
    practice = dataclasses.replace(config, run_dir=tmp_path / "practice", init_from=policy)
    assert live(practice, steps(STEPS)).updates == UPDATES
    assert "critic_loss" in (practice.run_dir / "metrics.jsonl").read_text()


def test_networks_of_another_run_start_a_new_one(config, steps, live, tmp_path):
    live(config, steps(STEPS))
    source = _newest(config)
    directory = list_checkpoints(config.run_dir / "checkpoints")[0]
    for number, path in enumerate((directory / "policy.snapshot", directory)):
        new = dataclasses.replace(config, run_dir=tmp_path / f"new-{number}", init_from=path)
        summary = live(new, steps(WARM_UP))
        assert (summary.updates, summary.env_steps) == (0, WARM_UP)
        started = _newest(new)
        for name, array in source.state.items():
            taken = name.startswith("policy/") or (path is directory and name.startswith("critics/"))
            assert not taken or array.tobytes() == started.state[name].tobytes(), name
        assert int(started.state["updates"]) == 0
    other = dataclasses.replace(
        config,
        run_dir=tmp_path / "other",
        init_from=directory,
        agent=dataclasses.replace(config.agent, policy=dataclasses.replace(config.agent.policy, hidden=(9,))),
    )
    with pytest.raises(CheckpointError, match="another network"):
        live(other)
    assert "CheckpointError" in json.loads((other.run_dir / "learner.json").read_text())["cause"]


def test_cloning_larger_than_memory_is_refused_before_it_begins(config, demos, live):
    limited = dataclasses.replace(config.sampler.replay, memory_limit_gigabytes=0.001)
    greedy = dataclasses.replace(
        config,
        demos=(demos,),
        sampler=dataclasses.replace(config.sampler, replay=limited),
        imitation=dataclasses.replace(config.imitation, updates_per_call=10_000),
    )
    with pytest.raises(MemoryBudgetError, match="cloning cannot fit"):
        live(greedy)


def test_a_signal_while_waiting_ends_at_once_with_a_summary(config, live):
    interrupt = Interrupt()
    interrupt.cause = "SIGINT"
    summary = live(config, interrupt=interrupt)
    assert summary.cause == "SIGINT received"
    assert (summary.updates, summary.env_steps) == (0, 0)
    assert summary.wall_seconds < 5


def test_a_run_directory_is_not_used_twice_by_mistake(config, live, interface):
    with pytest.raises(ConfigError, match="holds no run"):
        live(dataclasses.replace(config, resume=True))
    (config.run_dir / "episodes").mkdir(parents=True)
    with EpisodeWriter(config.run_dir / "episodes" / "log-000000.mcap", interface, opened_by="test"):
        pass
    with pytest.raises(ConfigError, match="holds a run") as caught:
        live(config)
    assert "--resume" in caught.value.cure


def test_two_learners_do_not_share_a_run_directory(config, live):
    with held(config.run_dir), pytest.raises(ConfigError, match="another learner is running") as caught:
        live(config)
    assert str(config.run_dir) in caught.value.cause
    interrupt = Interrupt()
    interrupt.cause = "SIGINT"
    assert live(config, interrupt=interrupt).cause == "SIGINT received"


def test_a_signal_while_cloning_is_noticed_before_all_is_cloned(config, demos, live):
    class SoonInterrupted(Interrupt):
        """The signal comes once the learner has looked a few times."""

        looks = 0

        @property
        def cause(self):
            SoonInterrupted.looks += 1
            return "SIGINT" if SoonInterrupted.looks > 4 else None

        @cause.setter
        def cause(self, value):
            pass

    endless = dataclasses.replace(config.imitation, updates=10**9)
    config = dataclasses.replace(config, demos=(demos,), imitation=endless)
    summary = live(config, interrupt=SoonInterrupted())
    assert summary.cause == "SIGINT received"
    assert list_checkpoints(config.run_dir / "checkpoints") == []


def test_demonstrations_of_another_world_are_refused(config, demos, live, tmp_path, interface, steps):
    other = tmp_path / "other.mcap"
    with EpisodeWriter(other, dataclasses.replace(interface, control_hz=5.0), opened_by="test"):
        pass
    with EpisodeWriter(tmp_path / "practice.mcap", interface, opened_by="test") as writer:
        writer.write(steps(1)[0])
    with pytest.raises(ConfigError, match="holds training steps"):
        live(dataclasses.replace(config, demos=(tmp_path / "practice.mcap",)))
    with pytest.raises(ConfigError, match="holds no steps"):
        live(dataclasses.replace(config, demos=(other,)))
    moved = _in_stream(steps(1, kind=EpisodeKind.DEMO)[0], "demo", "elsewhere")
    with EpisodeWriter(
        tmp_path / "moved.mcap", dataclasses.replace(interface, control_hz=5.0), opened_by="test"
    ) as writer:
        writer.write(moved)
    with pytest.raises(InterfaceMismatch):
        live(dataclasses.replace(config, demos=(demos, tmp_path / "moved.mcap")))


def test_memory_that_cannot_fit_is_refused_before_training(config, demos, live):
    replay = ReplayConfig(online_rows=10**9, pinned_rows=100, memory_limit_gigabytes=1.0)
    sampler = dataclasses.replace(config.sampler, replay=replay)
    with pytest.raises(MemoryBudgetError, match="cannot fit"):
        live(dataclasses.replace(config, demos=(demos,), sampler=sampler))
