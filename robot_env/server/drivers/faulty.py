"""Another driver with scripted faults: for tests, and for operators to rehearse what they will see.

A script is a list of faults, each `KIND@SECONDS`, `KIND@SECONDS+DURATION` or `KIND:DETAIL@...`, counted from
when the driver connected:

    reflex:NAME@5         the arm stops with this error until it is recovered
    user_stop@5+2         the enabling device is released for so long
    drop:SHARE@5+2        this share of the references is lost, and told as such
    freeze@5+2            the state stands still
    drift:MM_PER_S@5+2    the measured position drifts along x, so many millimetres a second
    hang@5+2              a call does not return for so long
    lost@5                the connection breaks
    connect:SECONDS@0     connecting takes so long
"""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.families import resolve
from robot_env.geometry import Pose, Vector
from robot_env.server.drivers import DRIVERS
from robot_env.server.drivers.base import Driver, DriverState
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, DriverLost

STAGE = "faulty driver"
KINDS = ("reflex", "user_stop", "drop", "freeze", "drift", "hang", "lost", "connect")
_FAULT = re.compile(r"(?P<kind>[a-z_]+)(:(?P<detail>[A-Za-z0-9_.]+))?@(?P<at>[0-9.]+)(\+(?P<lasts>[0-9.]+))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a script."""

    kind: str
    detail: str
    at: float
    lasts: float

    @property
    def amount(self) -> float:
        """The detail as a number."""
        return float(self.detail or 1.0)


def parse_fault(text: str) -> Fault:
    """A fault as it is written; ConfigError with an example where it is none."""
    match = _FAULT.fullmatch(text)
    if match is None or match["kind"] not in KINDS:
        raise ConfigError(
            STAGE, f"{text!r} is no fault", f"write KIND:DETAIL@SECONDS+DURATION, KIND of {', '.join(KINDS)}"
        )
    try:
        return Fault(match["kind"], match["detail"] or "", float(match["at"]), float(match["lasts"] or 0.0))
    except ValueError:
        raise ConfigError(STAGE, f"{text!r} has a time that is no number", "write freeze@5+2") from None


@dataclass(frozen=True, kw_only=True)
class FaultyDriverConfig:
    """Which driver is wrapped, and what goes wrong with it."""

    wraps: str = "simulated"
    """The driver behind it, with its own default settings."""
    host: str | None = None
    """Address of the arm, where the driver behind it has one."""
    script: tuple[str, ...] = ()
    """Faults, as in reflex:communication_constraints_violation@5 or freeze@10+2."""
    seed: int = 0
    """Of which references are lost."""

    def __post_init__(self) -> None:
        if self.wraps == "faulty" or self.wraps not in DRIVERS:
            cure = f"choose one of {', '.join(sorted(set(DRIVERS) - {'faulty'}))}"
            raise ConfigError(STAGE, f"{self.wraps!r} cannot be wrapped", cure)
        for text in self.script:
            parse_fault(text)

    def build(self, clock: Clock | None = None) -> "FaultyDriver":
        """Connect to the driver behind it, after the delay that the script asks for."""
        clock = clock or SystemClock()
        faults = tuple(parse_fault(text) for text in self.script)
        for fault in faults:
            if fault.kind == "connect":
                clock.sleep_until(clock.now() + fault.amount)
        config = resolve("driver", DRIVERS, self.wraps)()
        if self.host is not None and any(known.name == "host" for known in dataclasses.fields(config)):
            config = dataclasses.replace(config, host=self.host)
        return FaultyDriver(config.build(), faults, clock, np.random.default_rng(self.seed))


class FaultyDriver:
    """Passes on every call until a fault is due."""

    def __init__(
        self, driver: Driver, faults: tuple[Fault, ...], clock: Clock, rng: np.random.Generator
    ) -> None:
        self._driver, self._clock, self._rng = driver, clock, rng
        self._faults = faults
        self._began = clock.now()
        self._spent: set[Fault] = set()
        self._errors: tuple[str, ...] = ()
        self._frozen: DriverState | None = None
        self._sent = self._arrived = 1

    @property
    def description(self) -> str:
        """The driver's behind it, and that it is made to fail."""
        return f"{self._driver.description}, with {len(self._faults)} scripted faults"

    def read(self) -> DriverState:
        """What the driver behind it measures, or what a fault makes of it."""
        self._break()
        state = self._driver.read()
        if self._now("freeze"):
            self._frozen = self._frozen or state
            return self._frozen
        self._frozen = None
        if drift := self._now("drift"):
            away = 1e-3 * drift.amount * (self._seconds() - drift.at)
            moved = Pose(state.tcp.position_m + np.array([away, 0.0, 0.0]), state.tcp.rotation)
            state = dataclasses.replace(state, tcp=moved)
        rate = self._arrived / self._sent
        if self._errors:
            return dataclasses.replace(
                state, activity="reflex", errors=self._errors, command_success_rate=rate
            )
        if self._now("user_stop"):
            return dataclasses.replace(state, activity="user_stop", command_success_rate=rate)
        return dataclasses.replace(state, command_success_rate=rate)

    def engage(self, impedance: Impedance) -> None:
        """Passed on."""
        self._driver.engage(impedance)

    def track(self, reference: Pose) -> None:
        """Passed on, unless it is lost."""
        drop = self._now("drop")
        lost = drop is not None and self._rng.random() < drop.amount
        self._sent, self._arrived = self._sent + 1, self._arrived + (not lost)
        if not lost:
            self._driver.track(reference)

    def travel(self, target: Pose, speed_share: float) -> None:
        """Passed on."""
        self._driver.travel(target, speed_share)

    def travel_joints(self, joints_rad: Vector, speed_share: float) -> None:
        """Passed on."""
        self._driver.travel_joints(joints_rad, speed_share)

    def guide(self) -> None:
        """Passed on."""
        self._driver.guide()

    def stop(self) -> None:
        """Passed on."""
        self._driver.stop()

    def recover(self) -> None:
        """End a scripted reflex."""
        self._errors = ()
        self._driver.recover()

    def close(self) -> None:
        """Passed on."""
        self._driver.close()

    def _break(self) -> None:
        """Faults that happen at a moment: each once."""
        for fault in self._faults:
            if fault in self._spent or self._seconds() < fault.at:
                continue
            if fault.kind == "reflex":
                self._spent.add(fault)
                self._errors = (fault.detail or "communication_constraints_violation",)
                self._driver.stop()
            elif fault.kind == "hang":
                self._spent.add(fault)
                self._clock.sleep_until(self._clock.now() + fault.lasts)
            elif fault.kind == "lost":
                raise DriverLost(STAGE, "the script breaks the connection", "wait: the server tries again")
            elif fault.kind == "user_stop" and self._now("user_stop"):
                self._spent.add(fault)
                self._driver.stop()

    def _now(self, kind: str) -> Fault | None:
        seconds = self._seconds()
        return next((f for f in self._faults if f.kind == kind and f.at <= seconds < f.at + f.lasts), None)

    def _seconds(self) -> float:
        return self._clock.now() - self._began
