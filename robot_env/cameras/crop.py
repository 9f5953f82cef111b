"""A part of another camera's picture, resized: what an actor sends instead of the raw frame."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Camera, CameraConfig, Frame, Intrinsics
from robot_env.cameras.freshness import require_kind
from robot_env.scene import World
from shared.clock import Clock
from shared.errors import ConfigError
from shared.interface import CropProfile, ObservationEntry


@dataclass(frozen=True, kw_only=True)
class CroppedCameraConfig:
    """A camera, which of its pixels matter, and how many pixels they become."""

    camera: CameraConfig
    """Delivers the raw frame."""
    top: int = 0
    """First row of the box in the raw frame."""
    left: int = 0
    """First column."""
    crop_height: int
    """Rows of the box in the raw frame."""
    crop_width: int
    """Columns."""
    height: int = 64
    """Rows of the delivered picture."""
    width: int = 64
    """Columns."""
    version: int = 1
    """Raise it when the camera is moved: what was learned from another view is then refused."""

    def __post_init__(self) -> None:
        if min(self.crop_height, self.crop_width, self.height, self.width, self.version) < 1:
            raise ConfigError("crop", f"{self} holds no pixel", "give sizes and a version of at least 1")

    def build(self, world: World, clock: Clock) -> "CroppedCamera":
        """The camera; raises ConfigError where the box is not inside the raw frame."""
        camera = self.camera.build(world, clock)
        try:
            return CroppedCamera(self, camera)
        except ConfigError:
            camera.close()
            raise


class CroppedCamera:
    """Crops and resizes every frame of a camera."""

    def __init__(self, config: CroppedCameraConfig, camera: Camera) -> None:
        self._camera, self._raw = camera, camera.entry
        if camera.crop is not None:
            raise ConfigError(
                f"cropping {self._raw.name}", "it is cropped already", "crop the raw frame, once"
            )
        self.crop = CropProfile(
            entry=self._raw.name,
            version=config.version,
            top=config.top,
            left=config.left,
            height=config.crop_height,
            width=config.crop_width,
        )
        require_inside(self.crop, self._raw)
        self.entry = replace(self._raw, shape=(config.height, config.width, 3))

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the delivered picture."""
        raw = self._camera.intrinsics
        return None if raw is None else crop_intrinsics(raw, self.crop, self.entry)

    def read(self) -> Frame:
        """The box of the newest frame; raises ObservationError where the raw frame is not as declared."""
        frame = self._camera.read()
        require_kind(frame.image, self._raw)
        depth = None if frame.depth_m is None else crop_depth(frame.depth_m, self.crop, self.entry)
        return replace(frame, image=crop_image(frame.image, self.crop, self.entry), depth_m=depth)

    def close(self) -> None:
        """Close the camera behind it."""
        self._camera.close()


def require_inside(profile: CropProfile, raw: ObservationEntry) -> None:
    """Refuse a box that is not inside the raw frame, naming the frame's size."""
    height, width = raw.shape[:2]
    bottom, right = profile.top + profile.height, profile.left + profile.width
    if min(profile.top, profile.left) < 0 or bottom > height or right > width:
        raise ConfigError(
            f"cropping {raw.name}",
            f"rows {profile.top} to {bottom} and columns {profile.left} to {right} are not in its frame",
            f"choose a box inside {height} rows and {width} columns",
        )


def crop_image(image: NDArray[np.uint8], profile: CropProfile, entry: ObservationEntry) -> NDArray[np.uint8]:
    """The box of a raw (H, W, 3) uint8 picture at the size of `entry`: means over what a pixel covers."""
    height, width = entry.shape[:2]
    box = image[profile.top : profile.top + profile.height, profile.left : profile.left + profile.width]
    if box.shape == entry.shape:
        return box.copy()
    return np.asarray(cv2.resize(box, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def crop_depth(
    depth_m: NDArray[np.float32], profile: CropProfile, entry: ObservationEntry
) -> NDArray[np.float32]:
    """The box of a raw (H, W) float32 depth at the size of `entry`: the nearest measurement of each pixel."""
    height, width = entry.shape[:2]
    box = depth_m[profile.top : profile.top + profile.height, profile.left : profile.left + profile.width]
    return np.array(cv2.resize(box, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def crop_intrinsics(raw: Intrinsics, profile: CropProfile, entry: ObservationEntry) -> Intrinsics:
    """The pinhole of the cropped and resized picture: edges map to edges, so centres move by half pixels."""
    down, across = entry.shape[0] / profile.height, entry.shape[1] / profile.width
    return Intrinsics(
        fx=raw.fx * across,
        fy=raw.fy * down,
        cx=(raw.cx - profile.left + 0.5) * across - 0.5,
        cy=(raw.cy - profile.top + 0.5) * down - 0.5,
    )
