"""The USB devices of this computer and the controllers behind them, as the kernel tells in sysfs."""

import re
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/bus/usb/devices")
DEVICE = re.compile(r"(\d+)-(\d+(?:\.\d+)*)")
USB2_MBIT, USB3_MBIT = 480.0, 5000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbDevice:
    """One device.

    Attributes:
        path: the kernel's name: bus, port, and the ports of hubs on the way, such as "2-1.4".
        product, serial: what it says of itself; empty where it does not.
        mbit_s: the speed that was negotiated.
        vendor: four hexadecimal digits; 8086 makes RealSense.
        video: /dev/videoN that are this device's.
    """

    path: str
    product: str
    serial: str
    mbit_s: float
    vendor: str
    video: tuple[str, ...] = ()

    @property
    def bus(self) -> str:
        """The root hub: devices on one share its bandwidth."""
        return self.path.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbTopology:
    """All devices; `buses` maps a root hub's number to its controller and speed."""

    devices: tuple[UsbDevice, ...]
    buses: dict[str, tuple[str, float]]


def read_topology(root: Path = SYSFS) -> UsbTopology:
    """Read sysfs below `root`; empty where there is none."""
    entries = sorted(root.iterdir()) if root.is_dir() else []
    buses = {
        entry.name.removeprefix("usb"): (entry.resolve().parent.name, _speed(entry))
        for entry in entries
        if entry.name.startswith("usb")
    }
    return UsbTopology(devices=tuple(map(_device, filter(_is_device, entries))), buses=buses)


def _is_device(entry: Path) -> bool:
    return DEVICE.fullmatch(entry.name) is not None


def _device(entry: Path) -> UsbDevice:
    return UsbDevice(
        path=entry.name,
        product=_text(entry / "product"),
        serial=_text(entry / "serial"),
        mbit_s=_speed(entry),
        vendor=_text(entry / "idVendor"),
        video=tuple(sorted(f"/dev/{node.name}" for node in entry.glob("*/video4linux/video*"))),
    )


def _speed(entry: Path) -> float:
    try:
        return float(_text(entry / "speed"))
    except ValueError:
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
