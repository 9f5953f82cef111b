"""Who takes part, and whether everybody has left: by a Goodbye at once, by silence only after a while."""

from collections.abc import Iterable

from learner.sessions import Session

PATIENCE_LEASES = 6
"""A starved actor, or a link that is down, is no departure: whoever fell silent may come back for so long."""


class Attendance:
    """Owned by the link thread, which calls `look` at every turn; the attributes may be read by any thread.

    Attributes:
        present: ids of the actors that are connected.
        deserted: whether there were actors, if only for a moment, and all have left.
    """

    def __init__(self, lease_seconds: float) -> None:
        self.present: tuple[str, ...] = ()
        self.deserted = False
        self._patience_seconds = PATIENCE_LEASES * lease_seconds
        self._expected_until: dict[str, float] = {}
        self._visited = False

    def look(self, sessions: Iterable[Session], now: float) -> None:
        """Take note of who is there at this moment, in monotonic seconds."""
        greeted = [session for session in sessions if session.control is not None]
        for session in greeted:
            if session.present:
                self._expected_until[session.actor_id] = now + self._patience_seconds
            else:
                self._expected_until.pop(session.actor_id, None)
        self._expected_until = {name: until for name, until in self._expected_until.items() if until > now}
        self._visited = self._visited or bool(greeted)
        self.present = tuple(session.actor_id for session in greeted if session.present)
        self.deserted = self._visited and not self._expected_until
