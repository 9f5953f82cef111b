"""`handson crop`: see what a crop cuts out of a camera's picture, and get the line for the lab file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_env.arms.real_world import RealWorld
from robot_env.cameras.crop import CroppedCameraConfig, crop_image, require_inside
from robot_env.cameras.freshness import FreshFrames
from robot_env.cameras.mujoco import MujocoCameraConfig
from robot_env.families import nearest
from robot_env.lab import load_lab
from shared.clock import SystemClock
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.interface import CropProfile, ObservationEntry

STAGE = "cropping"
MAX_AGE_SECONDS = 5.0
"""Nothing moves while a box is chosen: an old picture is as good."""
DESCRIPTION = """See what a crop cuts out of a camera's picture, and get the line for the lab file.

  handson crop --lab deploy/labs/mine.toml --camera wrist         the box of the lab file, or the middle
  handson crop --lab deploy/labs/mine.toml --camera wrist --left 80 --top 0 --rows 480 --columns 480
  handson crop --picture frame.png --size 128

Look at the picture that it writes, which has a ruler in pixels of the raw frame, and try again with other
numbers. A box that differs from the lab file's gets the next version: what was learned from the old view is
then refused."""
RULER_PIXELS, INK, BOX = 50, (255, 255, 255), (60, 220, 60)
SHADE = 0.45


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """Which picture, and which part of it."""

    lab: Path | None = None
    """Lab file that names the camera."""
    camera: str = ""
    """Name of the camera in the lab file; empty for its only one."""
    picture: Path | None = None
    """Picture file to crop instead of what a camera sees now."""
    top: int | None = None
    """First row of the box in the raw frame; none takes the lab file's box, or centres it."""
    left: int | None = None
    """First column."""
    rows: int | None = None
    """Rows of the box; none takes the lab file's, or as many as the frame's shorter side."""
    columns: int | None = None
    """Columns of the box."""
    size: int | None = None
    """Rows and columns of what is delivered; none takes the lab file's, or 128."""
    out: Path = Path("crop.png")
    """Where to write the picture to look at."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of a raw frame, and the size at which it is delivered."""

    top: int
    left: int
    crop_height: int
    crop_width: int
    height: int
    width: int
    version: int = 1


def main(argv: Sequence[str]) -> int:
    """Run the role."""
    config = parse_command_line(CropConfig, argv, prog="handson crop", description=DESCRIPTION)
    name, raw, told = _raw_frame(config)
    box = choose_box(config, raw.shape, told)
    profile = CropProfile(
        entry=f"{name}/image",
        version=box.version,
        top=box.top,
        left=box.left,
        height=box.crop_height,
        width=box.crop_width,
    )
    require_inside(profile, ObservationEntry(name=profile.entry, shape=raw.shape, dtype="uint8"))
    entry = ObservationEntry(name=profile.entry, shape=(box.height, box.width, 3), dtype="uint8")
    page = draw(raw, box, crop_image(raw, profile, entry))
    if not cv2.imwrite(str(config.out), cv2.cvtColor(page, cv2.COLOR_RGB2BGR)):
        raise ConfigError(
            STAGE, f"{config.out} cannot be written", "name a .png file in a folder that exists"
        )
    print(f"look at {config.out}; for the lab file:\n\n[cameras.{name}]\n{snippet(box)}")
    return 0


