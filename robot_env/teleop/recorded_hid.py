"""HID reports into a file, and from one in place of a device: to look into somebody's SpaceMouse from afar.

The file is text. Its first line names the device, the others hold a time in seconds and a report:

256f:c635 SpaceMouse Compact
0.000 01 00 00 2c 01 00 00
0.008 02 00 00 00 00 00 00
"""

import queue
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from robot_env.teleop.attachment import DeviceLost
from robot_env.teleop.hid_bus import READ_SECONDS, Found, Handle, HidBus
from shared.clock import Clock
from shared.errors import ConfigError

HEAD = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?: (.*))?")
PATH = "recording"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a device said."""

    device: Found
    reports: tuple[tuple[float, bytes], ...] = ()
    """Seconds since it was opened, and the report."""


def load_recording(path: Path) -> Recording:
    """Read a file; ConfigError with the line that makes no sense."""
    try:
        head, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"recording {path}", f"cannot be read: {error}", "name a recording") from None
    if (found := HEAD.fullmatch(head.strip())) is None:
        raise ConfigError(f"recording {path}", f"begins with {head!r}", "begin with vendor:product name")
    device = Found(
        vendor_id=int(found[1], 16), product_id=int(found[2], 16), path=PATH, product=found[3] or ""
    )
    return Recording(device=device, reports=tuple(_report(path, line) for line in lines if line.strip()))


def save_recording(recording: Recording, path: Path) -> None:
    """Write a file that `load_recording` reads back."""
    device = recording.device
    head = f"{device.vendor_id:04x}:{device.product_id:04x} {device.product}".rstrip()
    told = "".join(_line(seconds, report) for seconds, report in recording.reports)
    path.write_text(f"{head}\n{told}", encoding="utf-8")


class RecordingBus:
    """A bus (HidBus) that writes down what the device says that was opened last."""

    def __init__(self, bus: HidBus, path: Path, clock: Clock) -> None:
        self._bus, self._path, self._clock = bus, path, clock

    def found(self) -> list[Found]:
        """As the bus beneath."""
        return self._bus.found()

    def open(self, path: str) -> "RecordingHandle":
        """As the bus beneath; the file begins anew."""
        handle = self._bus.open(path)
        for device in self._bus.found():
            if device.path == path:
                save_recording(Recording(device=device), self._path)
        return RecordingHandle(handle, self._path.open("a", encoding="utf-8"), self._clock)


class RecordingHandle:
    """A device (Handle) whose reports are written down as they come."""

    def __init__(self, handle: Handle, file: TextIO, clock: Clock) -> None:
        self._handle, self._file, self._clock = handle, file, clock
        self._began_seconds = clock.now()

    def read(self) -> bytes:
        """As the device."""
        report = self._handle.read()
        if report:
            self._file.write(_line(self._clock.now() - self._began_seconds, report))
        return report

    def close(self) -> None:
        """As the device; harmless twice."""
        self._handle.close()
        self._file.close()


class RecordedBus:
    """A bus with this one device on it (HidBus): it plays, and then rests."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self.plugged = True
        self._recording, self._clock = recording, clock
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def found(self) -> list[Found]:
        """The device, while it is plugged in."""
        return [self._recording.device] if self.plugged else []

    def open(self, path: str) -> "RecordedHandle":
        """From its first report on."""
        if not self.plugged:
            raise DeviceLost("it was unplugged -> plug it in again")
        return RecordedHandle(self, self._recording.reports, self._clock, self._said)

    def say(self, report: bytes) -> None:
        """Another report, at once, after what was recorded until now."""
        self._said.put(report)


class RecordedHandle:
    """The device, opened (Handle)."""

    def __init__(
        self,
        bus: RecordedBus,
        reports: tuple[tuple[float, bytes], ...],
        clock: Clock,
        said: "queue.SimpleQueue[bytes]",
    ) -> None:
        self._bus, self._clock, self._said = bus, clock, said
        self._reports = list(reversed(reports))
        self._began_seconds = clock.now()

    def read(self) -> bytes:
        """The report that is due, else what is said within READ_SECONDS."""
        if not self._bus.plugged:
            raise DeviceLost("it was unplugged -> plug it in again")
        wait = READ_SECONDS
        if self._reports:
            wait = self._reports[-1][0] - (self._clock.now() - self._began_seconds)
            if wait <= 0.0:
                return self._reports.pop()[1]
        try:
            return self._said.get(timeout=min(wait, READ_SECONDS))
        except queue.Empty:
            return b""

    def close(self) -> None:
        """What is left is not played."""
        self._reports.clear()


def _line(seconds: float, report: bytes) -> str:
    return f"{seconds:.3f} {report.hex(' ')}\n"


def _report(path: Path, line: str) -> tuple[float, bytes]:
    try:
        seconds, _, report = line.strip().partition(" ")
        return float(seconds), bytes.fromhex(report)
    except ValueError:
        cure = "write seconds and the bytes of one report in hexadecimal, as in 0.008 01 00 00 2c 01 00 00"
        raise ConfigError(f"recording {path}", f"has the line {line!r}", cure) from None
