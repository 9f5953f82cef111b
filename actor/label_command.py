"""`handson classifier record`: labelled frames for a reward classifier, while somebody drives the arm."""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from actor.choosers import Chooser, DeviceChooser
from actor.label_session import LabelSession, Wanted, as_table, board
from actor.labelling import Labels
from actor.live_view import ViewConfig, live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.keyboard import terminal_of_stdin
from actor.recording import Recording
from actor.scene import SceneConfig
from actor.stop import StopSignal
from actor.teleop import open_device
from actor.wandering import WanderingChooser
from actor.world import World, open_world
from robot_env.teleop.base import TeleopDevice
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.policy.vision import cameras
from shared.step import EpisodeKind, Source, new_incarnation

log = logging.getLogger(__name__)

STAGE = "classifier record"
KEYS = "l success and back | 0 to 9 the class of what is seen"


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Who drives, who labels, and how much is wanted."""

    task: str = "reach_vision"
    """Task that the classifier shall judge."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    scene: tyro.conf.OmitArgPrefixes[SceneConfig] = field(default_factory=SceneConfig)
    """How the task is seen."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    view: tyro.conf.OmitArgPrefixes[ViewConfig] = field(default_factory=ViewConfig)
    """A live look."""
    device: str = "script"
    """Teleop device that drives."""
    label: Literal["keys", "environment"] = "keys"
    """Who labels: a person by keys (l: success and back; 0 to 9: a class), or the simulated task."""
    classes: tuple[str, ...] = ("failure", "success")
    """Names of the classes by their keys 0, 1, ...; the last is success."""
    frames: tuple[int, ...] = (1000, 200)
    """Frames wanted of each class; recording ends once all are there."""
    episode_steps: int = 30
    """Steps after which an episode ends and another start is tried; the key a ends it too."""
    wander: float | None = None
    """Share of steps in which a random excursion begins; none means 0.1 for a script, 0 for a person."""
    episodes: int = 1000
    """Give up after so many episodes."""
    seed: int = 0
    """Seed of start states, of the device's noise and of excursions."""
    out: Path = Path("labels")
    """Directory; each recording adds a file, so that it can be gone on with later."""
    clock: Literal["wall", "simulated"] = "simulated"
    """wall: real time. simulated: as fast as it can."""
    verbose: bool = False
    """Show the log on the terminal, not only its warnings."""

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.classes) or len(self.classes) < 2 or min(self.frames) < 1:
            raise ConfigError(
                STAGE,
                f"frames is {self.frames} and the classes are {', '.join(self.classes)}",
                "name at least two classes, and give one number for each, at least 1",
            )
        if self.label == "environment" and len(self.classes) > 2:
            raise ConfigError(STAGE, "an environment knows only success", "add --label keys for more classes")
        if self.episode_steps < 1 or self.episodes < 1 or self.seed < 0:
            raise ConfigError(
                STAGE,
                f"episode_steps {self.episode_steps}, episodes {self.episodes}, seed {self.seed}",
                "give at least 1 step and 1 episode, and a seed of at least 0",
            )
        if self.wander is not None and not 0.0 <= self.wander <= 1.0:
            raise ConfigError(STAGE, f"wander is {self.wander:g}", "choose a share in [0, 1]")

    @property
    def environment(self) -> str:
        """The name that `robot_env.registry.make` knows this world by."""
        return self.env or self.task


def main(argv: Sequence[str]) -> int:
    """Record; 130 when interrupted, 1 when frames are missing in the end: what was recorded stays."""
    config = parse_command_line(
        LabelConfig,
        argv,
        prog="handson classifier record",
        description="Record labelled frames for a reward classifier while somebody drives.",
    )
    by_keys = config.label == "keys"
    if by_keys and (terminal_of_stdin() is None or not config.operator.hotkeys):
        raise ConfigError(
            STAGE,
            "a person labels by keys, and there is no terminal to hear them from",
            "start it in a terminal, or add --label environment in simulation",
        )
    stop, labels = StopSignal(), Labels(config.classes, by_keys=by_keys)
    wanted = Wanted(
        title=f"labelled frames of {config.environment} by {config.device}",
        frames=config.frames,
        episodes=config.episodes,
        episode_steps=config.episode_steps,
        seed=config.seed,
    )
    path = config.out / f"labels-{new_incarnation()}.mcap"
    with (
        logging_to(None, verbose=config.verbose),
        stop.on_signals(),
        open_world(config.environment, config.clock, scene=config.scene, judge=labels) as world,
        closing(open_device(config.device, world, config.scene, config.clock)) as device,
        attended(config.operator, stop, labels, device) as operator,
        live_view(config.view, f"labels of {config.environment}") as show,
    ):
        _require_cameras(world)
        if by_keys:
            operator.bind(labels.keys(), KEYS)
            operator.tell(KEYS)
        with (
            Recording(path, world.interface, actor_id="labels", kind=EpisodeKind.EVALUATION) as recording,
            board(operator, wanted, labels),
        ):
            session = LabelSession(wanted, world.rollout, labels, recording, operator, stop, show)
            session.run(_chooser(config, world, device))
    Console().print(as_table(wanted, labels))
    print(f"written: {path}, {recording.episodes} episodes, {recording.steps} steps")
    if stop.cause is not None:
        return 130
    return 0 if wanted.enough(labels) else 1


def _chooser(config: LabelConfig, world: World, device: TeleopDevice) -> Chooser:
    size = world.interface.action_size
    chooser = DeviceChooser(device, size)
    share = config.wander if config.wander is not None else 0.1 * (device.source is Source.SCRIPT)
    return WanderingChooser(chooser, size, share) if share else chooser


def _require_cameras(world: World) -> None:
    if not cameras(world.interface):
        raise ConfigError(
            STAGE, f"{world.interface.name} shows no pictures", "add --cameras front wrist, or another task"
        )
