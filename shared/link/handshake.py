"""Why a connection was not let in, told from ZeroMQ's own events."""

import socket

import zmq
from zmq.utils.monitor import recv_monitor_message

from shared.errors import Refused
from shared.link.address import host_and_port
from shared.link.dialect import LEARNER, Dialect
from shared.link.keys import KeyPair, PublicKey
from shared.link.sockets import Socket

# One closed connection says little: the learner may just have ended. So many in a row, from a port
# that speaks ZeroMQ, mean that it cannot read what we send: its greeting then tells why.
CLOSED_IN_A_ROW = 3

_FAILED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_EVENTS = _FAILED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_SUCCEEDED
_STAGE = "link"

# ZMTP 3.1 (RFC 37): a greeting is signature, version, mechanism and filler. One that has read our version
# tells its mechanism; one that had read another mechanism than its own would hang up instead.
_SIGNATURE_AND_VERSION = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01"
_MECHANISM = slice(12, 32)
_GREETING_BYTES = 64


class HandshakeWatch:
    """Watches one DEALER, from before it connects; `check` raises `Refused` once the cause is certain."""

    def __init__(
        self, dealer: Socket, address: str, pair: KeyPair | None, dialect: Dialect = LEARNER
    ) -> None:
        self._server, self._client = dialect.server, dialect.client
        self._believe = (
            "run: handson keys trust HOST.key" if dialect is LEARNER else "name it as the server_key"
        )
        self._dealer = dealer
        self._address = address
        self._pair = pair
        self._closed = 0
        self.socket = dealer.get_monitor_socket(_EVENTS)

    def check(self) -> None:
        """Read what happened since the last time."""
        while self.socket.poll(0):
            message = recv_monitor_message(self.socket)
            event = message["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH and self._pair:
                raise self._unknown_key(self._pair.public)
            if message["value"] == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
                raise self._other_mechanism()
            self._closed = 0 if event == zmq.EVENT_HANDSHAKE_SUCCEEDED else self._closed + 1
            if self._pair and self._closed == CLOSED_IN_A_ROW:
                self._closed = 0
                self._require_our_mechanism(_mechanism(self._address))

    def explain(self) -> None:
        """At a deadline: raise `Refused` where only one end uses keys, as the other's greeting tells."""
        mechanism = _mechanism(self._address)
        if mechanism is not None and (mechanism == b"CURVE") != (self._pair is not None):
            raise self._other_mechanism()

    def close(self) -> None:
        """Stop watching."""
        self._dealer.disable_monitor()
        self.socket.close(0)

    def _require_our_mechanism(self, mechanism: bytes | None) -> None:
        """Whichever end hangs up first, the learner's greeting says which of the two causes it was."""
        if mechanism == b"CURVE":
            raise self._wrong_learner()
        if mechanism is not None:
            raise self._other_mechanism()

    def _unknown_key(self, key: PublicKey) -> Refused:
        return Refused(
            _STAGE,
            f"the {self._server} at {self._address} does not know the key of this host",
            f"on the {self._server}'s computer run: handson keys authorise {key.key.hex()} --host {key.host}",
        )

    def _wrong_learner(self) -> Refused:
        return Refused(
            _STAGE,
            f"the {self._server} at {self._address} has another key than the one that this host trusts",
            f"copy the {self._server}'s HOST.key here and {self._believe}",
        )

    def _other_mechanism(self) -> Refused:
        if self._pair:
            cause, cure = (
                f"uses no keys, and this {self._client} does",
                f"start the {self._server} with --keys, or this without",
            )
        else:
            cause = f"lets in only known keys, and this {self._client} was started without"
            cure = "run: handson keys make   and start with --keys (handson keys --help tells the whole way)"
        return Refused(_STAGE, f"the {self._server} at {self._address} {cause}", cure)


def _mechanism(address: str, timeout_seconds: float = 1.0) -> bytes | None:
    """The security mechanism that a learner greets with; None from a tunnel with nothing behind it."""
    try:
        with socket.create_connection(host_and_port(address), timeout_seconds) as probe:
            probe.settimeout(timeout_seconds)
            probe.sendall(_SIGNATURE_AND_VERSION)
            with probe.makefile("rb") as stream:
                greeting = stream.read(_GREETING_BYTES)
    except OSError:
        return None
    if len(greeting) < _GREETING_BYTES or greeting[0] != _SIGNATURE_AND_VERSION[0]:
        return None
    return greeting[_MECHANISM].rstrip(b"\0")
