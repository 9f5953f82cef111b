"""The options of `handson sim` itself; light to import, so that `--help` is quick."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from actor.rewards.judging import JudgingConfig
from deploy.target import Target
from shared.errors import ConfigError

LEAST_TRAINING_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class SimOptions:
    """What to train, how long, and where to keep it."""

    task: str = "pick_cube"
    """Task to learn: reach, pick_cube, peg_insert, each with _vision too, or pick_cube_dense."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    seed: int = 0
    """Seed of everything random in the run."""
    minutes: float = 10.0
    """Time allowed, from start to report."""
    demos: int = 20
    """Demonstrations that a script records first; 0 for none."""
    teleop: str | None = None
    """Teleop device by which somebody may take over from the policy; a person's makes practice real time."""
    final_episodes: int = 50
    """Greedy episodes of the final evaluation."""
    video: bool = True
    """Film the first of them."""
    run_dir: Path | None = None
    """Directory for everything the run leaves; none makes RUNS_DIR/<stamp>-<task>."""
    runs_dir: Path = Path("runs")
    """Where runs lie, and the link latest."""
    evaluation_seconds: float = 45.0
    """Kept back from the minutes, for finishing and for the final evaluation."""
    finish_seconds: float = 20.0
    """How long the actor, and then the learner, may take to finish once training stops."""
    learner_environment: dict[str, str] = field(default_factory=dict[str, str])
    """Environment variables of the learner's process, such as XLA_FLAGS."""
    actor_environment: dict[str, str] = field(default_factory=dict[str, str])
    """Environment variables of the actor's process."""
    reward: str | None = None
    """Who judges demonstrations and practice: environment, operator or classifier; none means the task's own.
    The final evaluation is always judged by the environment."""
    judging: tyro.conf.OmitArgPrefixes[JudgingConfig] = field(default_factory=JudgingConfig)
    """How a classifier judges."""
    target: Target | None = field(default_factory=Target)
    """When training may stop, and what counts as success."""

    def __post_init__(self) -> None:
        _require(math.isfinite(self.minutes), f"minutes is {self.minutes}", "give a number of minutes")
        _require(0 <= self.seed < 2**32, f"seed is {self.seed}", "give a whole number from 0 to 4294967295")
        _require(self.demos >= 0, f"demos is {self.demos}", "give 0 or more")
        _require(self.final_episodes >= 1, f"final_episodes is {self.final_episodes}", "give at least 1")
        _require(
            self.env is None or self.demos == 0,
            f"{self.demos} demos were asked for, but no script solves {self.env}",
            "give --demos 0",
        )
        _require(
            self.reward != "nothing" or self.demos == 0,
            "demonstrations would never end: nothing tells when they succeed",
            "give --actor.reward nothing, which leaves the demonstrations to the task",
        )
        if self.reward == "classifier":
            self.judging.require_used()
        else:
            self.judging.require_unused()
        least = (self.evaluation_seconds + LEAST_TRAINING_SECONDS) / 60
        _require(
            self.minutes >= least,
            f"of {self.minutes:g} minutes {self.evaluation_seconds:g} s are kept back: no time to train",
            f"give at least {math.ceil(10 * least) / 10:g} minutes, or fewer --evaluation-seconds",
        )

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task


def _require(holds: bool, cause: str, cure: str) -> None:
    if not holds:
        raise ConfigError("sim", cause, cure)
