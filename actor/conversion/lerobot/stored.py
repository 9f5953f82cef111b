"""The rows and pictures of a LeRobotDataset's files, episode by episode."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.lerobot import layout, tables
from actor.conversion.lerobot.layout import Feature, Place
from actor.conversion.lerobot.pictures import Image, picture
from actor.conversion.lerobot.video import frames_of
from shared.errors import ConfigError

CURE = "fetch the data set again, or record it again"
BATCH_ROWS = 64
COUNTED = ("frame_index", "episode_index")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """One episode's rows.

    Attributes:
        name: for messages.
        table: its part of the data.
        videos: where its pictures are, by feature: file, first frame's time in s.
        features: of the data set.
        fps: frames a second.
    """

    name: str
    table: Any
    videos: Mapping[str, tuple[Path, float]]
    features: Mapping[str, Feature]
    fps: float

    @property
    def count(self) -> int:
        """T, its steps."""
        return int(self.table.num_rows)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every column of numbers, (T, D), and of texts, (T,); raises ConfigError for missing values."""
        return {
            key: self._column(key, feature)
            for key, feature in self.features.items()
            if feature["dtype"] not in ("image", "video") and len(feature["shape"]) == 1
        }

    def pictures(self, key: str) -> list[Image]:
        """T RGB pictures (H, W, 3) uint8; raises ConfigError where one is missing or cannot be decoded."""
        if key in self.videos:
            path, begin = self.videos[key]
            return frames_of(path, begin, self.count, self.fps)
        images = []
        for number, stored in enumerate(self._named(key).to_pylist()):
            image = picture((stored or {}).get("bytes") or b"")
            if image is None:
                cause = f"has no picture {key!r} in its file, or none that can be decoded"
                raise ConfigError(f"{self.name}, step {number}", cause, CURE)
            images.append(image)
        return images

    def _column(self, key: str, feature: Feature) -> NDArray[Any]:
        column = self._named(key)
        if column.null_count:
            raise ConfigError(self.name, f"lacks values of {key!r}", CURE)
        if feature["dtype"] == "string":
            return np.array(column.to_pylist(), object)
        values = np.array(column.to_pylist(), np.dtype(feature["dtype"])).reshape(self.count, -1)
        if values.shape[1] != feature["shape"][0]:
            cause = f"has {key!r} with {values.shape[1]} elements, not {feature['shape'][0]}"
            raise ConfigError(self.name, cause, CURE)
        return values

    def _named(self, key: str) -> Any:
        if key not in self.table.column_names:
            raise ConfigError(self.name, f"has no column {key!r}, though info.json names it", CURE)
        return self.table.column(key)


class Stored:
    """The files below a root. Paths are the format's own: those that info.json gives are not followed."""

    def __init__(self, root: Path, features: Mapping[str, Feature], fps: float) -> None:
        self._root, self._features, self._fps = root, features, fps
        self._video_keys = [key for key, feature in features.items() if feature["dtype"] == "video"]

    def picture_shapes(self) -> dict[str, tuple[int, ...]]:
        """(H, W, 3) of each feature of pictures, as the first is."""
        rows = next(self.episodes())
        keys = [key for key, feature in self._features.items() if feature["dtype"] in ("image", "video")]
        return {key: rows.pictures(key)[0].shape for key in keys}

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of one table."""
        return _read(self._root / name).to_pylist()

    def tasks(self) -> list[str]:
        """The tasks in words."""
        rows = self.table(layout.TASKS) if (self._root / layout.TASKS).is_file() else []
        return [str(value) for row in rows for key, value in row.items() if key != "task_index"]

    def episodes(self) -> Iterator[Rows]:
        """Each episode; raises ConfigError where files are missing, damaged, or their rows out of order."""
        pa = tables.arrow()
        number, parts = 0, []
        for batch in self._batches():
            for found, part in _by_episode(batch):
                if parts and found != number:
                    yield self._rows(number, pa.concat_tables(parts))
                    number, parts = number + 1, []
                if found != number:
                    raise ConfigError(str(self._root), f"has episode {found} where {number} belongs", CURE)
                parts.append(part)
        if parts:
            yield self._rows(number, pa.concat_tables(parts))

    def _batches(self) -> Iterator[Any]:
        pa = tables.arrow()
        files = sorted((self._root / "data").glob("*/*.parquet"))
        if not files:
            raise ConfigError(str(self._root), "has no data/*/*.parquet", CURE)
        for file in files:
            try:
                with tables.parquet().ParquetFile(file) as opened:
                    for batch in opened.iter_batches(batch_size=BATCH_ROWS):
                        yield pa.Table.from_batches([batch]).replace_schema_metadata(None)
            except (pa.ArrowException, OSError) as error:
                cause = f"cannot be read: {error}; a recording that was not finalised has no end"
                raise ConfigError(str(file), cause, CURE) from None

    def _rows(self, number: int, table: Any) -> Rows:
        name = f"{self._root}, episode {number}"
        rows = Rows(
            name=name, table=table, videos=self._videos(number), features=self._features, fps=self._fps
        )
        expected = np.arange(rows.count)
        if not np.array_equal(np.array(table.column("frame_index").to_pylist()), expected):
            raise ConfigError(name, "has frames that do not follow one another", CURE)
        times = np.array(table.column("timestamp").to_pylist(), np.float64)
        if np.abs(times - expected / self._fps).max() > 0.1 / self._fps:
            cause = f"has timestamps that are not {self._fps:g} a second, as info.json says"
            raise ConfigError(
                name, cause, "it is another rate than was told: correct info.json, or record it again"
            )
        return rows

    def _videos(self, number: int) -> dict[str, tuple[Path, float]]:
        found = {}
        for key in self._video_keys:
            row = self._placed.get(number, {})
            head = f"videos/{key}/"
            if f"{head}chunk_index" not in row:
                raise ConfigError(str(self._root), f"does not say where episode {number} of {key!r} is", CURE)
            place = Place(int(row[f"{head}chunk_index"]), int(row[f"{head}file_index"]))
            path = self._root / place.path(layout.VIDEO_PATH, key)
            found[key] = (path, float(row[f"{head}from_timestamp"]))
        return found

    @cached_property
    def _placed(self) -> dict[int, dict[str, Any]]:
        """Rows of meta/episodes by episode."""
        files = sorted((self._root / "meta" / "episodes").glob("*/*.parquet"))
        columns = [
            f"videos/{key}/{name}"
            for key in self._video_keys
            for name in ("chunk_index", "file_index", "from_timestamp")
        ]
        rows = [row for file in files for row in _read(file, ["episode_index", *columns]).to_pylist()]
        return {int(row["episode_index"]): row for row in rows}


def _read(path: Path, columns: list[str] | None = None) -> Any:
    pa = tables.arrow()
    try:
        return tables.parquet().read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}", CURE) from None


def _by_episode(table: Any) -> Iterator[tuple[int, Any]]:
    """Runs of rows of one episode."""
    for name in (*COUNTED, "timestamp"):
        if name not in table.column_names:
            raise ConfigError("LeRobot data", f"have no column {name!r}", CURE)
    numbers = np.array(table.column("episode_index").to_pylist())
    cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for begin, end in itertools.pairwise(cuts):
        if begin < end:
            yield int(numbers[begin]), table.slice(begin, end - begin)
