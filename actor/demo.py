"""`handson demo`: record demonstrations by a teleop device, from start to end, without a learner.

`handson demo COMMAND` does something with demonstrations that are there: see COMMANDS.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from actor.choosers import DeviceChooser
from actor.live_view import Show, ViewConfig, live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.robot_operator import Operator
from actor.recording import Recording
from actor.rollout import EpisodeHooks, EpisodeOutcome
from actor.scene import SceneConfig
from actor.seeds import start_seed
from actor.stop import StopSignal
from actor.teleop import open_device
from actor.world import World, open_world
from robot_env.families import resolve
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.step import EpisodeKind, Step, Why

log = logging.getLogger(__name__)

COMMANDS: dict[str, str] = {}
"""What else `handson demo` does: "module:main", imported when it is chosen; main(argv) -> exit status."""
ATTEMPTS_PER_EPISODE = 5
"""Give up when the device needs more attempts than this for each demo that is kept."""


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Who demonstrates what, and what is kept."""

    task: str = "pick_cube"
    """Task to demonstrate."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    scene: tyro.conf.OmitArgPrefixes[SceneConfig] = field(default_factory=SceneConfig)
    """How the task is seen."""
    reward: str | None = None
    """Who judges: environment or operator; none means whoever the task says."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    view: tyro.conf.OmitArgPrefixes[ViewConfig] = field(default_factory=ViewConfig)
    """A live look."""
    device: str = "script"
    """Teleop device that drives."""
    episodes: int = 20
    """Demos to keep."""
    keep_failures: bool = False
    """Keep every episode, not only successful ones."""
    seed: int = 0
    """Seed of start states and of the device's noise."""
    out: Path = Path("demos")
    """Directory for demos.mcap."""
    clock: Literal["wall", "simulated"] = "simulated"
    """wall: real time. simulated: as fast as it can."""
    verbose: bool = False
    """Show the log on the terminal, not only its warnings."""

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError("demo", f"episodes is {self.episodes}", "give at least 1")
        if self.seed < 0:
            raise ConfigError("demo", f"seed is {self.seed}", "give at least 0")

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that is named; without one record demonstrations."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and not arguments[0].startswith("-"):
        return int(resolve("demo command", COMMANDS, arguments[0])(arguments[1:]))
    return record(arguments)


def record(argv: Sequence[str]) -> int:
    """Record, print the summary; 130 when interrupted (what was recorded stays), 1 when too few succeeded."""
    config = parse_command_line(DemoConfig, argv, prog="handson demo", description=_description())
    stop = StopSignal()
    path = config.out / "demos.mcap"
    with (
        logging_to(None, verbose=config.verbose),
        stop.on_signals(),
        open_world(config.environment, config.clock, reward=config.reward, scene=config.scene) as world,
        closing(open_device(config.device, world, config.scene, config.clock)) as device,
        attended(config.operator, stop, world.judge, device) as operator,
        live_view(config.view, f"demos of {config.environment}") as show,
        Recording(path, world.interface, actor_id="demo", kind=EpisodeKind.DEMO) as recording,
    ):
        chooser = DeviceChooser(device, world.interface.action_size)
        discarded = _record(config, world, chooser, recording, stop, operator, show)
    Console().print(_table(config, recording, discarded))
    if stop.cause is not None:
        return 130
    if recording.episodes < config.episodes:
        log.error("only %d of %d demos succeeded", recording.episodes, config.episodes)
        return 1
    return 0


def _description() -> str:
    others = f"\nWith what was recorded: handson demo {{{','.join(COMMANDS)}}} --help" if COMMANDS else ""
    return f"Record demonstrations by a device, without a learner.{others}"


def _record(
    config: DemoConfig,
    world: World,
    chooser: DeviceChooser,
    recording: Recording,
    stop: StopSignal,
    operator: Operator,
    show: Show,
) -> int:
    """Fill the recording; returns how many episodes were discarded."""
    attempts = 0
    with Progress(transient=True) as progress:
        task = progress.add_task("demos", total=config.episodes)
        while recording.episodes < config.episodes and attempts < ATTEMPTS_PER_EPISODE * config.episodes:
            steps: list[Step] = []

            def keep(step: Step, number: int, steps: list[Step] = steps, episode: int = attempts) -> None:
                steps.append(step)
                show(step, episode, number)

            hooks = EpisodeHooks(
                begun=lambda: operator.begun(world.rollout.hold),
                interrupted=lambda: (
                    operator.after_step(world.rollout.hold) or (Why.OPERATOR_ABORT if stop.cause else None)
                ),
                keep=keep,
            )
            operator.between_episodes(world.rollout.hold)
            outcome = world.rollout.play(chooser, start_seed(config.seed, "demo", attempts), hooks)
            if stop.cause is not None:
                break
            attempts += 1
            if _worth_keeping(config, outcome):
                recording.add(steps)
                progress.advance(task)
    return attempts - recording.episodes


def _worth_keeping(config: DemoConfig, outcome: EpisodeOutcome) -> bool:
    if outcome.fault is not None:
        log.error("demo from start seed %d discarded: %s", outcome.start_seed, outcome.fault)
        return False
    return config.keep_failures or outcome.success


def _table(config: DemoConfig, recording: Recording, discarded: int) -> Table:
    table = Table(title=f"demos of {config.environment} by {config.device}", show_header=False)
    table.add_row("kept", f"{recording.episodes} episodes, {recording.steps} steps")
    table.add_row("discarded", f"{discarded} episodes" + ("" if discarded else ", every one succeeded"))
    table.add_row("written", str(recording.path))
    return table
