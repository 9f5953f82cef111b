"""Which column holds what of our steps, both ways."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.lerobot import layout
from actor.conversion.lerobot.layout import Feature, numbers
from shared.episodes import Episode
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source, Step, Why

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What some of the steps hold beside what all of them do.

    Attributes:
        terms: names of reward terms.
        policy, human: whether any step has such a proposal.
        command: elements of the executed commands.
    """

    terms: tuple[str, ...]
    policy: bool
    human: bool
    command: int

    @classmethod
    def of(cls, episodes: Iterable[Episode]) -> "Survey":
        """Of all steps; raises ConfigError where they do not go into columns."""
        terms: dict[str, None] = {}
        policy = human = False
        commands: set[int] = set()
        for episode in episodes:
            for step in (record.step for record in episode.steps):
                terms |= dict.fromkeys(step.reward_terms)
                policy |= step.policy_action is not None
                human |= step.human_action is not None
                commands.add(len(step.executed_command))
        if len(commands) > 1:
            cause = f"executed commands have {sorted(commands)} elements"
            raise ConfigError("exporting", cause, "export episodes of one robot at a time")
        if bad := [term for term in terms if "/" in term]:
            raise ConfigError("exporting", f"reward terms {bad} hold a slash", "rename them in the task")
        return cls(terms=tuple(terms), policy=policy, human=human, command=max(commands, default=0))


def features_of(interface: InterfaceSpec, survey: Survey, picture: Feature) -> dict[str, Feature]:
    """Every feature, in the order of the columns; `picture` has the dtype of pictures."""
    actions = layout.element_names(interface.actions)
    size = interface.action_size
    features: dict[str, Feature] = {}
    if entries := layout.vectors(interface):
        names = layout.element_names(entries)
        features[layout.STATE] = numbers("float32", len(names), names)
    shapes = {entry.name: list(entry.shape) for entry in interface.observations}
    for name, key in layout.image_keys(interface).items():
        features[key] = {"shape": shapes[name], "names": ["height", "width", "channels"], **picture}
    features[layout.ACTION] = numbers("float32", size, actions)
    features[layout.REWARD] = numbers("float32")
    features |= {key: numbers("bool") for key in (layout.DONE, layout.SUCCESS, layout.TRUNCATED)}
    features[layout.INTERVENTION] = numbers("float32")
    features |= {layout.TERM + term: numbers("float64") for term in survey.terms}
    if survey.policy:
        features[layout.POLICY] = numbers("float32", size, actions)
    if survey.human:
        features[layout.HUMAN] = numbers("float32", size, actions)
    if survey.command:
        features[layout.COMMAND] = numbers("float32", survey.command)
    features |= {layout.SOURCE: numbers("string"), layout.WHY: numbers("string")}
    features[layout.TIME] = numbers("float64")
    return features | layout.COUNTERS


def columns_of(episode: Episode, interface: InterfaceSpec, survey: Survey) -> Columns:
    """The values of each column but pictures and counters: (T, D), or (T,) texts."""
    steps = [record.step for record in episode.steps]
    size = interface.action_size
    columns: Columns = {}
    if layout.vectors(interface):
        columns[layout.STATE] = np.stack([state_of(step.observation, interface) for step in steps])
    columns |= {
        layout.ACTION: np.stack([step.chosen_action for step in steps]),
        layout.REWARD: _column([step.reward for step in steps], np.float32),
        layout.DONE: _column([step.last for step in steps], np.bool_),
        layout.SUCCESS: _column([step.why is Why.SUCCESS for step in steps], np.bool_),
        layout.TRUNCATED: _column([step.truncated for step in steps], np.bool_),
        layout.INTERVENTION: _column([step.source is Source.HUMAN for step in steps], np.float32),
        layout.POLICY: _proposals([step.policy_action for step in steps], size),
        layout.HUMAN: _proposals([step.human_action for step in steps], size),
        layout.COMMAND: np.stack([step.executed_command for step in steps]),
        layout.SOURCE: np.array([step.source.value for step in steps], object),
        layout.WHY: np.array([step.why.value if step.why else "" for step in steps], object),
        layout.TIME: _column([record.time_seconds for record in episode.steps], np.float64),
    }
    for term in survey.terms:
        values = [step.reward_terms.get(term, np.nan) for step in steps]
        columns[layout.TERM + term] = _column(values, np.float64)
    return columns


def state_of(observation: Observation, interface: InterfaceSpec) -> NDArray[np.float32]:
    """All vectors in a row (D,)."""
    return np.concatenate([observation[entry.name] for entry in layout.vectors(interface)]).astype(np.float32)


def observation_of(
    state: NDArray[Any] | None, images: Mapping[str, NDArray[np.uint8]], interface: InterfaceSpec
) -> Observation:
    """The entries of one observation, from all its vectors in a row and its pictures by entry."""
    observation, at = {}, 0
    for entry in interface.observations:
        if entry.is_image:
            observation[entry.name] = images[entry.name]
        elif state is not None:
            observation[entry.name] = state[at : at + entry.shape[0]].astype(np.float32)
            at += entry.shape[0]
    return observation


def steps_of(
    columns: Columns, observations: Sequence[Observation], final: Observation | None
) -> tuple[tuple[Step, ...], tuple[float, ...]]:
    """Our steps and their times, from the columns that `columns_of` made; raises KeyError or ValueError."""
    terms = [key for key in columns if key.startswith(layout.TERM)]
    count = len(observations)
    steps = []
    for number in range(count):
        row = {key: column[number] for key, column in columns.items()}
        last = number == count - 1
        reward_terms = {key.removeprefix(layout.TERM): float(row[key][0]) for key in terms}
        truncated = bool(row[layout.TRUNCATED][0])
        steps.append(
            Step(
                observation=observations[number],
                chosen_action=row[layout.ACTION].astype(np.float32),
                executed_command=row.get(layout.COMMAND, np.empty(0)).astype(np.float32),
                source=Source(row[layout.SOURCE]),
                reward=float(row[layout.REWARD][0]),
                reward_terms={name: value for name, value in reward_terms.items() if not np.isnan(value)},
                terminated=bool(row[layout.DONE][0]) and not truncated,
                truncated=truncated,
                why=Why(row[layout.WHY]) if row[layout.WHY] else None,
                policy_action=_proposal(row.get(layout.POLICY)),
                human_action=_proposal(row.get(layout.HUMAN)),
                final_observation=final if last else None,
            )
        )
    return tuple(steps), tuple(columns[layout.TIME][:, 0].tolist())


def _column(values: Sequence[Any], dtype: Any) -> NDArray[Any]:
    return np.array(values, dtype).reshape(-1, 1)


def _proposals(actions: Sequence[Action | None], size: int) -> NDArray[np.float32]:
    """Where there was none, NaN: an action is finite."""
    nothing = np.full(size, np.nan, np.float32)
    return np.stack([nothing if action is None else action for action in actions])


def _proposal(row: NDArray[Any] | None) -> Action | None:
    return None if row is None or np.isnan(row).all() else row.astype(np.float32)
