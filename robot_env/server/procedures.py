"""Supervised motions: generators that are sent each measurement, and raise RobotFault where one goes wrong.

A procedure waits by yielding, always with a deadline, and never trusts that a motion arrived: it measures.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, Vector, vector_from_rotation
from robot_env.server.drivers.base import Driver, DriverState
from shared.clock import Clock
from shared.errors import ConfigError, RobotFault

Procedure = Generator[None, DriverState, DriverState]

RESET = "resetting the arm"
ENGAGE = "engaging the arm"
STOP_SECONDS = 3.0
BEGIN_SECONDS = 0.5
LOOK_AT_THE_ARM = "look at the arm and at what is in its way, then reset again"


@dataclass(frozen=True, kw_only=True)
class ProcedureConfig:
    """How the arm moves on its own."""

    clearance_m: float = 0.05
    """Lifted by so much before it travels to where an episode begins."""
    speed_share: float = 0.2
    """Share of the arm's own limits for these motions."""
    arrival_m: float = 0.005
    """Nearer than this it has arrived."""
    arrival_rad: float = 0.03
    """And turned by less than this."""
    engage_seconds: float = 0.4
    """How long the gains rise, watched."""
    engage_m: float = 0.006
    """A tool that moves more than this meanwhile is stopped."""
    posture_rad: tuple[float, ...] = (0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398)
    """Where a reset of the joints goes."""
    longest_seconds: float = 120.0
    """A reset may not be given more time than this."""

    def __post_init__(self) -> None:
        lengths = (self.arrival_m, self.arrival_rad, self.engage_seconds, self.engage_m)
        if min(lengths) <= 0 or self.clearance_m < 0 or not 0 < self.speed_share <= 1:
            raise ConfigError(
                "procedures", f"{self} is out of range", "use positive values and a speed share of up to 1"
            )
        if not 0 < self.longest_seconds <= 3600:
            raise ConfigError(
                "procedures", f"longest_seconds is {self.longest_seconds:g}", "give up to 3600 s"
            )


def require_time(seconds: float, config: ProcedureConfig) -> None:
    """ConfigError for a reset that might take for ever, or no time at all."""
    if not 0 < seconds <= config.longest_seconds:
        raise ConfigError(
            RESET,
            f"it would be given {seconds:g} s",
            f"give more than 0 and up to {config.longest_seconds:g} s, or let the robot server allow more by "
            "its procedures.longest_seconds",
        )


def wait(
    condition: Callable[[DriverState], bool], seconds: float, clock: Clock, stage: str, failing: str
) -> Procedure:
    """Wait until a measurement fulfils a condition; RobotFault(stage, failing) after so long."""
    deadline = clock.now() + seconds
    while True:
        state = yield
        if condition(state):
            return state
        if clock.now() >= deadline:
            raise RobotFault(stage, f"{failing} within {seconds:.1f} s", LOOK_AT_THE_ARM)


def stop(driver: Driver, clock: Clock, stage: str = RESET) -> Procedure:
    """Come to rest."""
    driver.stop()
    return wait(lambda s: s.activity == "idle", STOP_SECONDS, clock, stage, "it did not come to rest")


def engage(driver: Driver, impedance: Impedance, config: ProcedureConfig, clock: Clock) -> Procedure:
    """Begin tracking where the tool is; a tool that jumps while the gains rise is stopped."""
    before = yield
    driver.engage(impedance)
    deadline = clock.now() + config.engage_seconds
    while True:
        state = yield
        moved = float(np.linalg.norm(state.tcp.position_m - before.tcp.position_m))
        if moved > config.engage_m:
            driver.stop()
            raise RobotFault(
                ENGAGE,
                f"the tool moved {1e3 * moved:.1f} mm while its gains rose",
                "check the tool's mass and centre of mass in the robot's settings, and free the arm",
            )
        if clock.now() >= deadline and state.activity == "tracking":
            return state
        if clock.now() >= deadline + BEGIN_SECONDS:
            raise RobotFault(ENGAGE, f"the arm is {state.activity}, not tracking", LOOK_AT_THE_ARM)


