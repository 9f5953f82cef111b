"""How far another computer's monotonic clock is ahead of ours, from heartbeats that come back."""

from collections import deque

KEPT = 32


class ClockOffset:
    """Keeps the last round trips and believes the fastest of them (Cristian's algorithm).

    The error is at most half of that round trip, whatever the rest of the traffic suffers.
    """

    def __init__(self) -> None:
        self._trips: deque[tuple[float, float]] = deque(maxlen=KEPT)

    @property
    def seconds(self) -> float | None:
        """Their clock minus ours; None before the first round trip."""
        return min(self._trips)[1] if self._trips else None

    def observe(self, sent: float, theirs: float, received: float) -> None:
        """A heartbeat left at `sent`, was answered at `theirs` on their clock, and was back at `received`."""
        self._trips.append((received - sent, theirs - (sent + received) / 2.0))

    def forget(self) -> None:
        """Their clock may be another one: the process or computer behind the address has changed."""
        self._trips.clear()
