"""`handson eval`: measure a saved policy over fixed start states; needs no learner.

Leaves `evaluation.json`, the episodes as `evaluation.mcap`, strips of what the cameras showed and, if asked
for, a video.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from actor.config import FINAL_START_SEED
from actor.film import Film
from actor.json_file import write_json
from actor.live_view import Show, ViewConfig, live_view
from actor.logs import logging_to
from actor.mending import Mending
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.robot_operator import Operator
from actor.policy_runner import PolicyRunner, configure_device
from actor.recording import Recording
from actor.rewards.base import name_of
from actor.rewards.judging import JudgingConfig
from actor.rollout import EpisodeOutcome
from actor.scene import SceneConfig
from actor.scoring import EvaluationResult, evaluate
from actor.stop import StopSignal
from actor.strips import Strips
from actor.video import VideoWriter
from actor.world import World, open_world
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.policy.snapshot import PolicySnapshot, read_snapshot
from shared.policy.vision import cameras
from shared.step import EpisodeKind, Step, Why
from shared.version import code_version

STRIPS = "strips"
"""Directory of the strips."""


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Which policy, from which start states, and what to keep."""

    policy: Path
    """The policy: a file such as best.snapshot in a run directory, or a checkpoint's directory."""
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
    greedy: bool = True
    """Take the policy's mode instead of a sample."""
    seed: int = 0
    """Seed of sampled actions."""
    out: Path = Path("evaluation")
    """Directory for evaluation.json, evaluation.mcap and, where there are cameras, strips/."""
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

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task

    @property
    def policy_file(self) -> Path:
        """The file that holds the policy."""
        return self.policy / "policy.snapshot" if self.policy.is_dir() else self.policy


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate, write the files, print the table; 130 when interrupted, which leaves no evaluation.json."""
    config = parse_command_line(
        EvalConfig,
        sys.argv[1:] if argv is None else argv,
        prog="handson eval",
        description="Measure a saved policy over fixed start states.",
    )
    snapshot = read_snapshot(config.policy_file)
    configure_device(config.device)
    stop = StopSignal()
    began = time.monotonic()
    with (
        logging_to(None, verbose=config.verbose),
        stop.on_signals(),
        open_world(
            config.environment,
            config.clock,
            render=config.video is not None,
            reward=config.reward,
            scene=config.scene,
            judging=config.judging,
        ) as world,
        attended(config.operator, stop, world.judge) as operator,
        live_view(config.view, f"{config.policy.name} on {config.environment}") as show,
    ):
        names = cameras(world.interface)
        result = _evaluate(config, snapshot, world, stop, operator, show)
    if result is None:
        print(
            f"evaluation interrupted by {stop.cause or 'the operator'}; no evaluation.json was written",
            file=sys.stderr,
        )
        return 130
    _write(config, result, names, time.monotonic() - began)
    Console().print(_table(config, result))
    return 0


def _evaluate(
    config: EvalConfig,
    snapshot: PolicySnapshot,
    world: World,
    stop: StopSignal,
    operator: Operator,
    show: Show,
) -> EvaluationResult | None:
    runner = PolicyRunner(world.interface, seed=config.seed, device=config.device)
    runner.load(snapshot)
    film = _film(config, world)
    strips = Strips(config.out / STRIPS, world.interface)
    path = config.out / "evaluation.mcap"
    progress = Progress(transient=True)
    task = progress.add_task("episodes", total=config.episodes)
    steps: list[Step] = []

    mending = Mending(world.rollout, operator, stop)

    def keep(episode: int, step: Step, number: int) -> None:
        steps.append(step)
        film.frame(episode, step)
        show(step, episode, number)

    def interrupted() -> Why | None:
        asked = operator.after_step(world.rollout.hold)
        return asked or (Why.OPERATOR_ABORT if stop.cause else None)

    with Recording(
        path, world.interface, actor_id="eval", kind=EpisodeKind.EVALUATION, judge=name_of(world.judge)
    ) as recording:

        def mend(outcome: EpisodeOutcome) -> None:
            steps.clear()
            mending.wait(outcome)

        def after_episode(outcome: EpisodeOutcome) -> None:
            recording.add(steps, outcome.start_seed)
            strips.add(outcome, steps)
            steps.clear()
            progress.advance(task)

        with progress, film:
            return evaluate(
                world.rollout,
                runner,
                start_seeds=range(config.start_seed, config.start_seed + config.episodes),
                greedy=config.greedy,
                begun=lambda: operator.begun(world.rollout.hold),
                interrupted=interrupted,
                keep=keep,
                after_episode=after_episode,
                mend=mend,
            )


def _film(config: EvalConfig, world: World) -> Film:
    writer = None
    if config.video is not None:
        hz = world.interface.control_hz
        writer = VideoWriter(config.video, frames_per_second=hz, size=config.video_size)
    return Film(writer, world.env.render, cameras(world.interface), episodes=config.video_episodes)


def _write(config: EvalConfig, result: EvaluationResult, names: Sequence[str], wall_seconds: float) -> None:
    about = {
        "environment": config.environment,
        "policy": str(config.policy_file),
        "start_seed": config.start_seed,
        "cameras": names,
        "wall_seconds": wall_seconds,
        "code_version": code_version(),
    }
    write_json(config.out / "evaluation.json", about | result.as_dict())


def _table(config: EvalConfig, result: EvaluationResult) -> Table:
    low, high = result.success_interval
    table = Table(title=f"{config.policy.name} on {config.environment}", show_header=False)
    table.add_row("success", f"{result.successes} of {len(result.episodes)} = {result.success_rate:.2f}")
    table.add_row("95% interval (Wilson)", f"{low:.2f} to {high:.2f}")
    table.add_row("mean return", f"{result.mean_return:.2f}")
    table.add_row("mean length", f"{result.mean_length:.1f} steps")
    table.add_row("policy", f"version {result.policy_version}, after {result.policy_update} updates")
    table.add_row("start seeds", f"{config.start_seed} to {config.start_seed + config.episodes - 1}")
    table.add_row("written", str(config.out / "evaluation.json"))
    return table