def reset(
    driver: Driver, target: Pose, ceiling_m: float, config: ProcedureConfig, clock: Clock, seconds: float
) -> Procedure:
    """Straight up by the clearance, over the target, down to it."""
    deadline = clock.now() + seconds
    state = yield from stop(driver, clock)
    for waypoint in waypoints(state.tcp, target, config, ceiling_m):
        state = yield from travel(driver, waypoint, config, clock, deadline)
    return state


def waypoints(start: Pose, target: Pose, config: ProcedureConfig, ceiling_m: float) -> list[Pose]:
    """The corners of the way; none where the tool is there already, and no detour where it is above it."""
    if arrived(start, target, config):
        return []
    height = _lifted_m(max(start.position_m[2], target.position_m[2]), ceiling_m, config)
    above_start = Pose(np.array([*start.position_m[:2], height]), start.rotation)
    above_target = Pose(np.array([*target.position_m[:2], height]), target.rotation)
    corners = [above_start, above_target, target]
    return [corner for corner, last in zip(corners, [start, *corners], strict=False) if _differ(corner, last)]


def travel(driver: Driver, target: Pose, config: ProcedureConfig, clock: Clock, deadline: float) -> Procedure:
    """Move straight to a pose, and be there."""
    driver.travel(target, config.speed_share)
    where = f"the tool did not arrive at {target.position_m.round(3)} m"
    return (yield from _arrive(lambda state: arrived(state.tcp, target, config), where, clock, deadline))


def reset_joints(
    driver: Driver, ceiling_m: float, config: ProcedureConfig, clock: Clock, seconds: float
) -> Procedure:
    """Straight up by the clearance, as far as the ceiling lets it, then to the posture."""
    deadline = clock.now() + seconds
    state = yield from stop(driver, clock)
    posture = np.array(config.posture_rad)
    if _nearly(state.joints_rad, posture, config):
        return state
    x, y, z = state.tcp.position_m
    up = Pose(np.array([x, y, _lifted_m(z, ceiling_m, config)]), state.tcp.rotation)
    if _differ(up, state.tcp):
        yield from travel(driver, up, config, clock, deadline)
    driver.travel_joints(posture, config.speed_share)
    return (
        yield from _arrive(
            lambda state: _nearly(state.joints_rad, posture, config),
            "the joints did not arrive",
            clock,
            deadline,
        )
    )


def arrived(tcp: Pose, target: Pose, config: ProcedureConfig) -> bool:
    """Whether a measured pose is the target's."""
    near = np.linalg.norm(tcp.position_m - target.position_m) <= config.arrival_m
    turn = np.linalg.norm(vector_from_rotation(tcp.rotation.T @ target.rotation))
    return bool(near and turn <= config.arrival_rad)


def _arrive(there: Callable[[DriverState], bool], failing: str, clock: Clock, deadline: float) -> Procedure:
    begun, began = False, clock.now()
    while True:
        state = yield
        begun = begun or state.activity == "travelling"
        if state.activity == "idle" and there(state):
            return state
        ended = state.activity == "idle" and (begun or clock.now() - began >= BEGIN_SECONDS)
        if ended or clock.now() >= deadline:
            tcp = state.tcp.position_m.round(3)
            raise RobotFault(RESET, f"{failing}, it is at {tcp} m and {state.activity}", LOOK_AT_THE_ARM)


def _lifted_m(height_m: float, ceiling_m: float, config: ProcedureConfig) -> float:
    """Higher by the clearance, not above the ceiling, and never down."""
    return max(height_m, min(height_m + config.clearance_m, ceiling_m))


def _differ(first: Pose, second: Pose) -> bool:
    turn = np.linalg.norm(vector_from_rotation(first.rotation.T @ second.rotation))
    return bool(np.linalg.norm(first.position_m - second.position_m) > 1e-3 or turn > 1e-3)


def _nearly(joints: Vector, posture: Vector, config: ProcedureConfig) -> bool:
    same = joints.shape == posture.shape
    return bool(same and np.abs(joints - posture).max() <= config.arrival_rad)
