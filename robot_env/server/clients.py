"""Who is connected, and which one of them controls the arm."""

from dataclasses import dataclass

from shared.robot_protocol import RobotHello


@dataclass(slots=True)
class Client:
    """One client: its name, what it asked for, and when it was last heard."""

    name: str
    incarnation: str
    heard: float


class Clients:
    """One controls at a time; a lease is renewed by any message, and control ends with it.

    Attributes:
        controller: ZeroMQ's name of the connection that controls, if any.
    """

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._known: dict[bytes, Client] = {}
        self._superseded: set[str] = set()
        self.controller: bytes | None = None

    @property
    def peers(self) -> list[bytes]:
        """All that are there."""
        return list(self._known)

    @property
    def controlling(self) -> str | None:
        """Which life of which client controls, whatever connection it came by; None if none does."""
        if self.controller is None:
            return None
        client = self._known[self.controller]
        return f"{client.name} {client.incarnation}"

    def holder(self) -> str:
        """The name of the client that controls, empty if none does."""
        return "" if self.controller is None else self._known[self.controller].name

    def name(self, peer: bytes) -> str:
        """Of a client that is there."""
        return self._known[peer].name

    def admit(self, peer: bytes, hello: RobotHello, now: float) -> bool:
        """Let a client in; False where it asks for control, and another client that is there has it."""
        if hello.incarnation in self._superseded:
            return False
        if hello.control and self.controller not in (None, peer):
            if self.holder() != hello.name:
                return False
            self._supersede(self._known[self.controller], hello)
            self.leave(self.controller)
        self._known[peer] = Client(hello.name, hello.incarnation, now)
        if hello.control:
            self.controller = peer
        return True

    def renew(self, peer: bytes, now: float) -> bool:
        """Any message came; False from a stranger."""
        client = self._known.get(peer)
        if client is None:
            return False
        client.heard = now
        return True

    def leave(self, peer: bytes | None) -> None:
        """It is gone."""
        if peer is not None:
            self._known.pop(peer, None)
        if peer == self.controller:
            self.controller = None

    def expire(self, now: float) -> list[str]:
        """Let go of those that were silent for a lease; their names."""
        gone = [peer for peer, client in self._known.items() if now - client.heard >= self._lease_seconds]
        names = [self._known[peer].name for peer in gone]
        for peer in gone:
            self.leave(peer)
        return names

    def _supersede(self, client: Client, hello: RobotHello) -> None:
        """The older of one name stays out; the same client on another connection does not count."""
        if client.incarnation != hello.incarnation:
            self._superseded.add(client.incarnation)
