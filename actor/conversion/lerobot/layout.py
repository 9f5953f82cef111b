"""Where things lie in a LeRobotDataset v3.0, and what its features are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry

VERSION = "v3.0"
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH = f"data/{FILE}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{FILE}.mp4"
EPISODES_PATH = f"meta/episodes/{FILE}.parquet"
FILES_PER_CHUNK = 1000
OURS_INTERFACE, OURS_EPISODES = "handson/interface.json", "handson/episodes.parquet"

STATE, ACTION, IMAGES = "observation.state", "action", "observation.images."
REWARD, DONE, SUCCESS, TRUNCATED = "next.reward", "next.done", "next.success", "next.truncated"
INTERVENTION, TERM = "complementary_info.is_intervention", "complementary_info.reward_"
SOURCE, WHY, TIME = "handson.source", "handson.why", "handson.time_seconds"
POLICY, HUMAN, COMMAND = "handson.policy_action", "handson.human_action", "handson.executed_command"

Feature = dict[str, Any]
COUNTERS: dict[str, Feature] = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}


@dataclass(slots=True)
class Place:
    """One file among those of a kind."""

    chunk_index: int = 0
    file_index: int = 0

    def next(self) -> "Place":
        """The file after it."""
        if self.file_index == FILES_PER_CHUNK - 1:
            return Place(self.chunk_index + 1, 0)
        return Place(self.chunk_index, self.file_index + 1)

    def path(self, template: str, video_key: str = "") -> str:
        """Below the root of the data set."""
        return template.format(chunk_index=self.chunk_index, file_index=self.file_index, video_key=video_key)


def vectors(interface: InterfaceSpec) -> list[ObservationEntry]:
    """The entries that together are `observation.state`."""
    return [entry for entry in interface.observations if not entry.is_image]


def image_keys(interface: InterfaceSpec) -> dict[str, str]:
    """Entry -> feature, as front/image -> observation.images.front: features hold no slash."""
    names = [entry.name for entry in interface.observations if entry.is_image]
    return {name: IMAGES + name.removesuffix("/image").replace("/", "_") for name in names}


def numbers(dtype: str, size: int = 1, names: list[str] | None = None) -> Feature:
    """A feature of `size` numbers."""
    return {"dtype": dtype, "shape": [size], "names": names}


def element_names(entries: list[ObservationEntry] | tuple[ActionEntry, ...]) -> list[str]:
    """A name for each element of these entries in a row."""
    sizes = [
        (entry.name, entry.shape[0] if isinstance(entry, ObservationEntry) else entry.size)
        for entry in entries
    ]
    return [name if size == 1 else f"{name}.{n}" for name, size in sizes for n in range(size)]


def hugging_face_feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    """How the `datasets` library describes a column of this feature."""
    if feature["dtype"] == "image":
        return {"_type": "Image"}
    value = {"dtype": feature["dtype"], "_type": "Value"}
    size = feature["shape"][0]
    return value if size == 1 else {"feature": value, "length": size, "_type": "List"}
