"""`handson classifier record`: labelled frames for a reward classifier, while somebody drives the arm."""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from actor.choosers import Chooser, DeviceChooser
from actor.labelling import Labels
from actor.live_view import Show, ViewConfig, live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.keyboard import terminal_of_stdin
from actor.operating.robot_operator import Operator
from actor.recording import Recording
from actor.rollout import EpisodeHooks
from actor.scene import SceneConfig
from actor.seeds import start_seed
from actor.stop import StopSignal
from actor.teleop import open_device
from actor.wandering import WanderingChooser
from actor.world import World, open_world
from robot_env.teleop.base import TeleopDevice
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.policy.vision import cameras
from shared.step import EpisodeKind, Source, Step, Why, new_incarnation

log = logging.getLogger(__name__)

STAGE = "classifier record"
FAULTS = 5
HINT_FROM = 20
NEAR_SHARE = 0.25
"""Share of near misses among failures below which the person is told to come closer."""


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
    """Who labels: a person by keys (space: success and back; 0 to 9: a class), or the simulated task."""
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
        operator.describe = lambda: standing(config, labels)
        if by_keys:
            operator.bind(labels.keys(), "space success and back | 0 to 9 the class of what is seen")
        with Recording(path, world.interface, actor_id="labels", kind=EpisodeKind.EVALUATION) as recording:
            _Session(config, world, labels, recording, stop, operator, show).run(
                _chooser(config, world, device)
            )
    Console().print(_table(config, labels, recording))
    if stop.cause is not None:
        return 130
    return 0 if _enough(config, labels) else 1


class _Session:
    """Episode after episode until there is enough of everything."""

    def __init__(
        self,
        config: LabelConfig,
        world: World,
        labels: Labels,
        recording: Recording,
        stop: StopSignal,
        operator: Operator,
        show: Show,
    ) -> None:
        self._config, self._world, self._labels, self._recording = config, world, labels, recording
        self._stop, self._operator, self._show = stop, operator, show
        self._number = 0

    def run(self, chooser: Chooser) -> None:
        """Raises ObservationError after too many faulty episodes in a row."""
        faults = 0
        with Progress(transient=True) as progress:
            bars = [
                progress.add_task(name, total=wanted)
                for name, wanted in zip(self._config.classes, self._config.frames, strict=True)
            ]
            for episode in range(self._config.episodes):
                self._operator.between_episodes(self._world.rollout.hold)
                if self._stop.cause is not None or _enough(self._config, self._labels):
                    return
                seed = start_seed(self._config.seed, "labels", episode)
                outcome = self._world.rollout.play(chooser, seed, self._hooks(episode, progress, bars))
                self._recording.end()
                faults = faults + 1 if outcome.fault is not None else 0
                if outcome.fault is not None:
                    log.error("episode %d broken off: %s", episode, outcome.fault)
                if outcome.fault is not None and faults >= FAULTS:
                    raise outcome.fault

    def _hooks(self, episode: int, progress: Progress, bars: Sequence[TaskID]) -> EpisodeHooks:
        def keep(step: Step, number: int) -> None:
            self._recording.append([step], number)
            self._show(step, episode, number)
            for label, bar in enumerate(bars):
                progress.update(bar, completed=self._labels.counts[label])

        return EpisodeHooks(begun=lambda: self._begun(), interrupted=self._interrupted, keep=keep)

    def _begun(self) -> Why | None:
        self._number = 0
        return self._operator.begun(self._world.rollout.hold)

    def _interrupted(self) -> Why | None:
        self._number += 1
        asked = self._operator.after_step(self._world.rollout.hold)
        over = self._number >= self._config.episode_steps or _enough(self._config, self._labels)
        return asked or (Why.OPERATOR_ABORT if over or self._stop.cause else None)


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


def _enough(config: LabelConfig, labels: Labels) -> bool:
    return all(labels.counts[number] >= wanted for number, wanted in enumerate(config.frames))


def standing(config: LabelConfig, labels: Labels) -> str:
    """What there is and what is wanted, in one line."""
    counts = ", ".join(
        f"{name} {labels.counts[number]}/{wanted}"
        for number, (name, wanted) in enumerate(zip(config.classes, config.frames, strict=True))
    )
    return f"{labels.current} | {counts} | {_hint(config, labels)}"


def _hint(config: LabelConfig, labels: Labels) -> str:
    """What is missing most."""
    failures, successes = labels.counts[0], labels.counts[len(config.classes) - 1]
    if successes >= HINT_FROM and labels.near_misses < NEAR_SHARE * failures:
        return "come close without succeeding: near misses are what a classifier is fooled by"
    missing = [
        name
        for number, (name, wanted) in enumerate(zip(config.classes, config.frames, strict=True))
        if labels.counts[number] < wanted
    ]
    return f"wanted: {', '.join(missing)}" if missing else "enough of everything"


def _table(config: LabelConfig, labels: Labels, recording: Recording) -> Table:
    table = Table(title=f"labelled frames of {config.environment} by {config.device}", show_header=False)
    for number, (name, wanted) in enumerate(zip(config.classes, config.frames, strict=True)):
        table.add_row(name, f"{labels.counts[number]} of {wanted} frames")
    table.add_row("near misses", f"{labels.near_misses} of the {config.classes[0]} frames")
    table.add_row("episodes", f"{recording.episodes}, {recording.steps} steps")
    table.add_row("written", str(recording.path))
    return table
