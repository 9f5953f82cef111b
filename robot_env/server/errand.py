"""The one procedure that may be under way, and the request that it answers."""

from robot_env.server.drivers.base import DriverState
from robot_env.server.procedures import Procedure
from shared.errors import DriverLost, HandsOnError


class Errand:
    """At most one at a time; whoever owns it reports how it ended. Every method may raise DriverLost.

    Attributes:
        request: that the last one answers, or answered.
    """

    def __init__(self) -> None:
        self._procedure: Procedure | None = None
        self.request = 0

    @property
    def under_way(self) -> bool:
        """Whether there is one."""
        return self._procedure is not None

    def start(self, procedure: Procedure, request: int) -> HandsOnError | None:
        """Begin; why it cannot."""
        self.request = request
        try:
            next(procedure)
        except DriverLost:
            raise
        except HandsOnError as error:
            return error
        self._procedure = procedure
        return None

    def advance(self, state: DriverState) -> HandsOnError | None:
        """On by one measurement; why it failed. Either way it may be over now."""
        if self._procedure is None:
            return None
        try:
            self._procedure.send(state)
        except StopIteration:
            self._procedure = None
        except DriverLost:
            raise
        except HandsOnError as error:
            self._procedure = None
            return error
        return None

    def drop(self) -> bool:
        """Leave it where it is; whether there was one."""
        procedure, self._procedure = self._procedure, None
        if procedure is not None:
            procedure.close()
        return procedure is not None
