"""The actor's end: two DEALERs to the learner's one port, kept alive and greeted anew when needed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zmq

from shared import codec
from shared.clock import Clock
from shared.errors import ConfigError, ProtocolError, Refused
from shared.link import sockets
from shared.link.address import require_address
from shared.link.clock_offset import ClockOffset
from shared.link.dialect import LEARNER, Dialect
from shared.link.handshake import HandshakeWatch
from shared.link.keys import KeyPair, KeyStore, PublicKey, read_public_key
from shared.link.waker import Waker
from shared.protocol import (
    Channel,
    Heartbeat,
    Malformed,
    Message,
    NoTrunk,
    Refuse,
    Snapshot,
    SnapshotRequest,
    Trunk,
    TrunkRequest,
    Unknown,
)

log = logging.getLogger(__name__)

_STAGE = "link"


@dataclass(frozen=True, kw_only=True)
class DialerConfig:
    """Where the learner is, and how long it may be silent before it says something else."""

    connect: str = "tcp://127.0.0.1:5555"
    """Address of the learner."""
    keys: Path | None = None
    """Directory with this host's CURVE keys; none for a learner that listens without."""
    learner_key: Path | None = None
    """File with the learner's public key; none takes the one of `handson keys trust`."""
    lease_seconds: float = 5.0
    """Until the learner's Welcome names its own: redial after so long without a word."""
    heartbeat_seconds: float = 1.0
    """Until the learner's Welcome names its own: how often to say something."""
    max_message_bytes: int = codec.MAX_MESSAGE_BYTES
    """A larger message is refused."""

    def __post_init__(self) -> None:
        require_address(self.connect, _STAGE)
        if not 0 < 2 * self.heartbeat_seconds <= self.lease_seconds:
            raise ConfigError(
                _STAGE,
                f"heartbeat_seconds is {self.heartbeat_seconds:g}, lease_seconds {self.lease_seconds:g}",
                "give a positive heartbeat and a lease of at least twice as long",
            )
        if self.learner_key and not self.keys:
            raise ConfigError(_STAGE, "learner_key is given without keys", "give this host's keys too")


class Received(NamedTuple):
    """A message from the learner, the channel that it came by, and its raw array buffers."""

    channel: Channel
    message: Message
    buffers: list[memoryview]


