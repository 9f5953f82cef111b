"""Whether an error may be cleared: by its cause, so often an hour, some only by a person who has looked.

The names are libfranka's (franka/errors.h). What stopped the arm without anything being touched may be
cleared by the program that drives it; a collision, and every error not known here, needs the operator.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ConfigError, RobotFault

AUTOMATIC = (
    "communication_constraints_violation",
    "discontinuity",
    "start_pose_invalid",
    "start_elbow_sign_inconsistent",
    "velocity_limits_violation",
    "joint_velocity_violation",
    "cartesian_velocity_violation",
    "cartesian_velocity_profile_safety_violation",
    "controller_torque",
    "tau_j_range_violation",
)
"""Parts of names."""
STAGE = "recovering the arm"
HOUR_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class RecoveryConfig:
    """How often errors may be cleared without a person."""

    automatic_per_hour: int = 30
    """Recoveries of errors that need no operator; more mean that something is wrong with the set-up."""

    def __post_init__(self) -> None:
        if not 0 <= self.automatic_per_hour <= 1000:
            raise ConfigError(
                "recovery", f"automatic_per_hour is {self.automatic_per_hour}", "give 0 to 1000"
            )


class Recovery:
    """Counts recoveries, and refuses those that the rules do not allow."""

    def __init__(self, config: RecoveryConfig) -> None:
        self._config = config
        self._times: deque[float] = deque()

    def require(self, errors: Sequence[str], now: float, *, operator: bool) -> None:
        """Allow this recovery and count it; RobotFault, with what is needed, where it is not allowed."""
        if operator:
            return
        if by_hand := [name for name in errors if not is_automatic(name)] or not errors:
            names = ", ".join(by_hand) if isinstance(by_hand, list) else "an error without a name"
            raise RobotFault(
                STAGE,
                f"{names} needs the operator",
                "look at the arm, free it, then recover with the operator's consent",
            )
        while self._times and now - self._times[0] >= HOUR_SECONDS:
            self._times.popleft()
        if len(self._times) >= self._config.automatic_per_hour:
            raise RobotFault(
                STAGE,
                f"{', '.join(errors)}: {len(self._times)} recoveries within the hour are the limit",
                "find the cause (see docs/robot-server.md), then recover with the operator's consent",
            )
        self._times.append(now)

    def within_hour(self, now: float) -> int:
        """Automatic recoveries of the last hour."""
        return sum(now - then < HOUR_SECONDS for then in self._times)


def is_automatic(error: str) -> bool:
    """Whether this error may be cleared without a person."""
    return any(part in error for part in AUTOMATIC)
