"""The robot server's network end: clients on one side, the driver process on the other."""

import logging
from typing import Any

import msgspec

from robot_env.server.clients import Clients
from robot_env.server.config import RobotServerConfig
from robot_env.server.drivers.base import DriverConfig, HandDriverConfig
from robot_env.server.state import EventKind
from robot_env.server.supervision import Supervisor
from shared.clock import Clock
from shared.link.listener import Incoming, Listener, ListenerConfig
from shared.protocol import Heartbeat, Refuse, Unknown
from shared.robot_protocol import (
    ROBOT,
    Compliance,
    Driver,
    Enable,
    Event,
    Failure,
    Grip,
    Guide,
    HoldPose,
    Leave,
    Lost,
    Measurement,
    Recover,
    Reply,
    Request,
    Reset,
    ResetJoints,
    RobotHello,
    RobotWelcome,
    SetPoint,
)
from shared.version import code_version

log = logging.getLogger(__name__)

LOST_EVERY_SECONDS = 0.1
CLOSE_SECONDS = 0.5
LARGEST_BYTES = 1 << 16
ALARMS = (
    "reflex",
    "guard",
    "recovery_refused",
    "reset_failed",
    "watchdog_stop",
    "link_lost",
    "link_restored",
)
"""What a person at the robot's terminal should see."""
HEARTBEATS_A_LEASE = 8.0


class RobotServer:
    """Owned by one thread, which calls `poll` again and again.

    Attributes:
        endpoint: the address it listens on, with the real port.
        counts: events so far by kind.
    """

    def __init__(
        self,
        config: RobotServerConfig,
        driver: DriverConfig,
        hand: HandDriverConfig | None,
        clock: Clock,
    ) -> None:
        self._config, self._clock = config, clock
        self._listener = Listener(
            ListenerConfig(
                bind=config.bind,
                keys=config.keys,
                lease_seconds=config.lease_seconds,
                heartbeat_seconds=config.lease_seconds / HEARTBEATS_A_LEASE,
                max_message_bytes=LARGEST_BYTES,
            ),
            ROBOT,
        )
        self.endpoint = self._listener.endpoint
        self._clients = Clients(config.lease_seconds)
        self._supervisor = Supervisor(config, driver, hand, clock)
        self._watched: Any = None
        self._requests: dict[int, tuple[bytes, int]] = {}
        self._last_request = 0
        self._told_lost = clock.now()
        self._connected_before = False
        self.counts: dict[str, int] = {}

    @property
    def supervisor(self) -> Supervisor:
        """Of the driver process."""
        return self._supervisor

    def poll(self, timeout_seconds: float) -> None:
        """Serve whatever comes within the time."""
        controlling = self._clients.controlling
        for incoming in self._listener.poll(timeout_seconds):
            self._take(incoming)
            controlling = self._part(controlling)
        for message in self._supervisor.poll():
            self._pass_on(message)
        self._watch_link()
        now = self._clock.now()
        for name in self._clients.expire(now):
            log.info("%s is gone: silent for %.1f s", name, self._config.lease_seconds)
        self._part(controlling)
        if not self._supervisor.description and now - self._told_lost >= LOST_EVERY_SECONDS:
            self._told_lost = now
            self._broadcast(Lost(self._supervisor.reason))

    def close(self) -> None:
        """Hold, stop, disconnect, in bounded time. Harmless twice."""
        self._unwatch()
        self._supervisor.close()
        self._listener.close(CLOSE_SECONDS)

    def _watch_link(self) -> None:
        """Wake for what the driver process says too."""
        link = self._supervisor.link
        if link is not self._watched:
            self._unwatch()
            if link is not None:
                self._listener.watch(link)
                self._watched = link

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._listener.unwatch(self._watched)
            self._watched = None

    def _take(self, incoming: Incoming) -> None:
        peer, message, now = incoming.peer, incoming.message, self._clock.now()
        match message:
            case RobotHello():
                self._greet(peer, message, now)
            case _ if not self._clients.renew(peer, now):
                self._listener.send(peer, Unknown())
            case Heartbeat():
                self._listener.send(peer, Heartbeat(now, message.time_seconds))
            case Leave():
                log.info("%s leaves", self._clients.name(peer))
                self._clients.leave(peer)
            case SetPoint() | HoldPose() | Grip():
                if peer == self._clients.controller:
                    self._supervisor.send(message)
            case Enable() | Compliance() | Reset() | ResetJoints() | Recover() | Guide():
                self._request(peer, message)
            case _:
                self._listener.reject(peer, f"a robot server is not told {type(message).__name__}")

    def _part(self, before: str | None) -> str | None:
        """Let nothing go on that was begun for a client which controls no longer; who controls now."""
        now = self._clients.controlling
        if before is not None and now != before:
            self._supervisor.send(Leave())
        return now

    def _greet(self, peer: bytes, hello: RobotHello, now: float) -> None:
        before = self._clients.controller
        if not self._clients.admit(peer, hello, now):
            cause = f"{self._clients.holder() or 'another'!r} controls the arm"
            cure = f"end it, or wait {self._config.lease_seconds:g} s after it has gone; others may watch"
            self._listener.send(peer, Refuse("superseded", cause, cure))
            return
        self._listener.send(
            peer,
            RobotWelcome(
                description=self._supervisor.description,
                heartbeat_seconds=self._config.lease_seconds / HEARTBEATS_A_LEASE,
                lease_seconds=self._config.lease_seconds,
                code_version=code_version(),
            ),
        )
        if self._clients.controller != before:
            self._tell("control_taken", hello.name)

    def _request(self, peer: bytes, message: Request) -> None:
        if peer != self._clients.controller:
            cause = f"{self._clients.holder() or 'nobody'!r} controls the arm, this client only watches"
            self._refuse(peer, message.request, cause, "connect with control")
            return
        self._last_request += 1
        self._requests[self._last_request] = (peer, message.request)
        if not self._supervisor.send(msgspec.structs.replace(message, request=self._last_request)):
            self._fail_requests()

    def _pass_on(self, message: Any) -> None:
        match message:
            case Measurement():
                self._broadcast(message)
            case Reply():
                peer, request = self._requests.pop(message.request, (b"", 0))
                if peer:
                    self._listener.send(peer, Reply(request, message.failure))
            case Event():
                self._note(message)
            case Driver():
                self._broadcast(message)
                if self._connected_before:
                    self._tell("link_restored", message.description)
                self._connected_before = True
            case Lost():
                self._told_lost = self._clock.now()
                self._broadcast(message)
                self._tell("link_lost", message.reason)
                self._fail_requests()
            case _:
                log.warning("the driver process said %s", type(message).__name__)

    def _fail_requests(self) -> None:
        for peer, request in self._requests.values():
            self._refuse(peer, request, f"there is no arm: {self._supervisor.reason}", "see its log")
        self._requests.clear()

    def _refuse(self, peer: bytes, request: int, cause: str, cure: str) -> None:
        self._listener.send(peer, Reply(request, Failure("fault", "robot server", cause, cure)))

    def _tell(self, kind: EventKind, detail: str) -> None:
        self._note(Event(kind, detail, self._clock.now()))

    def _note(self, event: Event) -> None:
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        log.log(logging.WARNING if event.kind in ALARMS else logging.INFO, "%s: %s", event.kind, event.detail)
        self._broadcast(event)

    def _broadcast(self, message: msgspec.Struct) -> None:
        for peer in self._clients.peers:
            self._listener.send(peer, message)
