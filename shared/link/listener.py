"""The learner's end: one ROUTER port that every actor dials."""

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import zmq

from shared import codec
from shared.errors import ConfigError, LinkError, ProtocolError
from shared.link import sockets
from shared.link.address import bindable, host_and_port, is_loopback, require_address
from shared.link.dialect import LEARNER, Dialect
from shared.link.door import DOMAIN, Door
from shared.link.keys import DEFAULT_DIRECTORY, KeyStore
from shared.link.waker import Waker
from shared.protocol import Malformed, Message, Refuse

log = logging.getLogger(__name__)

_STAGE = "listen"


@dataclass(frozen=True, kw_only=True)
class ListenerConfig:
    """Where the learner listens, and how long an actor may be silent."""

    bind: str = "tcp://127.0.0.1:5555"
    """Address to listen on; tcp://0.0.0.0:5555 is every network, and needs keys."""
    keys: Path | None = None
    """Directory with this host's CURVE keys; none listens on this computer only."""
    lease_seconds: float = 5.0
    """An actor that is silent for so long counts as gone."""
    heartbeat_seconds: float = 1.0
    """How often an actor with nothing to say says so."""
    max_message_bytes: int = codec.MAX_MESSAGE_BYTES
    """A larger message is refused."""

    def __post_init__(self) -> None:
        require_address(self.bind, _STAGE, port_zero=True)
        if not 0 < 2 * self.heartbeat_seconds <= self.lease_seconds:
            raise ConfigError(
                _STAGE,
                f"heartbeat_seconds is {self.heartbeat_seconds:g}, lease_seconds {self.lease_seconds:g}",
                "give a positive heartbeat and a lease of at least twice as long",
            )
        if self.max_message_bytes < codec.INLINE_BYTES:
            raise ConfigError(
                _STAGE,
                f"max_message_bytes is {self.max_message_bytes}",
                f"give at least {codec.INLINE_BYTES}",
            )


class HasFileno(Protocol):
    """What can be polled: a socket, a pipe."""

    def fileno(self) -> int:
        """Its file descriptor."""
        ...


class Incoming(NamedTuple):
    """A message, who sent it (ZeroMQ's name for the connection), and its raw array buffers."""

    peer: bytes
    message: Message
    buffers: list[memoryview]


