"""Probe: measures the way to a learner without joining it: no Hello is said, so no session begins."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import zmq

from shared import codec
from shared.errors import LinkError, ProtocolError
from shared.link import sockets
from shared.link.dialer import DialerConfig
from shared.link.handshake import HandshakeWatch
from shared.link.keys import KeyStore, read_public_key
from shared.protocol import Heartbeat, Unknown

_STAGE = "link"
_LOOK_SECONDS = 0.05


Buffers = Sequence[codec.Buffer]


class Trip(NamedTuple):
    """Seconds there and back, and how far their wall clock is ahead of ours; None where they do not tell.

    The second is wrong by half of the first at most.
    """

    seconds: float
    wall_offset_seconds: float | None


class Probe:
    """One connection to a learner, which answers a stranger's heartbeat with a word: `Unknown`.

    Args:
        config: where to, and with which keys.

    Raises:
        ConfigError: a key is missing.
    """

    def __init__(self, config: DialerConfig) -> None:
        self._config = config
        store = KeyStore(config.keys) if config.keys else None
        pair = store.own() if store else None
        self._context = sockets.new_context()
        self._dealer = self._context.socket(zmq.DEALER)
        self._watch = HandshakeWatch(self._dealer, config.connect, pair)
        sockets.configure(self._dealer, config.connect, config.max_message_bytes)
        if store and pair:
            trusted = read_public_key(config.learner_key) if config.learner_key else store.trusted()
            self._dealer.curve_publickey, self._dealer.curve_secretkey = pair.public.key, pair.secret
            self._dealer.curve_serverkey = trusted.key
        self._dealer.connect(config.connect)

    def ask(self, payload: codec.Buffer | None, deadline_seconds: float) -> Trip:
        """There and back: a heartbeat with so much behind it, and the answer.

        Raises:
            LinkError: no answer within the deadline.
            Refused: one end does not know the other's key.
        """
        wall, began = time.time(), time.monotonic()
        frames = [codec.encode(Heartbeat(began)), *([] if payload is None else [payload])]
        answer: list[Buffers] = []
        self._until(lambda: sockets.send(self._dealer, frames), began + deadline_seconds)
        self._until(lambda: self._answered(answer), began + deadline_seconds)
        seconds = time.monotonic() - began
        theirs = _wall_seconds(answer[0])
        return Trip(seconds, None if theirs is None else theirs - (wall + seconds / 2.0))

    def _answered(self, answer: "list[Buffers]") -> bool:
        frames = sockets.receive(self._dealer)
        answer += [] if frames is None else [frames]
        return frames is not None

    def close(self) -> None:
        """Give the connection up. Twice is harmless."""
        if not self._context.closed:
            self._watch.close()
            self._dealer.close(0)
            self._context.term()

    def _until(self, done: Callable[[], bool], deadline: float) -> None:
        while not done():
            self._watch.check()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self._watch.explain()
                raise LinkError(
                    _STAGE,
                    f"no learner answers at {self._config.connect}",
                    "start it there, and see that no firewall closes its port: "
                    "handson learner --bind tcp://0.0.0.0:PORT --keys DIR",
                )
            self._dealer.poll(sockets.milliseconds(min(_LOOK_SECONDS, remaining)))


def _wall_seconds(frames: Buffers) -> float | None:
    try:
        message = codec.decode(frames[0])
    except ProtocolError:
        return None
    return message.wall_seconds if isinstance(message, Unknown) else None
