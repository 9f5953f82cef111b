"""Whose interface imported steps get: the file's own, a task's, or that of an episode file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from actor.conversion.account import Account
from actor.conversion.fitting import Fitting, FittingConfig, bounded_entries, scaled_actions
from actor.conversion.found import Found, FoundEpisode
from actor.conversion.mapping import columns_for, parse_rules, renamed
from actor.conversion.serl_states import SerlConfig, known_actions, known_columns
from robot_env.registry import make
from shared.clock import ManualClock
from shared.episodes import read_episodes
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, describe, require_sound
from shared.step import Step

STAGE = "importing"


@dataclass(frozen=True, kw_only=True)
class TargetConfig:
    """Whose interface the steps get; without any of these the file's own, its entries under its own names."""

    task: str | None = None
    """One of HandsOn's tasks, as its simulation shows it."""
    cameras: tuple[str, ...] = ()
    """Cameras of the task, as in front wrist."""
    image_size: int | None = None
    """Height and width of their pictures in pixels."""
    like: Path | None = None
    """An episode file of the world in question, as handson demo records one at your bench."""
    map: tuple[str, ...] = ()
    """Entries as TARGET=SOURCE or TARGET=SOURCE[FROM:TO], as in front/image=wrist_1."""

    def __post_init__(self) -> None:
        parse_rules(self.map)
        if self.task is not None and self.like is not None:
            raise ConfigError(STAGE, "--task and --like are both given", "give one of them")


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """What becomes of the steps of an episode."""

    interface: InterfaceSpec
    steps: Callable[[FoundEpisode], tuple[Step, ...]]


def preparation(
    found: Found, config: TargetConfig, fitting: FittingConfig, serl: SerlConfig, account: Account
) -> Prepare:
    """How the file's steps become those of the chosen interface.

    Raises:
        ConfigError: they cannot: an entry, a rate or an action is missing or of another kind.
    """
    target = chosen = _target(config)
    rules = parse_rules(config.map)
    if target is None and not rules and fitting == FittingConfig():
        account.say("actions", "as the file has them, between -1 and 1")
        require_sound(found.interface, "the file")
        return Prepare(interface=found.interface, steps=lambda episode: episode.steps)
    if target is None:
        target = renamed(found.interface, rules, account)
        target = replace(target, actions=bounded_entries(fitting, target.actions))
    require_sound(target, "the import")
    _require_rate(found.interface, target)
    known = {} if chosen is None else known_columns(found.interface, target, serl, account)
    columns = columns_for(target, found.interface, rules, known, account)
    actions = None
    if chosen is not None and not fitting.action_low:
        actions = known_actions(found.interface, target, serl, account)
    actions = actions or scaled_actions(fitting, found.interface.action_size, account)
    fit = Fitting(target=target, columns=columns, actions=actions, config=fitting, account=account)
    return Prepare(interface=target, steps=lambda episode: fit(episode.steps, episode.name))


def _target(config: TargetConfig) -> InterfaceSpec | None:
    if config.like is not None:
        return read_episodes(config.like).interface
    if config.task is None:
        return None
    settings = {name: value for name in ("cameras", "image_size") if (value := getattr(config, name))}
    env = make(config.task, clock=ManualClock(), arm="mujoco", **settings)
    try:
        return env.unwrapped.interface  # type: ignore[attr-defined]
    finally:
        env.close()


def _require_rate(found: InterfaceSpec, target: InterfaceSpec) -> None:
    if found.control_hz != target.control_hz:
        raise ConfigError(
            STAGE,
            f"the file has {found.control_hz:g} steps a second, {describe(target)}",
            "an action of another length is another action: import it without --task and --like, or set the "
            "task's control_hz in a lab file, record one episode there and give it as --like",
        )
