"""Which mode the arm is in, and which may follow which; every change is told as an event."""

from collections.abc import Callable, Mapping

from robot_env.server.state import EventKind, Mode, RobotEvent

STOPPED: frozenset[Mode] = frozenset({"ready", "reflex", "user_stop", "link_lost"})
_HOLDING: frozenset[Mode] = frozenset({"holding"})
_MOVING: frozenset[Mode] = frozenset({"moving"})
_BUSY: frozenset[Mode] = frozenset({"resetting", "guiding"})
FOLLOWS: Mapping[Mode, frozenset[Mode]] = {
    "ready": STOPPED | _BUSY | _HOLDING,
    "moving": STOPPED | _BUSY | _HOLDING,
    "holding": STOPPED | _BUSY | _MOVING,
    "resetting": STOPPED | _HOLDING,
    "guiding": STOPPED,
    "reflex": STOPPED,
    "user_stop": STOPPED,
    "link_lost": STOPPED,
}
"""Out of a reflex, a stop or a lost link only `ready` leads: motion is resumed on purpose."""

Tell = Callable[[RobotEvent], None]


class ModeMachine:
    """The mode and its reason.

    Attributes:
        mode, reason: as in RobotState.
    """

    def __init__(self, tell: Tell) -> None:
        self.mode: Mode = "ready"
        self.reason = ""
        self._tell = tell

    def enter(self, mode: Mode, now: float, reason: str = "") -> None:
        """Change the mode, or only its reason; ValueError for one that cannot follow."""
        if mode == self.mode:
            self.reason = reason
            return
        if mode not in FOLLOWS[self.mode]:
            raise ValueError(f"{mode} cannot follow {self.mode}")
        why = f": {reason}" if reason else ""
        before, self.mode, self.reason = self.mode, mode, reason
        self.tell("mode", f"{before} -> {mode}{why}", now)

    def tell(self, kind: EventKind, detail: str, now: float) -> None:
        """Something happened."""
        self._tell(RobotEvent(kind=kind, detail=detail, time_seconds=now))
