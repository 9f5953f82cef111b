"""librealsense's pipeline as a source: a camera by serial number, a recording, or a software device.

The pipeline keeps one frameset at most, the newest, and only the streams asked for are started. Every frame
is copied out at once: librealsense has few buffers and stops when they are held.
"""

import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.sources.base import RawFrame, SourceFault
from robot_env.cameras.sources.librealsense import librealsense

DEFAULT_DEPTH_SCALE = 0.001


@dataclass(frozen=True, kw_only=True)
class Streams:
    """What is asked of a pipeline: size and rate of colour, and depth aligned to it.

    `exposure_us` None leaves the exposure to the camera. The first `warm_up_frames` are thrown away.
    """

    height: int
    width: int
    fps: int
    depth: bool = False
    exposure_us: int | None = None
    warm_up_frames: int = 0


class Chooser(Protocol):
    """Which device a pipeline runs on."""

    def choose(self, pipeline: Any, config: Any) -> None:
        """Tell a pipeline and its configuration; raises SourceFault at once where there is no such device."""
        ...

    def hardware_reset(self) -> None:
        """Reset the device and return once it is there again; SourceFault where it does not come back."""
        ...

    def renumber(self, number: int, seconds: float) -> tuple[int, float]:
        """Frame number and device time as they are to be judged."""
        ...


class RealSenseSource:
    """One pipeline."""

    def __init__(self, streams: Streams, chooser: Chooser) -> None:
        self.description = ""
        self.intrinsics: Intrinsics | None = None
        self.depth_scale = DEFAULT_DEPTH_SCALE
        self._streams, self._chooser = streams, chooser
        self._pipeline: Any = None
        self._align: Any = None
        self._to_skip = 0

    def open(self) -> None:
        """Start a new pipeline."""
        rs = librealsense()
        pipeline, config = rs.pipeline(), rs.config()
        self._chooser.choose(pipeline, config)
        self._ask_for_streams(config)
        try:
            profile = pipeline.start(config)
        except RuntimeError as error:
            raise SourceFault(f"its pipeline does not start: {error}{_cure(error)}") from None
        self._pipeline = pipeline
        self._align = rs.align(rs.stream.color) if self._streams.depth else None
        self._to_skip = self._streams.warm_up_frames
        self._look_at(profile)

    def read(self, seconds: float) -> RawFrame | None:
        """The next frame; with depth, only one that has both."""
        if self._pipeline is None:
            raise SourceFault("its pipeline is not started")
        try:
            there, frames = self._pipeline.try_wait_for_frames(round(1000 * seconds))
            if there and self._align is not None:
                frames = self._align.process(frames)
        except RuntimeError as error:
            raise SourceFault(f"reading fails: {error}") from None
        if not there or self._skips():
            return None
        return self._copy(frames.get_color_frame(), frames.get_depth_frame() if self._align else None)

    def restart(self) -> None:
        """A new pipeline on the same device."""
        self.close()
        self.open()

    def hardware_reset(self) -> None:
        """Reset the device, then open it; a pipeline that does not stop is what a reset is for."""
        with contextlib.suppress(SourceFault):
            self.close()
        self._chooser.hardware_reset()
        self.open()

    def close(self) -> None:
        """Stop the pipeline."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            try:
                pipeline.stop()
            except RuntimeError as error:
                raise SourceFault(f"its pipeline does not stop: {error}") from None

    def _skips(self) -> bool:
        self._to_skip -= 1
        return self._to_skip >= 0

    def _copy(self, colour: Any, depth: Any) -> RawFrame | None:
        if not colour or (self._align is not None and not depth):
            return None
        number, seconds = self._chooser.renumber(colour.get_frame_number(), colour.get_timestamp() / 1000.0)
        return RawFrame(
            image=np.array(colour.get_data(), np.uint8),
            depth=None if depth is None else np.array(depth.get_data(), np.uint16),
            number=number,
            device_time_seconds=seconds,
        )

    def _ask_for_streams(self, config: Any) -> None:
        rs, asked = librealsense(), self._streams
        config.enable_stream(rs.stream.color, asked.width, asked.height, rs.format.rgb8, asked.fps)
        if asked.depth:
            config.enable_stream(rs.stream.depth, asked.width, asked.height, rs.format.z16, asked.fps)

    def _look_at(self, profile: Any) -> None:
        rs, device = librealsense(), profile.get_device()
        self.description = describe(device)
        pinhole = profile.get_stream(rs.stream.color).as_video_stream_profile().get_intrinsics()
        self.intrinsics = Intrinsics(fx=pinhole.fx, fy=pinhole.fy, cx=pinhole.ppx, cy=pinhole.ppy)
        if self._streams.depth:
            self.depth_scale = float(device.first_depth_sensor().get_depth_scale())
        if self._streams.exposure_us is not None:
            _set_exposure(device, self._streams.exposure_us)


class BySerial:
    """A camera that is plugged in; without a serial number, the only one."""

    def __init__(self, serial: str, reset_seconds: float = 6.0) -> None:
        self._serial, self._reset_seconds = serial, reset_seconds

    def choose(self, pipeline: Any, config: Any) -> None:
        """By its serial number. Asked first, for `pipeline.start` waits 15 s where there is no camera."""
        config.enable_device(self._find()[1])

    def hardware_reset(self) -> None:
        """Reset, then wait until it was gone and is enumerated again."""
        import time

        device, serial = self._find()
        device.hardware_reset()
        del device
        deadline, gone = time.monotonic() + self._reset_seconds, False
        while time.monotonic() < deadline:
            there = serial in connected()
            if gone and there:
                return
            gone = gone or not there
            time.sleep(0.05)
        if not gone:
            return
        raise SourceFault(f"{serial} was reset and does not come back -> unplug it and plug it in again")

    def renumber(self, number: int, seconds: float) -> tuple[int, float]:
        """As the camera says."""
        return number, seconds

    def _find(self) -> tuple[Any, str]:
        devices = connected()
        if not self._serial and len(devices) == 1:
            return next((device, serial) for serial, device in devices.items())
        if self._serial in devices:
            return devices[self._serial], self._serial
        there = ", ".join(devices) or "none"
        if self._serial:
            raise SourceFault(
                f"no RealSense with serial number {self._serial!r} is connected (there: {there})"
                " -> plug it in, or correct `serial`; install the udev rules if lsusb shows it"
            )
        how = "name one of them as `serial`" if devices else "plug one in, and install the udev rules"
        raise SourceFault(f"which RealSense is meant is not clear (there: {there}) -> {how}")


class Recording:
    """A recording that librealsense's recorder made (.db3), at the speed at which it was made."""

    def __init__(self, path: str, *, loop: bool) -> None:
        self._path, self._loop = path, loop
        self._base, self._last = (0, 0.0), (0, 0.0)

    def choose(self, pipeline: Any, config: Any) -> None:
        """By its path."""
        try:
            config.enable_device_from_file(self._path, self._loop)
        except RuntimeError as error:
            raise SourceFault(f"recording {self._path!r} cannot be opened: {error}") from None

    def hardware_reset(self) -> None:
        """A file needs none."""

    def renumber(self, number: int, seconds: float) -> tuple[int, float]:
        """Growing over the seam where a recording begins again."""
        if self._loop and number + self._base[0] <= self._last[0] and seconds + self._base[1] < self._last[1]:
            self._base = (self._last[0] + 1 - number, self._last[1] + 1e-3 - seconds)
        self._last = (number + self._base[0], seconds + self._base[1])
        return self._last


