"""A RealSense that is software: librealsense's software device, fed with pictures, in its own pipeline."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.sources.librealsense import librealsense

KEPT = 16
"""librealsense reads pixels where they lie: this many pictures are kept until it has."""
FOCAL_SHARE = 0.94
"""Of the width: the focal length of a D435's colour camera."""
DEPTH_UNITS_M = 0.001


def moving_pattern(number: int, height: int, width: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: gradients that move on with every frame; the first pixel tells its number."""
    rows, columns = np.arange(height) * 255 // height, np.arange(width) * 255 // width
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = (columns[None, :] + 4 * number) % 256
    image[..., 1] = (rows[:, None] + 2 * number) % 256
    image[..., 2] = (rows[:, None] // 2 + columns[None, :] // 2) % 256
    image[0, 0] = number >> 16 & 255, number >> 8 & 255, number & 255
    return image


def number_shown(image: NDArray[np.uint8]) -> int:
    """Which frame of a moving pattern this is."""
    high, middle, low = map(int, image[0, 0])
    return high << 16 | middle << 8 | low


def plane_depth(height: int, width: int) -> NDArray[np.uint16]:
    """(H, W) uint16 in mm: a slope from 0.4 m at the first column to 1 m at the last."""
    return np.broadcast_to(np.linspace(400, 1000, width).astype(np.uint16), (height, width)).copy()


class SoftwareDevice:
    """The device: sensors for colour and depth, and frames pushed into them."""

    def __init__(
        self, *, height: int, width: int, fps: int, serial: str, depth: bool, baseline_m: float = 0.0
    ) -> None:
        """`baseline_m`: how far colour looks from to the left of where depth does."""
        rs = librealsense()
        self.device = rs.software_device()
        for key, text in (
            (rs.camera_info.name, "HandsOn software RealSense"),
            (rs.camera_info.serial_number, serial),
            (rs.camera_info.product_line, "D400"),
            (rs.camera_info.product_id, "0B07"),
            (rs.camera_info.firmware_version, "5.16.0.1"),
            (rs.camera_info.usb_type_descriptor, "3.2"),
        ):
            self.device.register_info(key, text)
        self._size, self._fps = (height, width), fps
        self._kept: list[NDArray[Any]] = []
        self._colour = self.device.add_sensor("RGB Camera")
        self._colour_profile = self._stream(self._colour, rs.stream.color, rs.format.rgb8, 3)
        self._depth = self.device.add_sensor("Stereo Module") if depth else None
        if self._depth is not None:
            self._depth_profile = self._stream(self._depth, rs.stream.depth, rs.format.z16, 2)
            self._depth.add_read_only_option(rs.option.depth_units, DEPTH_UNITS_M)
            self._depth_profile.register_extrinsics_to(self._colour_profile, _beside(baseline_m))

    def push(
        self,
        image: NDArray[np.uint8],
        *,
        number: int,
        seconds: float,
        depth: NDArray[np.uint16] | None = None,
    ) -> None:
        """Give a frame, and its depth where there is a sensor for it, to whoever listens."""
        if self._depth is not None:
            depth = plane_depth(*self._size) if depth is None else depth
            frame = self._frame(depth, self._depth_profile, 2, number, seconds)
            frame.depth_units = DEPTH_UNITS_M
            self._depth.on_video_frame(frame)
        self._colour.on_video_frame(self._frame(image, self._colour_profile, 3, number, seconds))
        del self._kept[:-KEPT]

    def _frame(
        self, pixels: NDArray[Any], profile: Any, pixel_bytes: int, number: int, seconds: float
    ) -> Any:
        rs = librealsense()
        self._kept.append(pixels)
        frame = rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = pixels, pixels.strides[0], pixel_bytes
        frame.timestamp, frame.domain = 1000.0 * seconds, rs.timestamp_domain.hardware_clock
        frame.frame_number, frame.profile = number, profile
        return frame

    def _stream(self, sensor: Any, kind: Any, pixel_format: Any, pixel_bytes: int) -> Any:
        rs, (height, width) = librealsense(), self._size
        pinhole = rs.intrinsics()
        pinhole.width, pinhole.height = width, height
        pinhole.ppx, pinhole.ppy = (width - 1) / 2.0, (height - 1) / 2.0
        pinhole.fx = pinhole.fy = FOCAL_SHARE * width
        pinhole.model, pinhole.coeffs = rs.distortion.none, [0.0] * 5
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid, stream.fmt = kind, 0, 10 + pixel_bytes, pixel_format
        stream.width, stream.height, stream.fps, stream.bpp = width, height, self._fps, pixel_bytes
        stream.intrinsics = pinhole
        return sensor.add_video_stream(stream, True).as_video_stream_profile()


def _beside(baseline_m: float) -> Any:
    extrinsics = librealsense().extrinsics()
    extrinsics.rotation = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    extrinsics.translation = [baseline_m, 0.0, 0.0]
    return extrinsics


class Feeder:
    """A thread that pushes a picture at every period, with the time at which it did."""

    def __init__(self, device: SoftwareDevice, show: "Showing", fps: int) -> None:
        self._device, self._show, self._period = device, show, 1.0 / fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="software-camera", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; harmless twice."""
        self._stop.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._show(self._device, time.monotonic())
            due = max(due + self._period, time.monotonic() - self._period)


class Showing:
    """What a feeder pushes: frame after frame of a moving pattern, or one picture."""

    def __init__(self, height: int, width: int, picture: NDArray[np.uint8] | None) -> None:
        self._size, self._picture, self._number = (height, width), picture, 0

    def __call__(self, device: SoftwareDevice, now: float) -> None:
        """Push the next frame."""
        self._number += 1
        image = moving_pattern(self._number, *self._size) if self._picture is None else self._picture
        device.push(image, number=self._number, seconds=now)


class BySoftware:
    """A device that was made here."""

    def __init__(self, device: SoftwareDevice) -> None:
        self._device = device

    def choose(self, pipeline: Any, config: Any) -> None:
        """Given to the pipeline, for no context lists it."""
        pipeline.set_device(self._device.device)

    def hardware_reset(self) -> None:
        """Software has nothing to reset."""

    def renumber(self, number: int, seconds: float) -> tuple[int, float]:
        """As it was pushed."""
        return number, seconds


def record(path: str, pictures: Sequence[NDArray[np.uint8]], fps: int) -> None:
    """Record pictures (H, W, 3) uint8 RGB with librealsense's recorder; the path must end in .db3.

    It plays at the speed at which it was made: this takes as long as the pictures would.
    """
    rs, (height, width) = librealsense(), pictures[0].shape[:2]
    made = SoftwareDevice(height=height, width=width, fps=fps, serial="RECORDED", depth=False)
    recorder = rs.recorder(path, made.device)
    sensor, frames = recorder.query_sensors()[0], rs.frame_queue(len(pictures))
    sensor.open(sensor.get_stream_profiles()[0])
    sensor.start(frames)
    began = time.monotonic()
    for number, picture in enumerate(pictures, 1):
        made.push(np.ascontiguousarray(picture), number=number, seconds=number / fps)
        frames.wait_for_frame(1000)
        time.sleep(max(0.0, began + number / fps - time.monotonic()))
    sensor.stop()
    sensor.close()
    del sensor, recorder
