"""The reports of a SpaceMouse in the shape that its entry in pyspacemouse's table expects.

Firmwares of one model differ: some send all six axes in report 1, some the turn in a report 2 of its own; and
reports of buttons may be shorter than the table knows.
"""

from pyspacemouse.types import DeviceInfo

from robot_env.teleop.hid_bus import Handle

TRANSLATION, TURN = 1, 2
SHORT_BYTES, LONG_BYTES = 7, 13
"""A number and three axes of two bytes each; a number and six axes."""


class ReportPort:
    """What pyspacemouse reads from: one report a call, b"" where none came.

    Attributes:
        heard: whether the last read brought a report.
    """

    def __init__(self, handle: Handle, info: DeviceInfo) -> None:
        self._handle = handle
        self._wants_long = all(axis.channel == TRANSLATION for axis in info.mappings.values())
        self._button_bytes = {
            spec.channel: 1 + max(each.byte for each in info.button_specs if each.channel == spec.channel)
            for spec in info.button_specs
        }
        self._next = b""
        self._translation = bytes(SHORT_BYTES - 1)
        self.heard = False

    def read(self, size: int) -> bytes:
        """The next report, whole: `size` counts the axes only, and buttons may lie behind them."""
        report, self._next = self._next or self._handle.read(), b""
        self.heard = bool(report)
        return self._shaped(report) if report else b""

    def _shaped(self, report: bytes) -> bytes:
        if report[0] == TRANSLATION and len(report) >= SHORT_BYTES:
            self._translation = report[1:SHORT_BYTES]
            if len(report) >= LONG_BYTES and not self._wants_long:
                self._next = bytes([TURN]) + report[SHORT_BYTES:LONG_BYTES]
                return report[:SHORT_BYTES]
        if report[0] == TURN and self._wants_long and len(report) >= SHORT_BYTES:
            return bytes([TRANSLATION]) + self._translation + report[1:SHORT_BYTES]
        return report.ljust(self._button_bytes.get(report[0], 0), b"\0")

    def close(self) -> None:
        """Give the device back."""
        self._handle.close()
