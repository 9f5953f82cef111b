"""HID devices of this computer, through the kernel's hidraw where there is one."""

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

from robot_env.teleop.attachment import DeviceLost

READ_SECONDS = 0.02
MOST_BYTES = 64
MULTI_AXIS = (1, 8)
"""Usage page and usage of a multi-axis controller; a receiver shows a keyboard beside it."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A device that is plugged in."""

    vendor_id: int
    product_id: int
    path: str
    serial: str = ""
    product: str = ""
    multi_axis: bool = True

    @property
    def hid_id(self) -> tuple[int, int]:
        """Its two numbers."""
        return self.vendor_id, self.product_id


class Handle(Protocol):
    """A device that is open."""

    def read(self) -> bytes:
        """The next report, b"" where none came within READ_SECONDS; DeviceLost where it is gone."""
        ...

    def close(self) -> None:
        """Harmless twice."""
        ...


class HidBus(Protocol):
    """Where devices are found."""

    def found(self) -> list[Found]:
        """All that are plugged in; DeviceLost where nothing can be found at all."""
        ...

    def open(self, path: str) -> Handle:
        """Raises DeviceLost where it is gone, or may not be read."""
        ...


class SystemBus:
    """This computer's devices, by the hidapi wheel, which brings its own library.

    Its module `hidraw` speaks through the kernel, sees Bluetooth too, and goes by deploy/udev; `hid` goes
    round the kernel (libusb), as is needed where there is no hidraw.
    """

    def __init__(self) -> None:
        try:
            self._hid: Any = importlib.import_module("hidraw")
        except ImportError:
            self._hid = importlib.import_module("hid")

    def found(self) -> list[Found]:
        """All that are plugged in."""
        return [
            Found(
                vendor_id=each["vendor_id"],
                product_id=each["product_id"],
                path=each["path"].decode(errors="surrogateescape"),
                serial=each["serial_number"] or "",
                product=each["product_string"] or "",
                multi_axis=(each["usage_page"], each["usage"]) in (MULTI_AXIS, (0, 0)),
            )
            for each in self._hid.enumerate()
        ]

    def open(self, path: str) -> Handle:
        """Raises DeviceLost where it is gone, or may not be read."""
        device = self._hid.device()
        try:
            device.open_path(path.encode(errors="surrogateescape"))
        except OSError:
            raise DeviceLost(
                f"{path} may not be opened -> run sudo sh deploy/udev/install.sh and plug it in again; "
                "end other programs that hold it, such as 3Dconnexion's driver"
            ) from None
        return SystemHandle(device)


class SystemHandle:
    """A device opened by hidapi."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def read(self) -> bytes:
        """The next report."""
        try:
            return bytes(self._device.read(MOST_BYTES, int(READ_SECONDS * 1000)))
        except (OSError, ValueError):
            raise DeviceLost("it was unplugged -> plug it in again") from None

    def close(self) -> None:
        """Harmless twice."""
        self._device.close()
