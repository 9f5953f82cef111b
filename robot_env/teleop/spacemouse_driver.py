"""A SpaceMouse on this computer: found, opened, decoded by pyspacemouse's parser and its table of models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pyspacemouse import get_device_specs
from pyspacemouse.config_helpers import apply_axis_convention
from pyspacemouse.device import SpaceMouseDevice
from pyspacemouse.types import AxisConvention, DeviceInfo

from robot_env.families import nearest
from robot_env.geometry import Vector
from robot_env.teleop.attachment import DeviceLost
from robot_env.teleop.hid_bus import Found, HidBus
from robot_env.teleop.spacemouse_reports import ReportPort
from shared.clock import Clock

AXES = ("x", "y", "z", "roll", "pitch", "yaw")
CONNEXION = 0x256F
LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Deflection:
    """What the cap does: right, away, up, then the turn about these, right-handed; 1 is full deflection."""

    seconds: float
    axes: Vector


class SpaceMouseDriver:
    """Opens the first SpaceMouse that fits, and passes on each report (see Attachment).

    A SpaceMouse at rest says nothing. Whether it is still there is told by an error of its handle, and by the
    list of what is plugged in, which is looked at while it is silent.
    """

    def __init__(
        self,
        bus: HidBus,
        clock: Clock,
        moved: Callable[[Deflection], None],
        pressed: Callable[[frozenset[str]], None],
        *,
        path: str = "",
        serial: str = "",
        model: str = "",
        hold_button: str = "",
    ) -> None:
        self._bus, self._clock, self._moved, self._pressed = bus, clock, moved, pressed
        self._wanted, self._model, self._hold_button = (path, serial), model, hold_button
        self._port: ReportPort | None = None
        self._parser: SpaceMouseDevice | None = None
        self._path, self._heard_seconds = "", 0.0

    def open(self) -> str:
        """Find and open it."""
        found, info = self._choose(self._bus.found())
        self._port = ReportPort(self._bus.open(found.path), info)
        self._parser = self._parse(apply_axis_convention(info, AxisConvention.HID_Z_UP), self._port)
        self._path, self._heard_seconds = found.path, self._clock.now()
        return f"{found.product or info.name} at {found.path}"

    def turn(self) -> None:
        """One report; where none comes for long, whether the device is still plugged in."""
        if self._parser is None or self._port is None:
            raise DeviceLost("it is not open")
        self._parser.read()
        now = self._clock.now()
        if self._port.heard:
            self._heard_seconds = now
        elif now - self._heard_seconds > LOOK_AGAIN_SECONDS:
            self._heard_seconds = now
            if self._path not in (each.path for each in self._bus.found()):
                raise DeviceLost("it was unplugged -> plug it in again")

    def close(self) -> None:
        """Nothing moves and nothing is pressed any more."""
        if self._port is not None:
            self._port.close()
        self._port = self._parser = None
        self._moved(Deflection(seconds=self._clock.now(), axes=np.zeros(6)))
        self._pressed(frozenset())

    def end(self) -> None:
        """Nothing else is held."""

    def _parse(self, info: DeviceInfo, port: ReportPort) -> SpaceMouseDevice:
        parser = SpaceMouseDevice(info, port)  # pyright: ignore[reportArgumentType]
        parser.configure(
            dof_callback=lambda state: self._moved(
                Deflection(seconds=self._clock.now(), axes=np.array([state[axis] for axis in AXES]))
            ),
            button_callback=lambda _, states: self._pressed(
                frozenset(name for name, down in zip(info.button_names, states, strict=True) if down)
            ),
        )
        return parser

    def _choose(self, present: list[Found]) -> tuple[Found, DeviceInfo]:
        path, serial = self._wanted
        models = get_device_specs()
        by_number = {info.hid_id: info for info in models.values()}
        there = [each for each in present if each.hid_id in by_number or each.vendor_id == CONNEXION or path]
        fits = [each for each in there if path in ("", each.path) and serial in ("", each.serial)]
        if not fits:
            others = ", ".join(f"{each.path} (serial {each.serial or 'none'})" for each in there)
            raise DeviceLost(
                f"none is plugged in{' that the lab file means: there is ' + others if others else ''} -> "
                "plug it in, or name another path or serial"
            )
        found = sorted(fits, key=lambda each: (not each.multi_axis, each.path))[0]
        info = models.get(self._model) if self._model else by_number.get(found.hid_id)
        if info is None:
            raise DeviceLost(
                f"{found.product or found.path} ({found.vendor_id:04x}:{found.product_id:04x}) is a model "
                f'that pyspacemouse does not know -> try it as another, model = "SpaceMouseCompact"; '
                f"{nearest(self._model, models)}"
            )
        if self._hold_button and self._hold_button not in info.button_names:
            raise DeviceLost(
                f"{info.name} has no button {self._hold_button!r} to be held -> {_names(info)}, "
                'or hold_button = ""'
            )
        return found, info


def _names(info: DeviceInfo) -> str:
    return f"use one of {', '.join(info.button_names)}" if info.button_names else "it has none"
