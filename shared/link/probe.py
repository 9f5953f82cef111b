"""Probe: measures the way to a learner without joining it: no Hello is said, so no session begins."""

import time
from collections.abc import Callable

import zmq

from shared import codec
from shared.errors import LinkError
from shared.link import sockets
from shared.link.dialer import DialerConfig
from shared.link.handshake import HandshakeWatch
from shared.link.keys import KeyStore, read_public_key
from shared.protocol import Heartbeat

_STAGE = "link"
_LOOK_SECONDS = 0.05


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

    def ask(self, payload: codec.Buffer | None, deadline_seconds: float) -> float:
        """Seconds from a heartbeat with so much behind it to the answer.

        Raises:
            LinkError: no answer within the deadline.
            Refused: one end does not know the other's key.
        """
        began, deadline = time.monotonic(), time.monotonic() + deadline_seconds
        frames = [codec.encode(Heartbeat(began)), *([] if payload is None else [payload])]
        self._until(lambda: sockets.send(self._dealer, frames), deadline)
        self._until(lambda: sockets.receive(self._dealer) is not None, deadline)
        return time.monotonic() - began

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
