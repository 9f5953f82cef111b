"""What `handson eval` can be told."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from actor.config import FINAL_START_SEED
from actor.evaluating.starts import parse_size
from actor.live_view import ViewConfig
from actor.operating.config import OperatorConfig
from actor.rewards.judging import JudgingConfig
from actor.scene import SceneConfig
from shared.errors import ConfigError

BEST, POLICY = "best.snapshot", "policy.snapshot"
"""What a run and a checkpoint call the file with their policy."""


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Which policy, from which start states, and what to keep."""

    policy: Path
    """The policy: a snapshot, or the directory of a run (its best, else its newest) or of a checkpoint."""
    against: Path | None = None
    """Another policy to compare it with, from the same starts, turn by turn."""
    task: str = "pick_cube"
    """Task to evaluate it on."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    scene: tyro.conf.OmitArgPrefixes[SceneConfig] = field(default_factory=SceneConfig)
    """How the task is seen."""
    reward: str | None = None
    """Who judges: environment, operator or classifier; none means whoever the task says."""
    judging: tyro.conf.OmitArgPrefixes[JudgingConfig] = field(default_factory=JudgingConfig)
    """How a classifier judges."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    view: tyro.conf.OmitArgPrefixes[ViewConfig] = field(default_factory=ViewConfig)
    """A live look."""
    episodes: int = 50
    """Episodes, each from its own start state."""
    start_seed: int = FINAL_START_SEED
    """Seed of the first start state; the others follow it."""
    grid: str | None = None
    """Spread the episodes evenly over a grid of start states instead, rows x columns, as in 5x5."""
    grid_over: tuple[str, ...] = ()
    """The two quantities of the grid, as in "cube x (m)"; none takes those of an object, else of the tool."""
    teleop: str | None = None
    """Teleop device by which somebody may help; what needed help never counts as the policy's success."""
    greedy: bool = True
    """Take the policy's mode instead of a sample."""
    seed: int = 0
    """Seed of sampled actions."""
    out: Path = Path("evaluation")
    """Directory for evaluation.json, evaluation.mcap, the page and, where there are cameras, strips/."""
    video: Path | None = None
    """WebM file to film the first episodes into; none films nothing."""
    video_episodes: int = 6
    """How many episodes are filmed."""
    video_size: int = 320
    """Longer side of the rendered view in pixels; what cameras show stands beside it."""
    clock: Literal["wall", "simulated"] = "simulated"
    """wall: real time. simulated: as fast as it can."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Where actions are computed."""
    verbose: bool = False
    """Show the log on the terminal, not only its warnings."""

    def __post_init__(self) -> None:
        for name in ("episodes", "video_episodes", "video_size"):
            if getattr(self, name) < 1:
                raise ConfigError("evaluation", f"{name} is {getattr(self, name)}", "give at least 1")
        for name in ("start_seed", "seed"):
            if getattr(self, name) < 0:
                raise ConfigError("evaluation", f"{name} is {getattr(self, name)}", "give at least 0")
        if self.grid is None and self.grid_over:
            raise ConfigError("evaluation", "grid_over is given without a grid", "add --grid 5x5")
        if self.grid is not None and (cells := math.prod(parse_size(self.grid))) > self.episodes:
            cause = f"{self.grid} are {cells} cells for {self.episodes} episodes"
            raise ConfigError("evaluation", cause, f"add --episodes {cells}, or a multiple of it")

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task

    @property
    def policy_files(self) -> tuple[Path, ...]:
        """The files that hold the policies: of the one to measure, and of the one to compare it with."""
        named = (self.policy,) if self.against is None else (self.policy, self.against)
        return tuple(_newest_in(path) if path.is_dir() else path for path in named)


def _newest_in(directory: Path) -> Path:
    """The best policy of a run, that of a checkpoint, or else that of the newest checkpoint below."""
    for name in (BEST, POLICY):
        if (directory / name).exists():
            return directory / name
    below = sorted(directory.rglob(POLICY), key=lambda path: path.stat().st_mtime)
    return below[-1] if below else directory / BEST
