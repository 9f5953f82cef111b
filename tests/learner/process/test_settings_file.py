"""The settings that --resume starts from survive a kill at any moment of their writing."""

import dataclasses
import os

from learner.config import LearnerConfig
from learner.start import SETTINGS, keep_settings
from shared.config import load_toml


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
