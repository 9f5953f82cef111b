"""How SERL's and HIL-SERL's servers count a gripper's opening: in three ways, and they do not say which."""

from typing import Literal, get_args

from shared.errors import ConfigError

GripperUnits = Literal["serl", "serl_robotiq", "hil"]
"""serl: metres, as SERL's Franka hand; serl_robotiq: 0 open to 255 closed; hil: 1 open to 0 closed."""
UNITS: tuple[GripperUnits, ...] = get_args(GripperUnits)
COUNTS = 255
MAX_WIDTH_M = 0.08


def require_units(units: str, stage: str) -> None:
    """Refuse what is not one of them."""
    if units not in UNITS:
        raise ConfigError(
            stage,
            f"gripper units {units!r} are unknown",
            f"choose one of {', '.join(UNITS)}: SERL with Franka's hand, SERL with a Robotiq, HIL-SERL",
        )


def position_from_width(width_m: float, units: GripperUnits, max_width_m: float = MAX_WIDTH_M) -> float:
    """What `gripper_pos` says at this width in m."""
    share = min(max(width_m / max_width_m, 0.0), 1.0)
    match units:
        case "serl":
            return width_m
        case "serl_robotiq":
            return float(round(COUNTS * (1.0 - share)))
        case "hil":
            return share


def width_from_position(position: float, units: GripperUnits, max_width_m: float = MAX_WIDTH_M) -> float:
    """The width in m behind a `gripper_pos`."""
    match units:
        case "serl":
            return position
        case "serl_robotiq":
            return max_width_m * (1.0 - position / COUNTS)
        case "hil":
            return max_width_m * position


def opens(counts: int, units: GripperUnits) -> bool:
    """Whether a `/move_gripper` to 0..255 rather opens: for Franka's hand 255 is open, for a Robotiq 0."""
    return (counts > COUNTS // 2) != (units == "serl_robotiq")