def connected() -> dict[str, Any]:
    """The RealSense cameras that are plugged in now, by serial number."""
    rs = librealsense()
    return {
        device.get_info(rs.camera_info.serial_number): device
        for device in rs.context().query_devices()
        if device.supports(rs.camera_info.serial_number)
    }


def describe(device: Any) -> str:
    """What a device says it is, such as "Intel RealSense D435, serial 0123, firmware 5.16.0.1, USB 3.2"."""
    rs = librealsense().camera_info
    words = (
        (rs.name, "{}"),
        (rs.serial_number, "serial {}"),
        (rs.firmware_version, "firmware {}"),
        (rs.usb_type_descriptor, "USB {}"),
    )
    return ", ".join(text.format(device.get_info(key)) for key, text in words if device.supports(key))


def _set_exposure(device: Any, microseconds: int) -> None:
    rs = librealsense()
    for sensor in device.query_sensors():
        shows = any(each.stream_type() == rs.stream.color for each in sensor.get_stream_profiles())
        if shows and sensor.supports(rs.option.exposure):
            if sensor.supports(rs.option.enable_auto_exposure):
                sensor.set_option(rs.option.enable_auto_exposure, 0.0)
            sensor.set_option(rs.option.exposure, float(microseconds))
            return
    raise SourceFault("its exposure cannot be set -> leave exposure_us out")


def _cure(error: RuntimeError) -> str:
    if "resolve" in str(error):
        return " -> choose a size and rate that it has on this USB port; rs-enumerate-devices lists them"
    if "busy" in str(error).lower():
        return " -> end the other program that uses it"
    return ""
