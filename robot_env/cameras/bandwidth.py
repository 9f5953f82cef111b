"""Whether the USB buses carry what the cameras send, and which camera to move where they do not.

What counts is what crosses the wire: colour as YUYV and depth as z16, two bytes a pixel. Devices on one root
hub share it, whatever hubs lie between. Limits are rules of thumb: of USB 3's 5 Gbit/s the 8b/10b code leaves
4, and protocol and scheduling four fifths of these; of USB 2's 480 Mbit/s cameras get about 290.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from robot_env.cameras.opencv import OpenCvCameraConfig
from robot_env.cameras.realsense import RealSenseCameraConfig
from robot_env.cameras.usb_topology import USB2_MBIT, USB3_MBIT, UsbDevice, UsbTopology

BYTES_A_PIXEL = 2
USB2_MB_S, USB3_SHARE = 36.0, 0.64
TIGHT = 0.8
INTEL = "8086"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one camera sends.

    `device` is a serial number or /dev/videoN; empty for the only RealSense.
    """

    name: str
    device: str
    height: int
    width: int
    fps: int
    depth: bool = False

    @property
    def mb_s(self) -> float:
        """Megabytes a second on the wire."""
        return self.height * self.width * self.fps * BYTES_A_PIXEL * (2 if self.depth else 1) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is to be said of a bus or of one camera; the cure is empty where all is well."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    detail: str
    cure: str = ""


def streams_of(cameras: Sequence[object]) -> list[Stream]:
    """What cameras with these configurations send over USB; recordings, files and the like send nothing."""
    found: list[Stream] = []
    for camera in cameras:
        raw = getattr(camera, "camera", camera)
        if isinstance(raw, RealSenseCameraConfig) and raw.recording is None:
            found.append(_stream(raw, raw.serial, depth=raw.depth))
        elif isinstance(raw, OpenCvCameraConfig) and (
            raw.device.isdecimal() or raw.device.startswith("/dev/")
        ):
            device = f"/dev/video{raw.device}" if raw.device.isdecimal() else raw.device
            found.append(_stream(raw, str(Path(device).resolve()), depth=False))  # by-id names are links
    return found


def plan_bandwidth(streams: Sequence[Stream], topology: UsbTopology) -> list[Finding]:
    """Findings, worst news first: cameras that are not there, that fell back to USB 2, and full buses."""
    placed: dict[tuple[str, bool], list[tuple[Stream, UsbDevice]]] = defaultdict(list)
    findings: list[Finding] = []
    for stream in streams:
        device = find(stream, topology)
        if device is None:
            findings.append(_missing(stream, topology))
            continue
        placed[device.bus, device.mbit_s <= USB2_MBIT].append((stream, device))
        findings += _slow(stream, device)
    findings += [_bus(bus, sharing, topology, placed) for (bus, _), sharing in placed.items()]
    return sorted(findings, key=lambda finding: ("fail", "warn", "ok").index(finding.level))


def find(stream: Stream, topology: UsbTopology) -> UsbDevice | None:
    """The device that a stream comes from.

    A RealSense may tell the kernel another number than its serial: then, or where none is asked for, the only
    one that there is must be meant.
    """
    if stream.device.startswith("/dev/"):
        return next((each for each in topology.devices if stream.device in each.video), None)
    cameras = [each for each in topology.devices if each.vendor == INTEL and "RealSense" in each.product]
    exact = [each for each in cameras if stream.device and stream.device in each.serial]
    candidates = exact or cameras
    return candidates[0] if len(candidates) == 1 else None


def capacity_mb_s(mbit_s: float) -> float:
    """What cameras get of a bus of this speed."""
    return USB2_MB_S if mbit_s <= USB2_MBIT else mbit_s / 8.0 * USB3_SHARE


def _stream(raw: RealSenseCameraConfig | OpenCvCameraConfig, device: str, *, depth: bool) -> Stream:
    return Stream(
        name=raw.name,
        device=device,
        height=raw.stream_height,
        width=raw.stream_width,
        fps=raw.fps,
        depth=depth,
    )


def _missing(stream: Stream, topology: UsbTopology) -> Finding:
    there = (
        ", ".join(f"{each.product} at {each.path}" for each in topology.devices if each.product) or "nothing"
    )
    cure = (
        "plug it in, or correct serial or device; the USB tree cannot tell several RealSense apart by serial"
    )
    return Finding(
        level="warn",
        subject=stream.name,
        detail=f"{stream.device or 'its device'} is not found on USB (there: {there})",
        cure=cure,
    )


def _slow(stream: Stream, device: UsbDevice) -> list[Finding]:
    if device.mbit_s > USB2_MBIT or device.vendor != INTEL:
        return []
    return [
        Finding(
            level="warn",
            subject=stream.name,
            detail=f"{device.product or 'it'} at {device.path} fell back to USB 2 ({device.mbit_s:g} Mbit/s)",
            cure="plug it quickly and firmly into a USB 3 port, with a short USB 3 cable",
        )
    ]


Sharing = list[tuple[Stream, UsbDevice]]


def _bus(
    bus: str, sharing: Sharing, topology: UsbTopology, placed: dict[tuple[str, bool], Sharing]
) -> Finding:
    slowest = min(device.mbit_s for _, device in sharing)
    total, limit = sum(stream.mb_s for stream, _ in sharing), capacity_mb_s(slowest)
    subject = f"bus {bus}"
    detail = f"{', '.join(stream.name for stream, _ in sharing)}: {total:.0f} of {limit:.0f} MB/s"
    if total <= TIGHT * limit:
        return Finding(level="ok", subject=subject, detail=detail)
    level = "fail" if total > limit else "warn"
    return Finding(
        level=level,
        subject=subject,
        detail=detail,
        cure=_move(sharing, total - TIGHT * limit, topology, placed),
    )


def _move(
    sharing: Sharing, excess: float, topology: UsbTopology, placed: dict[tuple[str, bool], Sharing]
) -> str:
    """The smallest camera that is enough, and where to."""
    by_size = sorted((stream for stream, _ in sharing), key=lambda stream: stream.mb_s)
    mover = next((stream for stream in by_size if stream.mb_s >= excess), by_size[-1])
    used = {bus for bus, _ in placed}
    free = [
        f"{bus} ({controller})"
        for bus, (controller, speed) in sorted(topology.buses.items())
        if bus not in used and speed >= USB3_MBIT
    ]
    if len(sharing) > 1 and free:
        return f"move {mover.name} to a port of bus {' or '.join(free)}"
    if len(sharing) > 1:
        return (
            f"move {mover.name} to a controller of its own (a USB 3 card), or lower its size, rate or depth"
        )
    return f"lower the size or rate of {mover.name}, or leave its depth out"
