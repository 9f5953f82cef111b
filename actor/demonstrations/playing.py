"""`handson demo play PATH --episode N`: command an episode again, in simulation or slowly on an arm."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.table import Table

from actor.demonstrations.loading import Numbered, load
from actor.demonstrations.playback import STAGE, Commands, Departures, Moment, play
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.operating.robot_operator import Operator
from actor.rewards.environment import EnvironmentReward
from actor.scene import SceneConfig
from actor.stop import StopSignal
from actor.world import World, open_world
from robot_env.env import RobotEnv
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.interface import require_equal

CONSENT_SECONDS = 60.0
TURN_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class PlayConfig:
    """Which episode, where, and how fast."""

    path: tyro.conf.Positional[Path]
    """Episode file, or a directory of them."""
    episode: int = 0
    """Which one, counted from 0 as handson demo inspect does."""
    task: str | None = None
    """Task to play it in; none means the recording's."""
    env: str | None = None
    """Another environment instead of a task, as in gymnasium:Pendulum-v1."""
    scene: tyro.conf.OmitArgPrefixes[SceneConfig] = field(default_factory=SceneConfig)
    """How the task is seen, and on which arm."""
    operator: tyro.conf.OmitArgPrefixes[OperatorConfig] = field(default_factory=OperatorConfig)
    """The person at the terminal."""
    start_seed: int | None = None
    """Seed of the start state; none means the one that the file tells."""
    commands: Commands = "executed"
    """What to command: what the safety envelope let through, or what had been chosen."""
    speed: float | None = None
    """Share of the recorded speed, at most 1; none means 1, and 0.25 on a real arm."""
    tolerance: float = 0.01
    """How far the tool may be off in metres before it counts as a departure."""
    stop_beyond: float = 0.05
    """On a real arm: it is held, and playing ends, once the tool is so far off in metres."""
    clock: Literal["wall", "simulated"] = "simulated"
    """wall: real time. simulated: as fast as it can."""

    def __post_init__(self) -> None:
        if self.speed is not None and not 0.05 <= self.speed <= 1.0:
            raise ConfigError(STAGE, f"speed is {self.speed:g}", "give 0.05 to 1")
        if self.tolerance <= 0.0 or self.stop_beyond <= 0.0:
            raise ConfigError(STAGE, "tolerance or stop_beyond is not positive", "give metres above 0")


def main(argv: Sequence[str]) -> int:
    """Play, tell where it departs; 1 where it does, 130 when interrupted or not consented to."""
    config = parse_command_line(
        PlayConfig, argv, prog="handson demo play", description="Command a recorded episode again."
    )
    loaded = load(config.path, numbers=(config.episode,))
    numbered = loaded.episodes[0]
    stop = StopSignal()
    departures = Departures(loaded.interface, config.tolerance)
    with (
        logging_to(None),
        stop.on_signals(),
        open_world(
            config.env or config.task or loaded.interface.name,
            config.clock,
            reward="environment",
            scene=config.scene,
        ) as world,
        attended(config.operator, stop, EnvironmentReward()) as operator,
    ):
        require_equal(loaded.interface, world.interface, str(config.path), "this world")
        moments = _play(config, numbered, world, departures, operator, stop)
    return _report(numbered, moments, departures, stop)


def _play(
    config: PlayConfig,
    numbered: Numbered,
    world: World,
    departures: Departures,
    operator: Operator,
    stop: StopSignal,
) -> list[Moment]:
    real = isinstance(world.env.unwrapped, RobotEnv) and world.env.unwrapped.real
    if real and not _consents(operator, stop):
        return []
    speed = config.speed or (0.25 if real else 1.0)
    moments: list[Moment] = []
    for moment in play(
        world.env,
        [record.step for record in numbered.episode.steps],
        _seed(config, numbered),
        departures,
        commands=config.commands,
        substeps=round(1.0 / speed),
        ready=lambda: operator.begun(world.rollout.hold) is None,
    ):
        moments.append(moment)
        if real and moment.off > config.stop_beyond:
            world.rollout.hold()
            stop.set(f"the tool is {moment.off:.3f} m off")
        asked = operator.after_step(world.rollout.hold)
        if asked is not None or stop.cause is not None:
            stop.set("the operator ended it")
            break
    return moments


def _seed(config: PlayConfig, numbered: Numbered) -> int:
    seed = config.start_seed if config.start_seed is not None else numbered.start_seed
    if seed is None:
        raise ConfigError(
            STAGE,
            f"the file does not say from which start episode {numbered.number} began",
            "name the seed by --start-seed, or play one that handson demo recorded and nobody cut before",
        )
    return seed


def _consents(operator: Operator, stop: StopSignal) -> bool:
    """Whether a person lets the arm be moved; asked before its reset, and not for ever."""
    if not operator.present:
        raise ConfigError(
            STAGE, "an arm would move, and nobody is here to consent", "start it in a terminal with hotkeys"
        )
    operator.call("c: reset this arm and play the recorded motion on it now")
    for _ in range(round(CONSENT_SECONDS / TURN_SECONDS)):
        if operator.consented():
            return True
        if stop.wait(TURN_SECONDS) is not None:
            return False
    stop.set("nobody consented")
    return False


def _report(numbered: Numbered, moments: Sequence[Moment], departures: Departures, stop: StopSignal) -> int:
    recorded = numbered.episode.steps[-1].step.why
    table = Table(title=f"episode {numbered.number}, played back", show_header=False)
    table.add_row("steps", f"{len(moments)} of {len(numbered.episode.steps)}")
    table.add_row("ended", f"recorded: {recorded}; now: {moments[-1].why if moments else 'not begun'}")
    for name, off in departures.largest.items():
        table.add_row(name, f"off by at most {off:.4g}")
    Console().print(table)
    if stop.cause is not None:
        print(f"ended early: {stop.cause}", file=sys.stderr)
        return 130
    if departures.first is None:
        print(f"it stays within {departures.tolerance:g} m of the recording")
        return 0
    print(f"it departs before step {departures.first}: by more than {departures.tolerance:g} m")
    return 1
