"""Who may connect: the allow-list of public keys, asked by ZeroMQ for each CURVE handshake (RFC 27, ZAP)."""

import logging

import zmq

from shared.link.keys import KeyStore

log = logging.getLogger(__name__)

DOMAIN = b"handson"
_ADDRESS = "inproc://zeromq.zap.01"


class Door:
    """Answers in the thread that polls the listener, so nothing runs beside it.

    The allow-list is read at each handshake: a host that was just authorised needs no restart of the learner.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyStore) -> None:
        self._keys = keys
        self.refused = 0
        self._last_refused = b""
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(_ADDRESS)

    def answer(self) -> None:
        """Decide on every handshake that waits."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            # Routing and an empty frame, then version, request id, domain, address, identity, mechanism, key.
            split = frames.index(b"") + 1
            envelope, request = frames[:split], frames[split:]
            status, text, user = self._decide(request)
            self.socket.send_multipart([*envelope, request[0], request[1], status, text, user, b""])

    def _decide(self, request: list[bytes]) -> tuple[bytes, bytes, bytes]:
        address, mechanism, key = request[3].decode(errors="replace"), request[5], request[-1]
        host = self._host_of(key) if mechanism == b"CURVE" else None
        if host is not None:
            return b"200", b"welcome", host.encode()
        self.refused += 1
        if key != self._last_refused:  # both channels of an actor come, one after the other
            self._last_refused = key
            log.warning(
                "refused a computer at %s whose key is not authorised; to let it in: "
                "handson keys authorise %s --host NAME --directory %s",
                address,
                key.hex(),
                self._keys.directory,
            )
        return b"400", b"unknown key", b""

    def _host_of(self, key: bytes) -> str | None:
        return next((known.host for known in self._keys.authorised() if known.key == key), None)

    def close(self) -> None:
        """Stop deciding; ZeroMQ lets nobody in from here on."""
        self.socket.close(0)
