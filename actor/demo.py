"""`handson demo`: record demonstrations by a teleop device, from start to end, without a learner.

`handson demo COMMAND` does something with demonstrations that are there: see COMMANDS.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.live import Live

from actor.choosers import DeviceChooser
from actor.demonstrations.coverage import Coverage
from actor.demonstrations.earlier import draw_starts, fresh_seeds, require_equal_files, take_up
from actor.demonstrations.session import SECOND_THOUGHTS_SECONDS, DemoSession, Limits
from actor.demonstrations.tally import Tally
from actor.json_file import write_json
from actor.live_view import ViewConfig, live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.denying import deny_by_key
from actor.operating.robot_operator import Operator
from actor.recording import Recording
from actor.rewards.base import name_of
from actor.rewards.judging import JudgingConfig
from actor.scene import SceneConfig
from actor.stop import StopSignal
from actor.teleop import open_device
from actor.world import World, open_world
from robot_env.families import resolve
from robot_env.teleop.base import TeleopDevice
from shared.config import parse_command_line
from shared.episode_files import episode_files, next_file
from shared.errors import ConfigError, EpisodeFileError
from shared.step import EpisodeKind, Source
from shared.version import code_version

log = logging.getLogger(__name__)

COMMANDS: dict[str, str] = {
    "calibrate": "actor.calibration:main",
    "import": "actor.conversion.importing:main",
    "inspect": "actor.demonstrations.inspection:main",
    "filter": "actor.demonstrations.choosing:filter_main",
    "trim": "actor.demonstrations.choosing:trim_main",
    "play": "actor.demonstrations.playing:main",
    "render": "actor.demonstrations.rendering:main",
    "export": "actor.conversion.exporting:main",
}
"""What else `handson demo` does: "module:main", imported when it is chosen; main(argv) -> exit status."""
FIRST = "demos.mcap"
ATTEMPTS_PER_EPISODE = 5
"""Give up when a script needs more attempts than this for each demo that is kept; a person may go on."""


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
    """Who judges: environment, operator or classifier; none means whoever the task says."""
    judging: tyro.conf.OmitArgPrefixes[JudgingConfig] = field(default_factory=JudgingConfig)
    """How a classifier judges."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    view: tyro.conf.OmitArgPrefixes[ViewConfig] = field(default_factory=ViewConfig)
    """A live look."""
    device: str = "script"
    """Teleop device that drives."""
    episodes: int = 20
    """Demos to keep in all."""
    keep_failures: bool = False
    """Keep every episode, not only successful ones."""
    seed: int = 0
    """Seed of start states and of the device's noise."""
    out: Path = Path("demos")
    """Directory for demos.mcap and demos.json."""
    resume: bool = False
    """Go on in that directory until it holds so many demos: with starts that are new, into demos-2.mcap."""
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
    before = _recorded_before(config)
    path = next_file(config.out / FIRST)
    with (
        logging_to(None, verbose=config.verbose),
        stop.on_signals(),
        open_world(
            config.environment, config.clock, reward=config.reward, scene=config.scene, judging=config.judging
        ) as world,
    ):
        require_equal_files(before, world.interface)
        tally = Tally(Coverage(draw_starts(world)))
        used = take_up(before, tally, world)
        if tally.kept >= config.episodes:
            Console().print(tally.as_table(f"nothing is missing in {config.out}"))
            return 0
        _demonstrate(config, world, stop, tally, path, fresh_seeds(config.seed, used))
    write_json(path.with_suffix(".json"), _about(config, path) | tally.as_dict())
    Console().print(tally.as_table(f"demos of {config.environment} by {config.device}, in {path}"))
    if stop.cause is not None:
        return 130
    if tally.kept < config.episodes:
        log.error("only %d of %d demos succeeded", tally.kept, config.episodes)
        return 1
    return 0


def _demonstrate(
    config: DemoConfig, world: World, stop: StopSignal, tally: Tally, path: Path, seeds: Iterator[int]
) -> None:
    """Everything that a session needs, open for as long as it lasts."""
    title = f"demos of {config.environment}"
    with (
        closing(open_device(config.device, world, config.scene, config.clock)) as device,
        attended(config.operator, stop, world.judge, device, alone=True) as operator,
        live_view(config.view, title) as show,
        Recording(
            path, world.interface, actor_id="demo", kind=EpisodeKind.DEMO, judge=name_of(world.judge)
        ) as recording,
        _board(operator, tally, title),
    ):
        chooser = DeviceChooser(device, world.interface.action_size)
        limits = _limits(config, device, operator)
        deny_by_key(operator, [world.judge])
        DemoSession(limits, world, chooser, recording, tally, operator, stop, seeds, show).run()


def _recorded_before(config: DemoConfig) -> list[Path]:
    """The files of a session that is gone on with."""
    if not (config.out / FIRST).exists():
        return []
    if not config.resume:
        raise EpisodeFileError(
            "demo",
            f"{config.out / FIRST} exists already",
            "go on with it by --resume, which adds a file, or name another directory with --out",
        )
    return episode_files(config.out)


def _limits(config: DemoConfig, device: TeleopDevice, operator: Operator) -> Limits:
    person = device.source is Source.HUMAN and operator.present
    thinks = operator.present and config.clock == "wall"
    return Limits(
        episodes=config.episodes,
        attempts=None if person else ATTEMPTS_PER_EPISODE * config.episodes,
        keep_failures=config.keep_failures,
        seconds_to_think=SECOND_THOUGHTS_SECONDS if thinks else 0.0,
    )


@contextmanager
def _board(operator: Operator, tally: Tally, title: str) -> Iterator[None]:
    """The tally on the terminal while it grows: above the operator's line, or by itself."""
    operator.board = lambda: tally.as_table(title)
    console = Console()
    if operator.present or not console.is_terminal:
        yield
        return
    with Live(get_renderable=operator.board, console=console, refresh_per_second=2, transient=True):
        yield


def _about(config: DemoConfig, path: Path) -> dict[str, object]:
    return {
        "environment": config.environment,
        "device": config.device,
        "file": path.name,
        "seed": config.seed,
        "code_version": code_version(),
    }


def _description() -> str:
    others = f"\nWith what was recorded: handson demo {{{','.join(COMMANDS)}}} --help" if COMMANDS else ""
    return f"Record demonstrations by a device, without a learner.{others}"
