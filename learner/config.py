"""What `handson learner` can be told. Every nested setting lies beside what it configures."""

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from learner.agentlace.config import AgentlaceConfig
from learner.agents.config import SACConfig
from learner.agents.presets import PRESETS as AGENT_PRESETS
from learner.checkpointer import CheckpointConfig
from learner.devices import DeviceConfig
from learner.imitation import ImitationConfig
from learner.log import LogConfig
from learner.metrics import MetricsConfig
from learner.publisher import PublishConfig
from learner.ratio import RatioConfig
from learner.replay.budget import ReplayConfig
from learner.sampler import SamplerConfig
from shared.errors import ConfigError
from shared.link.listener import ListenerConfig


def _require(holds: bool, cause: str, cure: str) -> None:
    if not holds:
        raise ConfigError("learner", cause, cure)


# What an actor's clock is unless it is told otherwise: the first robot is a simulated one.
SIMULATED = RatioConfig(clock="simulated")


@dataclass(frozen=True, kw_only=True)
class LearnerConfig:
    """One learner: its run, whom it listens to, what it computes, and when it ends."""

    run_dir: Path = Path("runs/learner")
    """Directory for log, checkpoints, metrics and summary."""
    demos: tuple[Path, ...] = ()
    """Episode files with demonstrations, or directories of them."""
    goals: tuple[Path, ...] = ()
    """Episode files, or directories of them, whose successes are VICE's goal images."""
    resume: bool = False
    """Go on with the run in run_dir from its newest checkpoint and its log, with its settings."""
    init_from: Path | None = None
    """A policy.snapshot or a checkpoint directory whose networks a new run starts from."""
    seed: int = 0
    """Seed of everything random in the learner."""
    max_updates: int | None = None
    """End after this many critic updates."""
    max_steps: int | None = None
    """End after this many training steps."""
    end_with_actors: bool = False
    """End once there were actors and all of them have left; by silence, six leases after the last."""
    drain_seconds: float = 30.0
    """At the end, how long to go on with updates that steps have paid for; after a signal: 0.6 at most."""
    trunk_weights: str | None = None
    """File or URL of a frozen trunk's weights; none takes those that are installed with HandsOn."""
    wandb: bool = False
    """Also send metrics to Weights & Biases."""
    hardware: tyro.conf.OmitArgPrefixes[DeviceConfig] = field(default_factory=DeviceConfig)
    """Where updates are computed."""
    listener: tyro.conf.OmitArgPrefixes[ListenerConfig] = field(default_factory=ListenerConfig)
    """Where actors dial to."""
    gateway: tyro.conf.OmitArgPrefixes[AgentlaceConfig] = field(default_factory=AgentlaceConfig)
    """Where actors of SERL and HIL-SERL join."""
    ratio: tyro.conf.OmitArgPrefixes[RatioConfig] = SIMULATED
    """How many updates a step earns."""
    agent: SACConfig = AGENT_PRESETS["default"]
    """The algorithm."""
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    """What a minibatch is made of, and what is kept."""
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    """Cloning of the demonstrations before training."""
    publish: PublishConfig = field(default_factory=PublishConfig)
    """How often actors get a new policy."""
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    """What is saved, and when."""
    episode_log: LogConfig = field(default_factory=LogConfig)
    """How what actors send is kept."""
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    """How often numbers are written and shown."""

    def __post_init__(self) -> None:
        for name in ("max_updates", "max_steps"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name} is {value}", "give at least 1, or leave it out")
        _require(0 <= self.seed < 2**32, f"seed is {self.seed}", "give a whole number from 0 to 4294967295")
        _require(self.drain_seconds >= 0, f"drain_seconds is {self.drain_seconds}", "give 0 or more")


# Nothing is learnt from practice itself, so little of it is kept.
CLONED = SamplerConfig(demo_share=1.0, replay=ReplayConfig(online_rows=2000))

PRESETS = {
    "default": LearnerConfig(),
    "pixels": LearnerConfig(
        agent=AGENT_PRESETS["pixels"],
        ratio=RatioConfig(utd=4.0, warmup_steps=200, clock="simulated"),
        sampler=SamplerConfig(
            batch_size=128,
            replay=ReplayConfig(online_rows=25_000, pinned_rows=5_000, cached_shifts=8),
        ),
        imitation=ImitationConfig(updates=2000, batch_size=128),
    ),
    "sac_hybrid": LearnerConfig(
        agent=AGENT_PRESETS["sac_hybrid"],
        ratio=RatioConfig(utd=4.0, warmup_steps=200, clock="simulated"),
    ),
    "bc": LearnerConfig(
        agent=AGENT_PRESETS["bc"],
        ratio=RatioConfig(utd=1.0, clock="simulated"),
        sampler=CLONED,
        imitation=ImitationConfig(updates=5000),
    ),
    "hg_dagger": LearnerConfig(
        agent=AGENT_PRESETS["hg_dagger"],
        ratio=RatioConfig(utd=4.0, clock="simulated"),
        sampler=CLONED,
        imitation=ImitationConfig(updates=2000),
    ),
    "scratch": LearnerConfig(
        agent=AGENT_PRESETS["scratch"],
        ratio=RatioConfig(utd=2.0, warmup_steps=500, clock="simulated"),
        sampler=SamplerConfig(demo_share=0.0),
        imitation=ImitationConfig(updates=0),
    ),
    "serl": LearnerConfig(
        agent=AGENT_PRESETS["serl"],
        ratio=RatioConfig(utd=8.0, warmup_steps=1000, clock="simulated"),
        sampler=SamplerConfig(demo_share=0.0),
        imitation=ImitationConfig(updates=0),
    ),
    "drq": LearnerConfig(
        agent=AGENT_PRESETS["drq"],
        ratio=RatioConfig(utd=4.0, warmup_steps=1000, clock="simulated"),
        sampler=SamplerConfig(replay=ReplayConfig(online_rows=25_000, pinned_rows=5_000)),
        imitation=ImitationConfig(updates=0),
    ),
    "hil_serl": LearnerConfig(
        agent=AGENT_PRESETS["hil_serl"],
        ratio=RatioConfig(utd=2.0, warmup_steps=100, clock="simulated"),
        imitation=ImitationConfig(updates=0),
    ),
    "rlpd": LearnerConfig(
        agent=AGENT_PRESETS["rlpd"],
        ratio=RatioConfig(utd=20.0, warmup_steps=5000, clock="simulated"),
        imitation=ImitationConfig(updates=0),
    ),
    "droq": LearnerConfig(
        agent=AGENT_PRESETS["droq"],
        ratio=RatioConfig(utd=20.0, warmup_steps=1000, clock="simulated"),
        sampler=SamplerConfig(demo_share=0.0),
        imitation=ImitationConfig(updates=0),
    ),
}
"""Whole sets of settings by name, after SERL's `async_sac_state_sim`, HIL-SERL's `DefaultTrainingConfig`,
and the commands that RLPD's sparse manipulation and DroQ's walking robots were trained with."""
