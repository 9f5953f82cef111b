"""SERL's and HIL-SERL's pickles: lists of transitions, each with both its observations.

Sources: serl `examples/*/record_demo.py` and `franka_lift_cube_image_20_trajs.pkl`, hil-serl
`examples/record_demos.py` and what its actor dumps to `buffer/` and `demo_buffer/`.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.found import Found, FoundEpisode, ReadingConfig
from shared.errors import ConfigError
from shared.foreign_values import read_values
from shared.interface import InterfaceSpec
from shared.serl_transitions import PENALTY, Transition, interface_of, read_transition, require_fit
from shared.step import Action, Source, Step, Why

CURE = "give a pickle as SERL's record_demo.py or HIL-SERL's record_demos.py writes it: a list of transitions"
MOST_VALUES = 50_000_000
UNDERSTOOD_INFOS = frozenset({PENALTY, "intervene_action", "succeed"})


class Placed(NamedTuple):
    """A transition and where it was found."""

    place: str
    transition: Transition


def open_serl(path: Path, config: ReadingConfig, account: Account) -> Found:
    """A pickle, or a directory of them in the order of the numbers in their names.

    Raises:
        ConfigError: a file is no such pickle, or names code; nothing of it was executed.
    """
    files = _files(path)
    placed = _transitions(files)
    first = next(placed, None)
    if first is None:
        raise ConfigError(str(path), "holds no transition", CURE)
    interface = interface_of(first.transition, config.rate(None, str(path)), config.name)
    account.say("format", "SERL's transitions; read without executing anything")
    account.say("pictures", "taken for RGB, as SERL stores them")
    account.say("executed commands", "not in the file: the actions stand for them")
    return Found(interface=interface, episodes=_episodes(_again(first, placed), interface, config, account))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    numbers = re.compile(r"\d+")
    files = sorted(path.glob("*.pkl"), key=lambda file: ([int(n) for n in numbers.findall(file.name)], file))
    if not files:
        raise ConfigError(str(path), "is no pickle, and no directory with *.pkl", CURE)
    return files


def _transitions(files: Sequence[Path]) -> Iterator[Placed]:
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ConfigError(str(file), f"cannot be read: {error.strerror}", CURE) from None
        content = read_values(data, str(file), cure=CURE, most=MOST_VALUES)
        if not isinstance(content, list):
            raise ConfigError(str(file), f"holds a {type(content).__name__}, not a list", CURE)
        for number, item in enumerate(content):
            yield _placed(f"{file}, transition {number}", item)


def _placed(place: str, item: Any) -> Placed:
    try:
        return Placed(place, read_transition(item))
    except ConfigError as error:
        raise ConfigError(place, error.cause, CURE) from None


def _again(first: Placed, others: Iterator[Placed]) -> Iterator[Placed]:
    yield first
    yield from others


def _episodes(
    placed: Iterator[Placed], interface: InterfaceSpec, config: ReadingConfig, account: Account
) -> Iterator[FoundEpisode]:
    held: list[Placed] = []
    for item in placed:
        _require_fit(item, interface)
        if held and not _goes_on(held[-1], item, interface, config):
            account.count("last steps", "episodes cut where the data jump: truncated")
            yield _episode(held, config, account)
            held = []
        held.append(item)
        if item.transition.done or item.transition.terminated:
            yield _episode(held, config, account)
            held = []
    if held:
        account.count("last steps", "the file ends within an episode: truncated")
        yield _episode(held, config, account)


def _require_fit(item: Placed, interface: InterfaceSpec) -> None:
    try:
        require_fit(item.transition, interface)
    except ConfigError as error:
        raise ConfigError(item.place, error.cause, "give files of one world each") from None


def _goes_on(before: Placed, after: Placed, interface: InterfaceSpec, config: ReadingConfig) -> bool:
    expected, seen = before.transition.next_observation, after.transition.observation
    other = [e for e in interface.observations if not _equal(expected[e.name], seen[e.name])]
    if not other:
        return True
    if any(not entry.is_image for entry in interface.observations) and all(e.is_image for e in other):
        names = ", ".join(entry.name for entry in other)
        raise ConfigError(
            after.place,
            f"its pictures ({names}) are not those that the transition before led to, while its state is",
            "record it again: pictures and states are out of step",
        )
    if not config.cut_at_jumps:
        raise ConfigError(
            after.place,
            "it does not begin where the transition before ended, which was no end of an episode",
            "give --cut-at-jumps where the file holds parts of episodes, as HIL-SERL's demo_buffer does",
        )
    return False


def _equal(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _episode(held: Sequence[Placed], config: ReadingConfig, account: Account) -> FoundEpisode:
    steps = [_step(item.transition, config) for item in held[:-1]]
    steps.append(_last_step(held[-1].transition, config, account))
    for item in held:
        for name in item.transition.left_out:
            account.count("left out", f"field {name!r}: not understood")
        for name in sorted(str(name) for name in item.transition.infos.keys() - UNDERSTOOD_INFOS):
            account.count("left out", f"infos[{name!r}]: not understood")
        if PENALTY in item.transition.reward_terms:
            account.count("rewards", f"steps whose {PENALTY} was added as a term of the reward")
    return FoundEpisode(name=held[0].place, steps=tuple(steps))


def _last_step(transition: Transition, config: ReadingConfig, account: Account) -> Step:
    rewarded = transition.reward_terms["reward"] > 0 or bool(np.any(transition.infos.get("succeed", False)))
    if transition.terminated and rewarded:
        why, said = Why.SUCCESS, "mask 0 and a reward: terminated, success"
    elif transition.terminated and config.unrewarded_end == "failure":
        why, said = Why.FAILURE, "mask 0 without a reward: terminated, failure, as --unrewarded-end says"
    elif transition.terminated:
        why, said = Why.TIME_LIMIT, "mask 0 without a reward, as SERL's time limits have it: truncated"
    else:
        why, said = Why.TIME_LIMIT, "mask 1: truncated" + (", though rewarded" if rewarded else "")
    account.count("last steps", said)
    return _step(transition, config, why)


def _step(transition: Transition, config: ReadingConfig, why: Why | None = None) -> Step:
    human = _intervention(transition)
    return Step(
        observation=transition.observation,
        chosen_action=transition.action,
        executed_command=transition.action,
        source=config.driver if human is None else Source.HUMAN,
        human_action=transition.action if human is None and config.driver is Source.HUMAN else human,
        policy_action=transition.action if human is None and config.driver is Source.POLICY else None,
        reward=transition.reward,
        reward_terms=transition.reward_terms,
        terminated=why in (Why.SUCCESS, Why.FAILURE),
        truncated=why is Why.TIME_LIMIT,
        why=why,
        final_observation=None if why is None else transition.next_observation,
    )


def _intervention(transition: Transition) -> Action | None:
    """What a person did instead; HIL-SERL's wrapper leaves it in the infos, and stores it as the action."""
    given = transition.infos.get("intervene_action")
    if not isinstance(given, np.ndarray) or given.shape != transition.action.shape:
        return None
    return given.astype(np.float32)
