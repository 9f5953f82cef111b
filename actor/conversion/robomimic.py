"""robomimic's HDF5: data/demo_0 .. with actions, rewards, dones, obs/* and next_obs/*; mask/* names subsets.

Source: robomimic.github.io/docs/datasets/overview.html, robosuite's and mimicgen's files. Needs h5py, the
extra `formats`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.endings import ended
from actor.conversion.found import Found, FoundEpisode, ReadingConfig
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.step import Observation, Source, Step

CURE = "give an HDF5 file of robomimic with observations; its dataset_states_to_obs.py adds them"
UNDERSTOOD = frozenset({"actions", "rewards", "dones", "obs", "next_obs"})
Columns = dict[str, NDArray[Any]]


def open_robomimic(path: Path, config: ReadingConfig, account: Account) -> Found:
    """A file with demonstrations.

    Raises:
        ConfigError: it is no such file, has no observations, or leads to data outside of itself.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            demos = _demos(file, path, config)
            hz, world = _environment(file)
            rate = config.rate(hz, str(path))
            source = _Robomimic(path, demos, config, account)
            interface = source.interface(rate)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read as HDF5: {error}", CURE) from None
    account.say("format", f"robomimic's HDF5, recorded in {world}")
    account.say("pictures", "taken for RGB, as robomimic stores them")
    account.say("executed commands", "not in the file: the actions stand for them")
    return Found(interface=interface, episodes=source.episodes(interface))


@dataclass(frozen=True)
class _Robomimic:
    path: Path
    demos: list[str]
    config: ReadingConfig
    account: Account

    def interface(self, control_hz: float) -> InterfaceSpec:
        """The world that the first demonstration shows."""
        columns, actions = self._read(self.demos[0])[:2]
        size = actions.shape[1]
        return InterfaceSpec(
            name=self.config.name,
            observations=tuple(
                ObservationEntry(
                    name=name,
                    shape=column.shape[1:],
                    dtype="uint8" if column.dtype == np.uint8 else "float32",
                )
                for name, column in columns.items()
            ),
            actions=(ActionEntry(name="action", low=(-1.0,) * size, high=(1.0,) * size, unit="1"),),
            control_hz=control_hz,
        )

    def episodes(self, interface: InterfaceSpec) -> Iterator[FoundEpisode]:
        """Each demonstration."""
        names = {entry.name for entry in interface.observations}
        for demo in self.demos:
            columns, actions, rewards, dones, following = self._read(demo)
            if columns.keys() != names:
                raise ConfigError(
                    f"{self.path}, {demo}", f"observes {sorted(columns)}, not {sorted(names)}", CURE
                )
            if following:
                self._require_following(demo, columns, following)
            count = self._until_done(dones)
            steps = self._steps(columns, actions, rewards, count)
            final = (
                _row(following, count - 1)
                if following
                else _row(columns, count)
                if count < len(actions)
                else None
            )
            rewarded = bool(rewards[count - 1] > 0)
            terminated = rewarded or bool(dones[count - 1])
            found = ended(steps, final, terminated, rewarded, self.config, self.account)
            yield FoundEpisode(name=f"{self.path}, {demo}", steps=found)

    def _read(self, demo: str) -> tuple[Columns, NDArray[Any], NDArray[Any], NDArray[Any], Columns]:
        """Observations by name, actions (T, A), rewards and dones (T,), and next observations or {}."""
        import h5py

        with h5py.File(self.path, "r") as file:
            where = f"{self.path}, {demo}"
            group = _group(_group(file, "data", where), demo, where)
            for name in sorted(group.keys() - UNDERSTOOD):
                self.account.say("left out", f"{name!r}: not understood")
            actions = _values(group, "actions", where).astype(np.float32)
            count = len(actions)
            if actions.ndim != 2 or not count:
                raise ConfigError(where, f"has actions of {list(actions.shape)}", CURE)
            zeros = np.zeros(count)
            rewards = _values(group, "rewards", where) if "rewards" in group else zeros
            dones = _values(group, "dones", where) if "dones" in group else zeros
            columns = self._observations(group, "obs", where)
            following = self._observations(group, "next_obs", where) if "next_obs" in group else {}
        lengths = {len(column) for column in (rewards, dones, *columns.values(), *following.values())}
        if not columns or lengths != {count} or (following and following.keys() != columns.keys()):
            raise ConfigError(
                where, f"has {count} actions, and observations or rewards that do not fit them", CURE
            )
        if self.config.success_at_end and not rewards.any():
            rewards = np.append(zeros[1:], 1.0)
        return columns, actions, rewards.astype(np.float64), dones, following

    def _observations(self, group: Any, name: str, where: str) -> Columns:
        columns: Columns = {}
        seen = _group(group, name, where) if name in group else {}
        for key in sorted(seen):
            column = _values(seen, key, f"{where}/{name}")
            if column.dtype == np.uint8 and column.ndim == 4:
                columns[key] = column
            elif column.dtype.kind in "fiu" and column.ndim in (1, 2):
                columns[key] = column.reshape(len(column), -1).astype(np.float32)
            else:
                said = f"observation {key!r}, {column.dtype}{list(column.shape[1:])}: neither numbers nor RGB"
                self.account.say("left out", said)
        return columns

    def _require_following(self, demo: str, columns: Columns, following: Columns) -> None:
        for name, column in columns.items():
            equal = (following[name][:-1] == column[1:]).reshape(len(column) - 1, -1).all(axis=1)
            if not equal.all():
                raise ConfigError(
                    f"{self.path}, {demo}, step {int(np.argmin(equal))}",
                    f"the next {name!r} is not the one that follows",
                    "record it again: observations are out of step",
                )

    def _until_done(self, dones: NDArray[Any]) -> int:
        """How many steps there are up to the first that was the last."""
        found = np.flatnonzero(dones > 0.5)
        count = int(found[0]) + 1 if len(found) else len(dones)
        self.account.count("left out", "steps after their episode was done", len(dones) - count)
        return count

    def _steps(
        self, columns: Columns, actions: NDArray[Any], rewards: NDArray[Any], count: int
    ) -> list[Step]:
        driver = self.config.driver
        return [
            Step(
                observation=_row(columns, number),
                chosen_action=(action := actions[number]),
                executed_command=action,
                source=driver,
                human_action=action if driver is Source.HUMAN else None,
                policy_action=action if driver is Source.POLICY else None,
                reward=float(rewards[number]),
                reward_terms={"reward": float(rewards[number])},
            )
            for number in range(count)
        ]


