"""What `handson sim` can be told: its own options, and every setting of the two processes that it starts."""

from dataclasses import dataclass, field

import tyro

from actor.config import ActorConfig
from deploy.sim_options import SimOptions
from learner.config import LearnerConfig


@dataclass(frozen=True, kw_only=True)
class SimConfig(SimOptions):
    """A whole training run on this computer; `--learner.X` is the option `--X` of `handson learner`."""

    learner: tyro.conf.Suppress[tyro.conf.Fixed[LearnerConfig]] = field(default_factory=LearnerConfig)
    """Settings of `handson learner`; run_dir, seed, demos, bind and end_with_actors are the run's."""
    actor: tyro.conf.Suppress[tyro.conf.Fixed[ActorConfig]] = field(default_factory=ActorConfig)
    """Settings of `handson actor`; the run's: task, env, run_dir, seed, teleop, connect, clock, keep_best."""
