"""The settings that --resume starts from survive a kill at any moment of their writing."""

import dataclasses
import io
import os

import pytest
from rich.console import Console

from learner.config import LearnerConfig
from learner.ending import Interrupt
from learner.life import Life
from learner.replay.budget import ReplayConfig
from learner.start import EPISODES, SETTINGS, keep_settings
from shared.clock import SystemClock
from shared.config import load_toml
from shared.episodes import EpisodeWriter
from shared.errors import MemoryBudgetError


def test_settings_are_exchanged_whole_and_never_written_over(config):
    config.run_dir.mkdir(exist_ok=True)
    keep_settings(config)
    before = config.run_dir / "before"
    os.link(config.run_dir / SETTINGS, before)
    changed = dataclasses.replace(config, seed=7)
    keep_settings(changed)
    assert load_toml(before, LearnerConfig) == config
    assert load_toml(config.run_dir / SETTINGS, LearnerConfig) == changed
    assert sorted(path.name for path in config.run_dir.iterdir()) == ["before", SETTINGS]


def test_a_flag_that_resuming_refuses_is_not_kept(config, steps, interface):
    (config.run_dir / EPISODES).mkdir(parents=True)
    with EpisodeWriter(config.run_dir / EPISODES / "log-000000.mcap", interface, opened_by="test") as writer:
        writer.write(steps(1)[0])
    keep_settings(config)
    tight = dataclasses.replace(
        config.sampler, replay=ReplayConfig(online_rows=10**9, memory_limit_gigabytes=1.0)
    )
    refused = dataclasses.replace(config, resume=True, sampler=tight)
    with pytest.raises(MemoryBudgetError):
        Life(refused, Console(file=io.StringIO()), Interrupt(), SystemClock()).run()
    assert load_toml(config.run_dir / SETTINGS, LearnerConfig) == config
