"""What `handson actor` can be told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from actor.agentlace.config import JoinConfig
from actor.both_ways_config import BothWaysConfig
from actor.live_view import ViewConfig
from actor.operating.config import OperatorConfig
from actor.rewards.judging import JudgingConfig
from actor.scene import SceneConfig
from actor.uplink_config import UplinkConfig
from shared.errors import ConfigError
from shared.link.dialer import DialerConfig
from shared.step import is_name

STOPPING_START_SEED = 1_000_000
FINAL_START_SEED = 2_000_000
"""First seeds of the starts that decide when training stops, and of those that measure its result."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSchedule:
    """When and how the policy is evaluated while it trains."""

    every_steps: int = 500
    """Evaluate the first policy, then each time this many training steps were made; 0 never evaluates."""
    episodes: int = 20
    """Episodes of one evaluation, each from its own start state."""
    start_seed: int = STOPPING_START_SEED
    """Seed of the first start state; the others follow it, the same in every evaluation."""
    greedy: bool = True
    """Take the policy's mode instead of a sample."""
    keep_best: Path | None = None
    """File that holds the best policy evaluated so far; none keeps no file."""

    def __post_init__(self) -> None:
        _at_least("evaluation", "every_steps", self.every_steps, 0)
        _at_least("evaluation", "episodes", self.episodes, 1)
        _at_least("evaluation", "start_seed", self.start_seed, 0)


@dataclass(frozen=True, kw_only=True)
class ActorConfig:
    """One actor: its world, its learner, how it warms up and when it stops."""

    task: str = "pick_cube"
    """Task to practise."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    scene: tyro.conf.OmitArgPrefixes[SceneConfig] = field(default_factory=SceneConfig)
    """How the task is seen."""
    reward: str | None = None
    """Who judges: environment, operator, classifier or nothing; none means whoever the task says."""
    judging: tyro.conf.OmitArgPrefixes[JudgingConfig] = field(default_factory=JudgingConfig)
    """How a classifier judges."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    view: tyro.conf.OmitArgPrefixes[ViewConfig] = field(default_factory=ViewConfig)
    """A live look."""
    actor_id: str = "actor-0"
    """Name of this actor, unique among the actors of one learner."""
    run_dir: Path = Path("runs/actor")
    """Directory for the log, the summary and the spool."""
    link: tyro.conf.OmitArgPrefixes[DialerConfig] = field(default_factory=DialerConfig)
    """Where the learner is."""
    join: tyro.conf.OmitArgPrefixes[JoinConfig] = field(default_factory=JoinConfig)
    """A learner of SERL or HIL-SERL instead."""
    both: tyro.conf.OmitArgPrefixes[BothWaysConfig] = field(default_factory=BothWaysConfig)
    """A second task in turns with the first; nothing is evaluated meanwhile, for that would set the scene."""
    seed: int = 0
    """Seed of start states, random actions and sampled actions."""
    clock: Literal["wall", "simulated"] = "simulated"
    """wall: real time, never waits for the learner. simulated: as fast as the learner keeps up."""
    random_steps: int = 0
    """Training steps with random actions before the policy acts."""
    scripted_steps: int = 0
    """Training steps by the script device after the random ones and before the policy acts."""
    teleop: str | None = None
    """Teleop device by which somebody may take over from the policy; none leaves it alone."""
    greedy_share: float = 0.5
    """Share of practice episodes that take the policy's mode instead of a sample, from start to end."""
    max_policy_age_seconds: float = 60.0
    """With the learner out of reach, hold once the newest policy is older than this."""
    max_steps: int | None = None
    """Stop after this many training steps; none goes on until the learner or a signal says stop."""
    episode_steps: int | None = None
    """Practice episodes run into their time limit after this many steps; none means the task's own limit."""
    max_faults: int = 5
    """Give up after this many faulty episodes in a row."""
    spool: Path | None = None
    """Directory for what the learner has not confirmed yet; none means RUN_DIR/spool."""
    farewell_seconds: float = 1.8
    """After a signal, how long to wait until the learner has everything on its disk; the rest stays here."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Where actions are computed."""
    verbose: bool = False
    """Show the log on the terminal, not only its warnings."""
    evaluation: EvaluationSchedule = field(default_factory=EvaluationSchedule)
    uplink: UplinkConfig = field(default_factory=UplinkConfig)

    def __post_init__(self) -> None:
        stage = "actor"
        _at_least(stage, "seed", self.seed, 0)
        _at_least(stage, "random_steps", self.random_steps, 0)
        _at_least(stage, "scripted_steps", self.scripted_steps, 0)
        _at_least(stage, "max_faults", self.max_faults, 1)
        _at_least(stage, "episode_steps", 1 if self.episode_steps is None else self.episode_steps, 1)
        _at_least(stage, "max_steps", 1 if self.max_steps is None else self.max_steps, 1)
        for name in ("max_policy_age_seconds", "farewell_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(stage, f"{name} is {getattr(self, name):g}", "give a positive number")
        if not 0.0 <= self.greedy_share <= 1.0:
            raise ConfigError(stage, f"greedy_share is {self.greedy_share:g}", "choose a share in [0, 1]")
        if not is_name(self.actor_id):
            cure = "use at most 64 letters (a to z), digits, dots and dashes, as in actor-0"
            raise ConfigError(stage, f"actor_id is {self.actor_id!r}", cure)

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task

    @property
    def spool_directory(self) -> Path:
        """Where undelivered episodes lie."""
        return self.spool or self.run_dir / "spool"


def _at_least(stage: str, name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(stage, f"{name} is {value}", f"give a whole number of at least {least}")
