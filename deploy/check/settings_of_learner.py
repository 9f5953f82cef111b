"""The learner's settings, as the run or the preset named on the command line has them."""

from deploy.check.config import CheckConfig
from learner.config import PRESETS, LearnerConfig
from robot_env.families import nearest
from shared.config import load_toml
from shared.errors import ConfigError


def learner_settings(config: CheckConfig) -> LearnerConfig:
    """Raises ConfigError for a preset that there is not, or a file that cannot be read."""
    if config.preset not in PRESETS:
        raise ConfigError("check", f"there is no preset {config.preset!r}", nearest(config.preset, PRESETS))
    preset = PRESETS[config.preset]
    return preset if config.learner is None else load_toml(config.learner, LearnerConfig, preset)