class Listener:
    """Owned by one thread; only `wake` may be called from others.

    Attributes:
        endpoint: the address it listens on, with the real port.
        malformed: messages that could not be understood; each sender was told.
        refused: handshakes with an unknown key, and Hellos of another protocol version.
    """

    def __init__(self, config: ListenerConfig, dialect: Dialect = LEARNER) -> None:
        self._config = config
        self._dialect = dialect
        self._store = KeyStore(config.keys) if config.keys is not None else None
        _require_keys(config, dialect.server)
        pair = self._store.own() if self._store else None
        self.malformed = 0
        self._refused_versions = 0
        self._waker = Waker()
        # Two threads, so that encrypting a snapshot for one connection does not hold up the others.
        self._context = sockets.new_context(io_threads=2)
        self._door = Door(self._context, self._store) if self._store else None
        self._router = self._context.socket(zmq.ROUTER)
        try:
            sockets.configure(self._router, config.bind, config.max_message_bytes)
            self._router.router_mandatory = 1
            if pair:
                self._router.curve_server = 1
                self._router.curve_secretkey = pair.secret
                self._router.zap_domain = DOMAIN
            self._router.bind(bindable(config.bind))
        except zmq.ZMQError as error:
            self.close(0.0)
            raise _cannot_bind(config.bind, error) from None
        self.endpoint = self._router.get_string(zmq.LAST_ENDPOINT)
        self._poller = zmq.Poller()
        for waits in (self._router, self._waker, *([self._door.socket] if self._door else [])):
            self._poller.register(waits, zmq.POLLIN)

    @property
    def refused(self) -> int:
        """Handshakes with an unknown key, and Hellos of another protocol version."""
        return self._refused_versions + (self._door.refused if self._door else 0)

    def poll(self, timeout_seconds: float) -> list[Incoming]:
        """Wait for messages, a wake or the end of the time, and return at most `BATCH` messages."""
        self._poller.poll(sockets.milliseconds(timeout_seconds))
        self._waker.clear()
        if self._door:
            self._door.answer()
        arrived: list[Incoming] = []
        for _ in range(sockets.BATCH):
            frames = sockets.receive(self._router)
            if frames is None:
                break
            incoming = self._read(bytes(frames[0]), frames[1:])
            if incoming is not None:
                arrived.append(incoming)
        return arrived

    def watch(self, readable: HasFileno) -> None:
        """From now on `poll` returns too when this can be read."""
        self._poller.register(readable, zmq.POLLIN)

    def unwatch(self, readable: HasFileno) -> None:
        """No longer; call it before the thing is closed."""
        self._poller.unregister(readable)

    def send(self, peer: bytes, message: msgspec.Struct, buffers: Sequence[codec.Buffer] = ()) -> bool:
        """Queue a message without ever waiting; False when the peer is gone or its queue is full.

        Buffers are not copied: do not change them afterwards.
        """
        frames = [codec.encode(message), *buffers]
        codec.require_size(frames, self._config.max_message_bytes)
        return sockets.send(self._router, [peer, *frames])

    def wake(self) -> None:
        """Make `poll` return. Any thread."""
        self._waker.wake()

    def close(self, deadline_seconds: float) -> None:
        """Send what is queued within the deadline and release everything. Twice is harmless."""
        if self._context.closed:
            return
        self._router.close(sockets.milliseconds(deadline_seconds))
        if self._door:
            self._door.close()
        self._context.term()
        self._waker.close()

    def _read(self, peer: bytes, frames: list[memoryview]) -> Incoming | None:
        try:
            message, buffers = sockets.read(frames, self._config.max_message_bytes, self._dialect.decoder)
        except ProtocolError as error:
            version = codec.foreign_version(frames[0], self._dialect.version) if frames else None
            return self._refuse_version(peer, version) if version else self.reject(peer, error.cause)
        hello: Any = message if isinstance(message, self._dialect.hello) else None
        if hello is not None and hello.protocol_version != self._dialect.version:
            return self._refuse_version(peer, hello.protocol_version)
        return Incoming(peer, message, buffers)

    def reject(self, peer: bytes, cause: str) -> None:
        """Count a message as malformed and tell its sender; the connection stays."""
        self.malformed += 1
        if self.malformed & (self.malformed - 1) == 0:  # the 1st, 2nd, 4th, 8th...: a flood stays readable
            log.warning("malformed message, %d so far: %s", self.malformed, cause[: sockets.LONGEST_CAUSE])
        self.send(peer, Malformed(cause[: sockets.LONGEST_CAUSE]))

    def _refuse_version(self, peer: bytes, version: int) -> None:
        self._refused_versions += 1
        words = self._dialect
        spoken = f"the {words.client} speaks protocol version {version}"
        cause = f"{spoken}, the {words.server} version {words.version}"
        log.warning("refused: %s", cause)
        self.send(
            peer, Refuse("protocol_version", cause, "install the same release of HandsOn on both computers")
        )


def _require_keys(config: ListenerConfig, server: str) -> None:
    if config.keys is None and not is_loopback(config.bind):
        raise LinkError(
            _STAGE,
            f"other computers can reach {config.bind}, and there are no keys to tell them apart",
            f"run: handson keys make   and start the {server} with --keys {DEFAULT_DIRECTORY} "
            "(handson keys --help says how others get in)",
        )


def _cannot_bind(bind: str, error: zmq.ZMQError) -> LinkError:
    host, port = host_and_port(bind)
    if error.errno == errno.EADDRINUSE:
        free = bind.removesuffix(str(port)) + str(port + 1 if port < 65535 else port - 1)
        cure = f"stop what listens there (ss -ltnp 'sport = :{port}' names it), or use --bind {free}"
        return LinkError(_STAGE, f"port {port} of {host} is in use", cure)
    cure = "bind an address that this computer has, and a port above 1023"
    return LinkError(_STAGE, f"cannot listen on {bind}: {error.strerror}", cure)