def _demos(file: Any, path: Path, config: ReadingConfig) -> list[str]:
    """The names of the demonstrations, of the subset that was chosen, in the order of their numbers."""
    if "data" not in file:
        raise ConfigError(str(path), "has no group data", CURE)
    names = [str(name) for name in file["data"]]
    if config.subset is not None:
        subsets = [str(name) for name in file.get("mask", ())]
        if config.subset not in subsets:
            cause = f"has no subset {config.subset!r}"
            raise ConfigError(
                str(path), cause, f"choose one of {', '.join(subsets) or 'none: it has no mask/'}"
            )
        chosen = {
            name.decode() for name in _values(file["mask"], config.subset, str(path)).astype("S").tolist()
        }
        names = [name for name in names if name in chosen]
    if not names:
        raise ConfigError(str(path), "holds no demonstration", CURE)
    return sorted(names, key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name))


def _environment(file: Any) -> tuple[float | None, str]:
    """The rate and the name of the environment, as far as env_args says."""
    try:
        told = json.loads(file["data"].attrs["env_args"])
        hz = told.get("env_kwargs", {}).get("control_freq")
        return (None if hz is None else float(hz)), str(told.get("env_name"))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None, "an environment that it does not name"


def _group(parent: Any, name: str, where: str) -> Any:
    """One group, which lies in this file."""
    import h5py

    if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
        raise ConfigError(where, f"{name} leads out of the file; nothing was read", CURE)
    return parent[name]


def _values(group: Any, name: str, where: str) -> NDArray[Any]:
    """One data set; what it says lies in this file."""
    import h5py

    item = group.get(name)
    if not isinstance(item, h5py.Dataset):
        raise ConfigError(where, f"has no {name}", CURE)
    inside = isinstance(group.get(name, getlink=True), h5py.HardLink)
    if not inside or item.external or item.is_virtual:
        raise ConfigError(where, f"{name} leads out of the file; nothing was read", CURE)
    return np.asarray(item[()])


def _row(columns: Columns, number: int) -> Observation:
    return {name: column[number] for name, column in columns.items()}
