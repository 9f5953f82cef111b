"""Robotiq 2F-85 and 2F-140 over Modbus RTU: three registers out, three back.

Register map and values: Robotiq's instruction manual of the 2F-85 and 2F-140, section 4. Out, from 0x03E8:
action request (rACT, rGTO), position rPR, speed rSP, force rFR. In, from 0x07D0: status (gACT, gGTO, gSTA,
gOBJ), fault gFLT, echo gPR, position gPO, current gCU. Position counts 0 open to 255 closed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from robot_env.server.drivers.base import HandState
from robot_env.server.drivers.modbus import Modbus
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, DriverLost

OUTPUT, INPUT, REGISTERS = 0x03E8, 0x07D0, 3
ACTIVATE, GO = 0x01, 0x08
ACTIVATED = 3
MOVING = 0
LARGEST = 255
SPEEDS_M_S = (0.020, 0.150)
FORCES_N = (20.0, 235.0)
LOOK_SECONDS = 0.02
FAULTS = {
    5: "an action came before activation had ended",
    7: "it has to be activated first",
    8: "it is too hot",
    10: "its supply voltage is too low",
    11: "an automatic release runs",
    12: "an internal fault",
    13: "activation failed",
    14: "its current is too high",
    15: "an automatic release has ended",
}


@dataclass(frozen=True, kw_only=True)
class RobotiqHandConfig:
    """Settings of a Robotiq 2F."""

    port: str = "/dev/handson/gripper"
    """Serial port, as deploy/udev names it."""
    baud: int = 115200
    """Its speed."""
    slave: int = 9
    """Its Modbus address."""
    max_width_m: float = 0.085
    """Fully open: 0.085 or 0.140."""
    open_count: int = 3
    """Position that it reports fully open."""
    closed_count: int = 230
    """Position that it reports when its fingers touch."""
    answer_seconds: float = 0.2
    """How long an answer may take."""
    motion_seconds: float = 10.0
    """How long activation or a motion may take."""

    def __post_init__(self) -> None:
        if not 0 <= self.open_count < self.closed_count <= LARGEST:
            cause = f"open_count is {self.open_count}, closed_count {self.closed_count}"
            raise ConfigError("robotiq gripper", cause, "give 0 <= open < closed <= 255")
        if min(self.max_width_m, self.answer_seconds, self.motion_seconds) <= 0 or not 1 <= self.slave <= 247:
            raise ConfigError(
                "robotiq gripper", f"{self} is out of range", "use positive values, a slave of 1 to 247"
            )

    def build(self) -> "RobotiqHand":
        """Connect; DriverLost where nothing answers."""
        return RobotiqHand(self, SystemClock())


class RobotiqHand:
    """One gripper. `stop` and `read` may be called while another call blocks."""

    def __init__(self, config: RobotiqHandConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._line = Modbus(config.port, config.baud, config.slave, config.answer_seconds)
        self._closed = False
        if _status(self._registers()) != ACTIVATED:
            self.home()

    @property
    def max_width_m(self) -> float:
        """Fully open."""
        return self._config.max_width_m

    def home(self) -> None:
        """Activate: it opens and closes once to find its limits."""
        self._line.write(OUTPUT, (0, 0, 0))
        self._line.write(OUTPUT, (ACTIVATE << 8, 0, 0))
        self._wait(lambda registers: _status(registers) == ACTIVATED, "activation")

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Move the fingers gently; what is in their way ends the motion."""
        self._go(self._count(width_m), speed_m_s, FORCES_N[0])

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        """Close until something resists."""
        self._go(LARGEST, speed_m_s, force_n)

    def stop(self) -> None:
        """Stay here."""
        self._line.write(OUTPUT, (ACTIVATE << 8, 0, 0))

    def read(self) -> HandState:
        """The newest measurement."""
        registers = self._registers()
        return HandState(
            width_m=self._width_m(registers[2] >> 8),
            moving=_goes(registers) and _object(registers) == MOVING,
            time_seconds=self._clock.now(),
        )

    def close(self) -> None:
        """Stop and close the port."""
        if self._closed:
            return
        self._closed = True
        try:
            self.stop()
        except DriverLost:
            pass  # it is gone already
        self._line.close()

    def _go(self, count: int, speed_m_s: float, force_n: float) -> None:
        speed, force = _scaled(speed_m_s, SPEEDS_M_S), _scaled(force_n, FORCES_N)
        self._line.write(OUTPUT, ((ACTIVATE | GO) << 8, count, speed << 8 | force))
        self._wait(lambda registers: not _goes(registers) or _arrived(registers, count), "a motion")

    def _wait(self, done: Callable[[tuple[int, ...]], bool], what: str) -> None:
        deadline = self._clock.now() + self._config.motion_seconds
        while not done(self._registers()):
            if self._clock.now() >= deadline:
                raise self._failed(f"{what} took longer than {self._config.motion_seconds:g} s")
            self._clock.sleep_until(self._clock.now() + LOOK_SECONDS)

    def _registers(self) -> tuple[int, ...]:
        registers = self._line.read(INPUT, REGISTERS)
        if (fault := registers[1] >> 8 & 0x0F) in FAULTS and fault not in (5, 7):
            raise self._failed(FAULTS[fault])
        return registers

    def _failed(self, cause: str) -> DriverLost:
        return DriverLost(f"gripper at {self._config.port}", cause, "free its fingers, switch it off and on")

    def _width_m(self, count: int) -> float:
        low, high = self._config.open_count, self._config.closed_count
        share = min(1.0, max(0.0, (high - count) / (high - low)))
        return share * self._config.max_width_m

    def _count(self, width_m: float) -> int:
        low, high = self._config.open_count, self._config.closed_count
        share = min(1.0, max(0.0, width_m / self._config.max_width_m))
        return 0 if share == 1.0 else round(high - share * (high - low))


def _status(registers: tuple[int, ...]) -> int:
    return registers[0] >> 12 & 0b11


def _object(registers: tuple[int, ...]) -> int:
    return registers[0] >> 14 & 0b11


def _goes(registers: tuple[int, ...]) -> bool:
    return bool(registers[0] >> 8 & GO)


def _arrived(registers: tuple[int, ...], count: int) -> bool:
    """It has stopped, and at the request that it echoes."""
    return registers[1] & 0xFF == count and _object(registers) != MOVING


def _scaled(value: float, limits: tuple[float, float]) -> int:
    low, high = limits
    return round(LARGEST * min(1.0, max(0.0, (value - low) / (high - low))))