class Dialer:
    """Owned by one thread; only `wake` may be called from others.

    Hello goes out on both channels at once; on a channel whose peer does not know us (`Unknown`); and, on
    fresh sockets, whenever the learner was silent for a lease. An unanswered SnapshotRequest or TrunkRequest
    is asked again behind each Hello. Whoever owns the dialer begins its conversation anew at each Welcome.

    Args:
        config: where to, and with which keys.
        hello: for the control channel; the other differs in `channel` only.
        clock: of leases and heartbeats; monotonic seconds.
        dialect: what both ends speak.

    Attributes:
        connected: between a Welcome and whatever ends it.
        malformed: messages from the learner that could not be understood; it was told.
        round_trip_seconds: of the last heartbeat that was answered, None before.
        clock_offset: how far the other computer's monotonic clock is ahead of ours.
    """

    def __init__(
        self, config: DialerConfig, hello: msgspec.Struct, clock: Clock, dialect: Dialect = LEARNER
    ) -> None:
        self._config = config
        self._dialect = dialect
        self._clock = clock
        self._hellos = {name: msgspec.structs.replace(hello, channel=name) for name in dialect.channels}
        codec.decode_with(
            dialect.decoder, codec.encode(hello)
        )  # what no learner could read is better told here
        self._pair, self._learner_key = _keys(config)
        self._lease_seconds, self._heartbeat_seconds = config.lease_seconds, config.heartbeat_seconds
        self.connected = False
        self.malformed = 0
        self.round_trip_seconds: float | None = None
        self.clock_offset = ClockOffset()
        self._asked: dict[type[msgspec.Struct], msgspec.Struct] = {}
        self._echo: float | None = None
        self._waker = Waker()
        self._context = sockets.new_context()
        self._dial()

    def poll(self, timeout_seconds: float) -> list[Received]:
        """Wait for messages, a wake or the end of the time; returns earlier when a heartbeat is due.

        Raises:
            Refused: the learner will not talk to this actor, or one end does not know the other's key.
        """
        due = min(self._heard + self._lease_seconds, self._beat + self._heartbeat_seconds) - self._clock.now()
        self._poller.poll(sockets.milliseconds(min(timeout_seconds, max(0.0, due))))
        self._waker.clear()
        self._watch.check()
        received = [got for channel in self._dialect.channels for got in self._receive(channel)]
        self._keep_alive()
        return received

    def send(self, channel: Channel, message: msgspec.Struct, buffers: Sequence[codec.Buffer] = ()) -> bool:
        """Queue a message without ever waiting; False when the queue is full.

        Buffers are not copied: do not change them before the learner has acknowledged them.
        """
        frames = [codec.encode(message), *buffers]
        codec.require_size(frames, self._config.max_message_bytes)
        sent = sockets.send(self._dealers[channel], frames)
        if sent and isinstance(message, SnapshotRequest | TrunkRequest):
            self._asked[type(message)] = message
        return sent

    def wake(self) -> None:
        """Make `poll` return. Any thread."""
        self._waker.wake()

    def close(self, deadline_seconds: float) -> None:
        """Send what is queued within the deadline and release everything. Twice is harmless."""
        if self._context.closed:
            return
        self._hang_up(deadline_seconds)
        self._context.term()
        self._waker.close()

    def _dial(self) -> None:
        self._dealers: dict[Channel, sockets.Socket] = {
            channel: self._context.socket(zmq.DEALER) for channel in self._dialect.channels
        }
        self._watch = HandshakeWatch(
            self._dealers["control"], self._config.connect, self._pair, self._dialect
        )
        self._poller = zmq.Poller()
        for waits in (*self._dealers.values(), self._watch.socket, self._waker):
            self._poller.register(waits, zmq.POLLIN)
        self._greeted: dict[Channel, float] = dict.fromkeys(self._dialect.channels, self._clock.now())
        self._strange: set[Channel] = set()
        self._heard = self._beat = self._clock.now()
        for channel in self._dialect.channels:
            dealer = self._dealers[channel]
            sockets.configure(dealer, self._config.connect, self._config.max_message_bytes)
            if self._pair and self._learner_key:
                dealer.curve_publickey, dealer.curve_secretkey = self._pair.public.key, self._pair.secret
                dealer.curve_serverkey = self._learner_key.key
            dealer.connect(self._config.connect)
            self._greet(channel)

    def _hang_up(self, deadline_seconds: float) -> None:
        self._watch.close()
        for dealer in self._dealers.values():
            dealer.close(sockets.milliseconds(deadline_seconds))

    def _greet(self, channel: Channel) -> None:
        self._greeted[channel] = self._clock.now()
        self.send(channel, self._hellos[channel])
        if channel == "bulk":
            for request in list(self._asked.values()):
                self.send(channel, request)

    def _keep_alive(self) -> None:
        now = self._clock.now()
        if now - self._heard >= self._lease_seconds:
            # A connection that looks alive may lead nowhere, so none of the old ones is kept.
            log.info("no word from %s for %.1f s: dialling again", self._config.connect, now - self._heard)
            self.connected = False
            self._hang_up(0.0)
            self._dial()
            return
        for channel in self._dialect.channels:
            if channel in self._strange and now - self._greeted[channel] >= self._heartbeat_seconds:
                self._strange.discard(channel)
                self._greet(channel)
        if now - self._beat >= self._heartbeat_seconds:
            self._beat = now
            if self.connected:
                for channel in self._dialect.channels:
                    self.send(channel, Heartbeat(now, self._echo if channel == "control" else None))

    def _receive(self, channel: Channel) -> list[Received]:
        received: list[Received] = []
        for _ in range(sockets.BATCH):
            frames = sockets.receive(self._dealers[channel])
            if frames is None:
                break
            if channel == "control":
                self._heard = self._clock.now()
            try:
                message, buffers = sockets.read(frames, self._config.max_message_bytes, self._dialect.decoder)
            except ProtocolError as error:
                self._reject(channel, error.cause)
                continue
            if not self._answered(channel, message):
                received.append(Received(channel, message, buffers))
        return received

    def _answered(self, channel: Channel, message: Any) -> bool:
        """Whether the message is the link's own business; takes note of the others."""
        if isinstance(message, self._dialect.welcome):
            self.connected = True
            self._strange.discard(channel)
            self._adopt(message.heartbeat_seconds, message.lease_seconds)
            return False
        match message:
            case Heartbeat():
                self._strange.discard(channel)
                self._take_heartbeat(channel, message)
            case Unknown():
                self._take_unknown(channel)
            case Refuse():
                words = self._dialect
                raise Refused(
                    _STAGE, f"the {words.server} refuses this {words.client}: {message.cause}", message.cure
                )
            case Snapshot():
                self._asked.pop(SnapshotRequest, None)
                return False
            case Trunk() | NoTrunk():
                self._asked.pop(TrunkRequest, None)
                return False
            case _:
                return False
        return True

    def _adopt(self, heartbeat_seconds: float, lease_seconds: float) -> None:
        if 0 < 2 * heartbeat_seconds <= lease_seconds:
            self._heartbeat_seconds, self._lease_seconds = heartbeat_seconds, lease_seconds

    def _take_heartbeat(self, channel: Channel, message: Heartbeat) -> None:
        if channel == "control":
            self._echo = message.time_seconds
            if message.echo_seconds is not None:
                now = self._clock.now()
                self.round_trip_seconds = now - message.echo_seconds
                self.clock_offset.observe(message.echo_seconds, message.time_seconds, now)

    def _take_unknown(self, channel: Channel) -> None:
        """Each message under way when the learner restarted brings one; one Hello answers them all."""
        self._strange.add(channel)
        if channel == "control":
            self.connected = False

    def _reject(self, channel: Channel, cause: str) -> None:
        self.malformed += 1
        if self.malformed & (self.malformed - 1) == 0:  # the 1st, 2nd, 4th, 8th...: a flood stays readable
            log.warning(
                "malformed message from the %s, %d so far: %s",
                self._dialect.server,
                self.malformed,
                cause[: sockets.LONGEST_CAUSE],
            )
        self.send(channel, Malformed(cause[: sockets.LONGEST_CAUSE]))


def _keys(config: DialerConfig) -> tuple[KeyPair | None, PublicKey | None]:
    if config.keys is None:
        return None, None
    store = KeyStore(config.keys)
    return store.own(), read_public_key(config.learner_key) if config.learner_key else store.trusted()
