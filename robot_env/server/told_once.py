"""A limit that is reached at every set-point is told when it begins, not each time."""

from typing import Literal

from robot_env.server.mode import ModeMachine


class ToldOnce:
    """Remembers what was told last."""

    def __init__(self, modes: ModeMachine) -> None:
        self._modes = modes
        self._last: tuple[str, ...] = ()

    def tell(self, kind: Literal["guard", "limited"], reasons: tuple[str, ...], now: float) -> None:
        """What shaped a set-point, empty where nothing did; numbers in it may vary."""
        named = tuple(reason.partition(" is ")[0] for reason in reasons)
        if reasons and named != self._last:
            self._modes.tell(kind, ", ".join(reasons), now)
        self._last = named
