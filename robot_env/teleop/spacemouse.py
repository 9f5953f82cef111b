"""A SpaceMouse: six axes under one hand, buttons for the gripper.

It is drained by a thread of its own as fast as it reports, and only the newest report counts: there is no
queue, so the arm does not go on when the hand has stopped. While the cap is deflected reports come every 8 to
30 ms; where none came for `silence_seconds` nothing moves, whatever the last one said. At rest none come.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from robot_env.geometry import Vector
from robot_env.teleop.attachment import Attachment
from robot_env.teleop.base import Env
from robot_env.teleop.hid_bus import HidBus, SystemBus
from robot_env.teleop.steering import BUTTON_PERIODS, Hand, Steering, SteeringConfig, deflection
from robot_env.teleop.tap import Tap
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

AXES = ("x", "y", "z", "roll", "pitch", "yaw")


@dataclass(frozen=True, kw_only=True)
class SpaceMouseConfig:
    """Which SpaceMouse, and how it is held."""

    real_time: ClassVar[bool] = True

    path: str = ""
    """Its node, as in /dev/hidraw3; empty takes the first that is found."""
    serial: str = ""
    """Its serial number; empty takes any."""
    model: str = ""
    """A model of pyspacemouse's table to take it for; empty goes by its numbers."""
    invert: tuple[str, ...] = ()
    """Axes whose sign is wrong: x (right), y (away), z (up), roll, pitch, yaw (about these)."""
    dead_zone: float = 0.1
    """Share of the full deflection that counts as rest."""
    silence_seconds: float = 0.08
    """Motion ends where no report came for so long."""
    hold_button: str = ""
    """A button that has to be held to drive, as in SHIFT; empty needs none: deflection takes over."""
    close_buttons: tuple[str, ...] = ("LEFT", "BTN_1", "MENU")
    """Buttons that close the gripper, those that this model has."""
    open_buttons: tuple[str, ...] = ("RIGHT", "BTN_2", "FIT")
    """Buttons that open it."""
    replay: Path | None = None
    """A file of recorded reports (robot_env.teleop.recorded_hid) that plays in place of a device."""
    record: Path | None = None
    """A file that gets the raw reports of the device, as for a report of a defect."""
    steering: SteeringConfig = field(default_factory=SteeringConfig)
    """Where the person looks, how fast, and how long the hand stays in charge."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.dead_zone < 0.9:
            raise ConfigError("spacemouse", f"dead_zone is {self.dead_zone}", "use 0 to 0.9")
        if not 0.03 <= self.silence_seconds <= 0.2:
            cause = f"silence_seconds is {self.silence_seconds}"
            raise ConfigError("spacemouse", cause, "use 0.03 to 0.2 s; slow radios need 0.1")
        if unknown := set(self.invert) - set(AXES):
            raise ConfigError("spacemouse", f"invert names {sorted(unknown)}", f"use {', '.join(AXES)}")

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> "SpaceMouse":
        """The device, which may be plugged in later."""
        clock = SystemClock()
        return SpaceMouse(self, Steering(self.steering, interface, env, clock), clock)


class SpaceMouse:
    """The newest report as an action.

    Attributes:
        bus: where it is looked for.
        moved, down: its newest report of axes, and of buttons.
    """

    source = Source.HUMAN

    def __init__(
        self, config: SpaceMouseConfig, steering: Steering, clock: Clock, bus: HidBus | None = None
    ) -> None:
        from robot_env.teleop.spacemouse_driver import Deflection, SpaceMouseDriver

        self._config, self._steering, self._clock = config, steering, clock
        self._signs = np.array([-1.0 if axis in config.invert else 1.0 for axis in AXES])
        self.moved = Deflection(seconds=clock.now(), axes=np.zeros(6))
        self.down: frozenset[str] = frozenset()
        self._gripper = Tap(clock, BUTTON_PERIODS * steering.period_seconds)
        self.bus = bus or _bus_of(config, clock)
        self._attachment = Attachment(
            SpaceMouseDriver(
                self.bus,
                clock,
                lambda moved: setattr(self, "moved", moved),
                self._press,
                path=config.path,
                serial=config.serial,
                model=config.model,
                hold_button=config.hold_button,
            ),
            "spacemouse",
        )

    @property
    def lost(self) -> str:
        """Why there is none."""
        return self._attachment.lost

    @property
    def raw_axes(self) -> Vector:
        """(6,) the newest report as the device told it: right, away, up, turn about these; for checks."""
        return self.moved.axes

    def reset(self, rng: np.random.Generator) -> None:
        """What was pressed before the episode no longer counts."""
        self._gripper.forget()
        self._steering.release()

    def read(self, observation: Observation) -> Action | None:
        """The newest deflection, if it is fresh."""
        if self.lost:
            self._steering.release()
            return None
        return self._steering.steer(self._hand(), observation)

    def close(self) -> None:
        """Give the device back."""
        self._attachment.close()

    def _hand(self) -> Hand:
        moved = self.moved
        fresh = self._clock.now() - moved.seconds <= self._config.silence_seconds
        axes = np.array([deflection(value, self._config.dead_zone) for value in moved.axes]) * fresh
        hold = self._config.hold_button
        return Hand(
            translation=axes[:3] * self._signs[:3],
            turn=axes[3:] * self._signs[3:],
            gripper=self._gripper.take() or self._wish(self.down),
            dead_man=hold in self.down if hold else None,
        )

    def _press(self, down: frozenset[str]) -> None:
        """Buttons changed; a tap between two periods is not missed."""
        if wish := self._wish(down - self.down):
            self._gripper.press(wish)
        self.down = down

    def _wish(self, down: frozenset[str]) -> float:
        if down & set(self._config.close_buttons):
            return -1.0
        return 1.0 if down & set(self._config.open_buttons) else 0.0


def _bus_of(config: SpaceMouseConfig, clock: Clock) -> HidBus:
    if config.replay is None and config.record is None:
        return SystemBus()
    from robot_env.teleop.recorded_hid import RecordedBus, RecordingBus, load_recording

    bus = SystemBus() if config.replay is None else RecordedBus(load_recording(config.replay), clock)
    return bus if config.record is None else RecordingBus(bus, config.record, clock)