def choose_box(config: CropConfig, shape: Sequence[int], told: Box | None) -> Box:
    """The box asked for: numbers of the command line, else the lab file's, else the middle square."""
    side = min(shape[:2])
    rows = _first(config.rows, told and told.crop_height, side)
    columns = _first(config.columns, told and told.crop_width, side)
    box = Box(
        crop_height=rows,
        crop_width=columns,
        top=_first(config.top, told and told.top, (shape[0] - rows) // 2),
        left=_first(config.left, told and told.left, (shape[1] - columns) // 2),
        height=_first(config.size, told and told.height, 128),
        width=_first(config.size, told and told.width, 128),
        version=1 if told is None else told.version,
    )
    if min(box.crop_height, box.crop_width, box.height, box.width) < 1:
        raise ConfigError(
            STAGE, f"{snippet(box)} holds no pixel", "give rows, columns and a size of at least 1"
        )
    return box if told in (None, box) else _next_version(box)


def draw(raw: NDArray[np.uint8], box: Box, delivered: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The raw frame, dim outside the box and with a ruler, and beside it what is delivered, as tall."""
    page = np.asarray(raw * SHADE, np.uint8)
    bottom, right = box.top + box.crop_height, box.left + box.crop_width
    page[box.top : bottom, box.left : right] = raw[box.top : bottom, box.left : right]
    cv2.rectangle(page, (box.left, box.top), (right - 1, bottom - 1), BOX, 2)
    for at in range(0, raw.shape[1], RULER_PIXELS):
        cv2.line(page, (at, 0), (at, 6), INK, 1)
        cv2.putText(page, str(at), (at + 2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.35, INK, 1)
    for at in range(RULER_PIXELS, raw.shape[0], RULER_PIXELS):
        cv2.line(page, (0, at), (6, at), INK, 1)
        cv2.putText(page, str(at), (8, at + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, INK, 1)
    across = max(1, round(raw.shape[0] * delivered.shape[1] / delivered.shape[0]))
    large = cv2.resize(delivered, (across, raw.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(np.hstack([page, np.zeros((raw.shape[0], 8, 3), np.uint8), large]), np.uint8)


def snippet(box: Box) -> str:
    """The crop as a lab file says it."""
    told = ", ".join(f"{key} = {value}" for key, value in vars(box).items())
    return f"crop = {{ {told} }}"


def _raw_frame(config: CropConfig) -> tuple[str, NDArray[np.uint8], Box | None]:
    """The camera's name, what it sees now, and its box in the lab file."""
    cameras = {} if config.lab is None else {_name(each): each for each in load_lab(config.lab).cameras}
    chosen = None if config.picture is not None and not config.camera else _chosen(config, cameras)
    name = config.camera or (_name(chosen) if chosen is not None else "NAME")
    told = _box(chosen) if isinstance(chosen, CroppedCameraConfig) else None
    if config.picture is not None:
        return name, _read(config.picture), told
    camera: Any = chosen.camera if isinstance(chosen, CroppedCameraConfig) else chosen
    if isinstance(camera, MujocoCameraConfig):
        raise ConfigError(
            STAGE,
            f"camera {name!r} is simulated: it is drawn at the size that is delivered",
            "name a real camera, or a picture with --picture FILE",
        )
    clock = SystemClock()
    built = camera.build(RealWorld(()), clock)
    try:
        return name, FreshFrames(built, clock, MAX_AGE_SECONDS).first(), told
    finally:
        built.close()


def _chosen(config: CropConfig, cameras: dict[str, Any]) -> Any:
    if config.lab is None and config.picture is None:
        raise ConfigError(
            STAGE, "there is nothing to crop", "name --lab FILE and --camera, or --picture FILE"
        )
    if config.camera in cameras:
        return cameras[config.camera]
    if config.camera and cameras:
        raise ConfigError(STAGE, f"there is no camera {config.camera!r}", nearest(config.camera, cameras))
    if len(cameras) == 1:
        return next(iter(cameras.values()))
    if config.picture is not None:
        return None
    there = ", ".join(cameras) or "none"
    raise ConfigError(STAGE, f"which camera is meant is not clear (there: {there})", "name one with --camera")


def _name(camera: Any) -> str:
    raw = camera.camera if isinstance(camera, CroppedCameraConfig) else camera
    return str(getattr(raw, "name", None) or getattr(raw, "camera", "camera"))


def _box(told: CroppedCameraConfig) -> Box:
    return Box(
        top=told.top,
        left=told.left,
        crop_height=told.crop_height,
        crop_width=told.crop_width,
        height=told.height,
        width=told.width,
        version=told.version,
    )


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(STAGE, f"{path} is not a picture", "name a PNG or JPEG file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _next_version(box: Box) -> Box:
    return Box(**{**vars(box), "version": box.version + 1})


def _first(*values: int | None) -> int:
    """The first that is given."""
    return next(value for value in values if value is not None)
