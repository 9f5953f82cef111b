"""Both ends of the link in one thread, so that tests decide who speaks when; real sockets on free ports."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.clock import Clock, SystemClock
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import Dialer, DialerConfig, Received
from shared.link.listener import Incoming, Listener, ListenerConfig
from shared.protocol import PROTOCOL_VERSION, Hello, Welcome

INTERFACE = InterfaceSpec(
    name="reach",
    observations=(ObservationEntry(name="state", shape=(3,), dtype="float32"),),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)


class Ends:
    """A listener and dialers, closed at the end, and what each has received so far."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.dialers: list[Dialer] = []
        self.incoming: list[Incoming] = []
        self.received: list[Received] = []

    @staticmethod
    def hello(**changes: Any) -> Hello:
        fields: dict[str, Any] = {
            "protocol_version": PROTOCOL_VERSION,
            "channel": "control",
            "actor_id": "actor-0",
            "incarnation": "a",
            "interface": INTERFACE,
            "clock": "wall",
            "code_version": "1",
            "host": "robot",
        }
        return Hello(**(fields | changes))

    @staticmethod
    def welcome(**changes: Any) -> Welcome:
        fields: dict[str, Any] = {
            "learner_incarnation": "l",
            "state": "ready",
            "received": {},
            "durable": {},
            "heartbeat_seconds": 1.0,
            "lease_seconds": 5.0,
            "code_version": "1",
            "free_steps": 0,
            "consumed_steps": 0,
            "max_lead_steps": 1,
        }
        return Welcome(**(fields | changes))

    def listen(self, bind: str = "tcp://127.0.0.1:0", **settings: Any) -> Listener:
        self.listeners.append(Listener(ListenerConfig(bind=bind, **settings)))
        return self.listeners[-1]

    def dial(
        self, address: str, hello: Hello | None = None, clock: Clock | None = None, **settings: Any
    ) -> Dialer:
        config = DialerConfig(connect=address, **settings)
        self.dialers.append(Dialer(config, hello or self.hello(), clock or SystemClock()))
        return self.dialers[-1]

    def pump(self, until: Callable[[], bool], seconds: float = 10.0) -> None:
        """Let every end poll in turn until the condition holds."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, f"{self.incoming} {self.received}"
            for listener in self.listeners:
                self.incoming += listener.poll(0.002)
            for dialer in self.dialers:
                self.received += dialer.poll(0.002)

    def arrived(self, kind: type) -> list[Incoming]:
        """What the listeners have received of this kind."""
        return [incoming for incoming in self.incoming if isinstance(incoming.message, kind)]

    def answers(self, kind: type) -> list[Received]:
        """What the dialers have received of this kind."""
        return [received for received in self.received if isinstance(received.message, kind)]

    def meet(self, listener: Listener, dialer: Dialer) -> dict[str, bytes]:
        """Hello on both channels, Welcome on control; the peers by channel."""
        before = len(self.arrived(Hello))
        self.pump(lambda: len(self.arrived(Hello)) >= before + 2)
        hellos = [i for i in self.arrived(Hello)[before:] if isinstance(i.message, Hello)]
        peers = {i.message.channel: i.peer for i in hellos if isinstance(i.message, Hello)}
        assert listener.send(peers["control"], self.welcome())
        self.pump(lambda: dialer.connected)
        return peers

    def close(self) -> None:
        for end in (*self.dialers, *self.listeners):
            end.close(0.0)


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A new `Ends`, closed after the test."""
    both = Ends()
    yield both
    both.close()
