"""A LeRobotDataset v3.0 of our episodes: for LeRobot's tools, and complete enough to come back."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from actor.conversion.account import Account
from actor.conversion.lerobot import feature_statistics, layout, tables
from actor.conversion.lerobot.columns import Columns, Survey, columns_of, features_of, state_of
from actor.conversion.lerobot.config import STAGE, LeRobotConfig
from actor.conversion.lerobot.layout import Place
from actor.conversion.lerobot.pictures import png
from actor.conversion.lerobot.video import VideoWriter, video_info
from shared.episodes import Episode
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, encode_interface

MEGABYTE = 2**20


def export_lerobot(
    episodes: Callable[[], Iterable[Episode]],
    interface: InterfaceSpec,
    root: Path,
    config: LeRobotConfig,
    account: Account,
) -> None:
    """Write a data set to `root`, which must not exist yet.

    Raises:
        ConfigError: it exists, or something does not go into LeRobot's format.
    """
    fps = round(interface.control_hz)
    if fps != interface.control_hz:
        cause = f"{interface.control_hz:g} steps a second are no whole number of frames"
        raise ConfigError(STAGE, cause, "LeRobot counts whole frames a second; there is no way round it")
    keys = layout.image_keys(interface)
    if len(set(keys.values())) < len(keys):
        raise ConfigError(STAGE, f"{', '.join(keys)} become one name", "rename a camera in the lab file")
    if root.exists():
        raise ConfigError(STAGE, f"{root} exists", "give another directory")
    part = root.with_name(f".{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _fill(part, episodes, interface, fps, config)
        part.rename(root)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    account.say("pictures", "PNG: what the cameras saw" if config.pictures == "image" else "AV1: lossy")
    account.say("last steps", "what was seen after them is in handson/: LeRobot has no place for it")


def _fill(
    root: Path,
    episodes: Callable[[], Iterable[Episode]],
    interface: InterfaceSpec,
    fps: int,
    config: LeRobotConfig,
) -> None:
    data_set = _DataSet(root, interface, Survey.of(episodes()), fps, config)
    try:
        for episode in episodes():
            data_set.add(episode)
    finally:
        data_set.close()
    data_set.describe()


class _DataSet:
    """The files of a data set that grows by one episode after another."""

    def __init__(
        self, root: Path, interface: InterfaceSpec, survey: Survey, fps: int, config: LeRobotConfig
    ) -> None:
        self._root, self._interface, self._survey, self._fps, self._config = (
            root,
            interface,
            survey,
            fps,
            config,
        )
        self._task = config.task_text or interface.name
        self._keys = layout.image_keys(interface)
        self._features = features_of(interface, survey, {"dtype": config.pictures})
        self._schema = tables.schema_of(self._features)
        self._rows: list[dict[str, Any]] = []
        self._ours: list[dict[str, Any]] = []
        self._frames = 0
        self._numbers: dict[str, list[Any]] = {}
        self._histograms: dict[str, Any] = {}
        self._data, self._data_place = None, Place()
        self._videos: dict[str, VideoWriter] = {}
        self._video_places = {key: Place() for key in self._keys.values()}

    def add(self, episode: Episode) -> None:
        """Append one episode."""
        count, number = len(episode.steps), len(self._rows)
        columns = columns_of(episode, self._interface, self._survey) | self._counters(count, number)
        row: dict[str, Any] = {"episode_index": number, "tasks": [self._task], "length": count}
        row |= self._write_data(columns, episode, count)
        if self._config.pictures == "video":
            row |= self._write_videos(episode)
        row |= {f"stats/{key}/{name}": value for key, name, value in self._statistics(columns, episode)}
        row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        self._rows.append(row)
        self._ours.append(self._ours_of(episode, number))
        self._frames += count

    def close(self) -> None:
        """Finish every file of data."""
        if self._data is not None:
            self._data.close()
        for video in self._videos.values():
            video.close()

    def describe(self) -> None:
        """Write what describes the files; raises ConfigError where there is nothing to describe."""
        if not self._rows:
            raise ConfigError(STAGE, "there is no whole episode", "record some by handson demo")
        self._write(Place().path(layout.EPISODES_PATH), self._rows)
        self._write(layout.OURS_EPISODES, self._ours)
        tables.write_tasks(self._root / layout.TASKS, [self._task])
        (self._root / layout.OURS_INTERFACE).write_bytes(encode_interface(self._interface))
        self._write_json(layout.STATS, self._all_statistics())
        self._write_json(layout.INFO, self._info())

    def _counters(self, count: int, number: int) -> Columns:
        frames = np.arange(count)
        return {
            "timestamp": (frames / self._fps).astype(np.float32),
            "frame_index": frames,
            "episode_index": np.full(count, number),
            "index": frames + self._frames,
            "task_index": np.zeros(count, np.int64),
        }

    def _write_data(self, columns: Columns, episode: Episode, count: int) -> dict[str, int]:
        pictures = {}
        if self._config.pictures == "image":
            for name, key in self._keys.items():
                pictures[key] = [png(record.step.observation[name]) for record in episode.steps]
        table = tables.rows_table(self._schema, columns, pictures)
        path = self._root / self._data_place.path(layout.DATA_PATH)
        if (
            self._data is not None
            and path.stat().st_size + table.nbytes > self._config.data_file_mb * MEGABYTE
        ):
            self._data.close()
            self._data, self._data_place = None, self._data_place.next()
            path = self._root / self._data_place.path(layout.DATA_PATH)
        if self._data is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._data = tables.parquet().ParquetWriter(path, self._schema, compression="snappy")
        self._data.write_table(table)
        place = self._data_place
        return {
            "data/chunk_index": place.chunk_index,
            "data/file_index": place.file_index,
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + count,
        }

    def _write_videos(self, episode: Episode) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, key in self._keys.items():
            video = self._video(key, self._features[key]["shape"])
            began = video.frames
            video.write([record.step.observation[name] for record in episode.steps])
            place, head = self._video_places[key], f"videos/{key}/"
            row |= {f"{head}chunk_index": place.chunk_index, f"{head}file_index": place.file_index}
            row |= {
                f"{head}from_timestamp": began / self._fps,
                f"{head}to_timestamp": video.frames / self._fps,
            }
        return row

    def _video(self, key: str, shape: list[int]) -> VideoWriter:
        """The file that takes the next episode of this camera."""
        open_now = self._videos.get(key)
        if open_now is not None:
            if open_now.size_bytes <= self._config.video_file_mb * MEGABYTE:
                return open_now
            open_now.close()
            self._video_places[key] = self._video_places[key].next()
        path = self._root / self._video_places[key].path(layout.VIDEO_PATH, key)
        self._videos[key] = VideoWriter(path, self._fps, shape[0], shape[1], self._config.video_crf)
        return self._videos[key]

    def _statistics(self, columns: Columns, episode: Episode) -> Iterable[tuple[str, str, Any]]:
        """Of this episode; what is needed of it for those of all is kept."""
        for key, feature in self._features.items():
            if feature["dtype"] == "string":
                continue
            if feature["dtype"] in ("image", "video"):
                name = next(name for name, known in self._keys.items() if known == key)
                seen = feature_statistics.histogram(
                    [record.step.observation[name] for record in episode.steps]
                )
                self._histograms[key] = self._histograms.get(key, 0) + seen
                found = feature_statistics.of_pictures(seen)
            else:
                rows = columns[key].reshape(len(episode.steps), -1)
                self._numbers.setdefault(key, []).append(rows)
                found = feature_statistics.of_numbers(rows)
            yield from ((key, name, value) for name, value in found.items())

    def _all_statistics(self) -> dict[str, Any]:
        numbers = {
            key: feature_statistics.of_numbers(np.concatenate(rows)) for key, rows in self._numbers.items()
        }
        pictures = {key: feature_statistics.of_pictures(counts) for key, counts in self._histograms.items()}
        return numbers | pictures

    def _ours_of(self, episode: Episode, number: int) -> dict[str, Any]:
        """What LeRobot has no place for: what was seen after the last step, and what the episode was for."""
        final = episode.steps[-1].step.final_observation
        row: dict[str, Any] = {
            "episode_index": number,
            "length": len(episode.steps),
            "kind": episode.kind.value,
            "has_final": final is not None,
        }
        if layout.vectors(self._interface):
            row["final_state"] = [] if final is None else state_of(final, self._interface).tolist()
        for name, key in self._keys.items():
            row[f"final/{key}"] = b"" if final is None else png(final[name])
        return row

    def _info(self) -> dict[str, Any]:
        features = dict(self._features)
        for key in self._videos:
            height, width, _ = features[key]["shape"]
            features[key] = features[key] | {"info": video_info(self._fps, height, width)}
        return {
            "codebase_version": layout.VERSION,
            "robot_type": self._interface.name,
            "total_episodes": len(self._rows),
            "total_frames": self._frames,
            "total_tasks": 1,
            "chunks_size": layout.FILES_PER_CHUNK,
            "data_files_size_in_mb": self._config.data_file_mb,
            "video_files_size_in_mb": self._config.video_file_mb,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._rows)}"},
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH if self._videos else None,
            "features": features,
        }

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tables.parquet().write_table(tables.arrow().Table.from_pylist(rows), path, compression="snappy")

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        (self._root / name).write_text(json.dumps(content, indent=4, ensure_ascii=False), encoding="utf-8")
