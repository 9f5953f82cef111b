"""A LeRobotDataset v3.0 as episodes of ours: what we wrote comes back complete, others as far as they go."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from actor.conversion.account import Account
from actor.conversion.found import Found, FoundEpisode, ReadingConfig
from actor.conversion.lerobot import layout
from actor.conversion.lerobot.columns import observation_of, steps_of
from actor.conversion.lerobot.foreign_columns import Foreign
from actor.conversion.lerobot.layout import Feature
from actor.conversion.lerobot.pictures import Image, picture
from actor.conversion.lerobot.stored import Rows, Stored
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, decode_interface, require_sound
from shared.step import EpisodeKind, Observation

CURE = "give a directory with meta/info.json, data/ and, for videos, videos/"
CONVERT = "convert it by lerobot's own lerobot.datasets.v30.convert_dataset_v21_to_v30"
KEY = re.compile(r"[A-Za-z0-9_.\- ]{1,120}")


def open_lerobot(path: Path, config: ReadingConfig, account: Account) -> Found:
    """A data set in a directory.

    Raises:
        ConfigError: it is none, of another version, or holds what is no demonstration of ours.
    """
    info = _info(path)
    features: dict[str, Feature] = info["features"]
    stored = Stored(path, features, float(info["fps"]))
    rate = config.rate(float(info["fps"]), str(path))
    account.say("format", f"LeRobotDataset {info['codebase_version']} of {info.get('robot_type')}")
    if (path / layout.OURS_INTERFACE).is_file():
        return _ours(path, info, stored, account)
    foreign = Foreign.of(features, config, account, str(path))
    interface = foreign.interface(rate, stored.picture_shapes())
    return Found(interface=interface, episodes=foreign.episodes(stored, interface))


def _info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads((path / layout.INFO).read_text(encoding="utf-8"))
        version, features = str(info["codebase_version"]), dict(info["features"])
        fps = float(info["fps"])
        shapes = [[int(size) for size in feature["shape"]] for feature in features.values()]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(str(path), f"is no LeRobotDataset: {error!r}", CURE) from None
    if not version.startswith("v3."):
        raise ConfigError(str(path), f"is of version {version}, not v3", CONVERT)
    if (
        not fps > 0
        or not all(KEY.fullmatch(key) for key in features)
        or any(min(s, default=0) < 1 for s in shapes)
    ):
        raise ConfigError(str(path), "has features or a rate that make no sense", CURE)
    return info


def _ours(path: Path, info: dict[str, Any], stored: Stored, account: Account) -> Found:
    try:
        interface = decode_interface((path / layout.OURS_INTERFACE).read_bytes())
    except msgspec.MsgspecError as error:
        raise ConfigError(str(path), f"holds no interface that can be understood ({error})", CURE) from None
    require_sound(interface, str(path))
    account.say("observations", "as HandsOn exported them, with those after the last steps")
    if any(feature["dtype"] == "video" for feature in info["features"].values()):
        account.say("pictures", "from videos: lossy")
    return Found(interface=interface, episodes=_our_episodes(path, stored, interface))


def _our_episodes(path: Path, stored: Stored, interface: InterfaceSpec) -> Iterator[FoundEpisode]:
    kept = stored.table(layout.OURS_EPISODES)
    keys = layout.image_keys(interface)
    number = -1
    for number, rows in enumerate(stored.episodes()):
        if number >= len(kept) or kept[number]["length"] != rows.count:
            raise _edited(path)
        pictures = {name: rows.pictures(key) for name, key in keys.items()}
        try:
            observations = _observations(rows, pictures, interface)
            final = _final(kept[number], keys, interface)
            steps, times = steps_of(rows.columns(), observations, final)
        except (KeyError, ValueError) as error:
            raise ConfigError(rows.name, f"is not as HandsOn writes it: {error!r}", _CURE_OF_EDITED) from None
        kind = EpisodeKind(kept[number]["kind"])
        yield FoundEpisode(name=rows.name, steps=steps, kind=kind, times_seconds=times)
    if number + 1 != len(kept):
        raise _edited(path)


def _observations(
    rows: Rows, pictures: dict[str, list[Image]], interface: InterfaceSpec
) -> list[Observation]:
    states = rows.columns()[layout.STATE] if layout.vectors(interface) else [None] * rows.count
    return [
        observation_of(state, {name: images[number] for name, images in pictures.items()}, interface)
        for number, state in enumerate(states)
    ]


def _final(kept: dict[str, Any], keys: dict[str, str], interface: InterfaceSpec) -> Observation | None:
    if not kept["has_final"]:
        return None
    images = {name: picture(kept[f"final/{key}"]) for name, key in keys.items()}
    if any(image is None for image in images.values()):
        raise ValueError("a picture after the last step is damaged")
    state = np.array(kept["final_state"], np.float32) if layout.vectors(interface) else None
    return observation_of(state, images, interface)  # type: ignore[arg-type] # none is None


_CURE_OF_EDITED = "export it again; or remove its folder handson/ to import what LeRobot alone knows"


def _edited(path: Path) -> ConfigError:
    return ConfigError(
        str(path), "was edited since HandsOn exported it: handson/ tells of other episodes", _CURE_OF_EDITED
    )
