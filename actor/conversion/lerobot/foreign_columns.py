"""What columns that we did not write mean, as far as they say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.endings import ended
from actor.conversion.found import FoundEpisode, ReadingConfig
from actor.conversion.lerobot import layout
from actor.conversion.lerobot.layout import Feature
from actor.conversion.lerobot.stored import Rows, Stored
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.step import Action, Observation, Source, Step

PREFIX = "observation."
PENALTY = "complementary_info.discrete_penalty"
UNDERSTOOD = {*layout.COUNTERS, layout.ACTION, layout.REWARD, layout.DONE, layout.SUCCESS, layout.TRUNCATED}
UNDERSTOOD |= {layout.INTERVENTION, PENALTY}


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """How these columns become steps.

    Attributes:
        vectors: feature -> entry, of numbers.
        pictures: feature -> entry.
        features: all of them.
        config: what they do not say.
        account: is told what was left out.
    """

    vectors: Mapping[str, str]
    pictures: Mapping[str, str]
    features: Mapping[str, Feature]
    config: ReadingConfig
    account: Account

    @classmethod
    def of(
        cls, features: Mapping[str, Feature], config: ReadingConfig, account: Account, whose: str
    ) -> "Foreign":
        """Raises ConfigError where there is no action, or nothing that was observed."""
        pictures = {k: _entry_name(k) for k, f in features.items() if f["dtype"] in ("image", "video")}
        vectors = {
            key: _entry_name(key)
            for key, feature in features.items()
            if key.startswith(PREFIX)
            and feature["dtype"].startswith(("float", "int"))
            and len(feature["shape"]) == 1
        }
        if len(features.get(layout.ACTION, {}).get("shape", ())) != 1 or not (pictures or vectors):
            raise ConfigError(whose, "has no vector of actions, or no observation", "choose another data set")
        for key in features.keys() - pictures.keys() - vectors.keys() - UNDERSTOOD:
            account.say("left out", f"{key!r}: not understood")
        if layout.REWARD not in features:
            account.say(
                "rewards",
                "not in the file: 1 at the end of each episode"
                if config.success_at_end
                else "not in the file: 0",
            )
        account.say("executed commands", "not in the file: the actions stand for them")
        return cls(vectors=vectors, pictures=pictures, features=features, config=config, account=account)

    def interface(self, control_hz: float, shapes: Mapping[str, tuple[int, ...]]) -> InterfaceSpec:
        """The world that the columns show."""
        size = self.features[layout.ACTION]["shape"][0]
        vectors = [
            ObservationEntry(name=name, shape=(self.features[key]["shape"][0],), dtype="float32")
            for key, name in self.vectors.items()
        ]
        pictures = [
            ObservationEntry(name=name, shape=shapes[key], dtype="uint8")
            for key, name in self.pictures.items()
        ]
        return InterfaceSpec(
            name=self.config.name,
            observations=(*vectors, *pictures),
            actions=(ActionEntry(name="action", low=(-1.0,) * size, high=(1.0,) * size, unit="1"),),
            control_hz=control_hz,
        )

    def episodes(self, stored: Stored, interface: InterfaceSpec) -> Iterator[FoundEpisode]:
        """Each episode."""
        del interface
        for task in stored.tasks():
            self.account.say("left out", f"the task in words: {task!r}")
        for rows in stored.episodes():
            yield FoundEpisode(name=rows.name, steps=self._steps(rows))

    def _steps(self, rows: Rows) -> tuple[Step, ...]:
        columns = rows.columns()
        rewards = _flat(columns, layout.REWARD, rows.count)
        if layout.REWARD not in columns and self.config.success_at_end:
            rewards[-1] = 1.0
        done = _flat(columns, layout.DONE, rows.count) > 0.5
        for number in np.flatnonzero(done[:-1]):
            cause = "next.done is set within an episode"
            raise ConfigError(f"{rows.name}, step {number}", cause, "record it again")
        terms = {"reward": rewards}
        if PENALTY in columns:
            terms["discrete_penalty"] = _flat(columns, PENALTY, rows.count)
        people = _flat(columns, layout.INTERVENTION, rows.count) > 0.5
        actions = columns[layout.ACTION].astype(np.float32)
        steps = [
            _step(
                observation,
                actions[number],
                Source.HUMAN if people[number] else self.config.driver,
                {name: float(values[number]) for name, values in terms.items()},
            )
            for number, observation in enumerate(self._observations(rows, columns))
        ]
        terminated, rewarded = self._terminated(columns, rewards, done), bool(rewards[-1] > 0)
        return ended(steps, None, terminated, rewarded, self.config, self.account)

    def _terminated(
        self, columns: Mapping[str, NDArray[Any]], rewards: NDArray[Any], done: NDArray[Any]
    ) -> bool:
        """Whether the last step ended the world; next.done alone does not tell."""
        if layout.TRUNCATED in columns:
            return bool(done[-1]) and not columns[layout.TRUNCATED][-1, 0]
        if layout.DONE in columns:
            return bool(done[-1])
        return bool(rewards[-1] > 0)

    def _observations(self, rows: Rows, columns: Mapping[str, NDArray[Any]]) -> list[Observation]:
        pictures = {name: rows.pictures(key) for key, name in self.pictures.items()}
        for key in self.vectors:
            if columns[key].dtype != np.float32:
                self.account.say("observations", f"{key!r} was {columns[key].dtype}: float32 now")
        vectors = {name: columns[key].astype(np.float32) for key, name in self.vectors.items()}
        return [
            {name: values[number] for name, values in (vectors | pictures).items()}
            for number in range(rows.count)
        ]


def _step(observation: Observation, action: Action, source: Source, terms: dict[str, float]) -> Step:
    return Step(
        observation=observation,
        chosen_action=action,
        executed_command=action,
        source=source,
        human_action=action if source is Source.HUMAN else None,
        policy_action=action if source is Source.POLICY else None,
        reward=sum(terms.values()),
        reward_terms=terms,
    )


def _entry_name(key: str) -> str:
    """observation.state -> state, observation.images.front -> front/image."""
    if key.startswith(layout.IMAGES):
        return f"{key.removeprefix(layout.IMAGES)}/image"
    return key.removeprefix(PREFIX)


def _flat(columns: Mapping[str, NDArray[Any]], key: str, count: int) -> NDArray[np.float64]:
    return columns[key].reshape(-1).astype(np.float64) if key in columns else np.zeros(count)
