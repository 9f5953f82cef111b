"""Why a connection was not let in, told from ZeroMQ's own events."""

import socket

import zmq
from zmq.utils.monitor import recv_monitor_message

from shared.errors import Refused
from shared.link.address import host_and_port
from shared.link.keys import KeyPair, PublicKey
from shared.link.sockets import Socket

# One closed connection says little: the learner may just have ended. So many in a row, from a port
# that speaks ZeroMQ, mean that it cannot read what we encrypt: its key is not the one that we trust.
CLOSED_IN_A_ROW = 3

_FAILED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_EVENTS = _FAILED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_SUCCEEDED
_STAGE = "link"


class HandshakeWatch:
    """Watches one DEALER, from before it connects; `check` raises `Refused` once the cause is certain."""

    def __init__(self, dealer: Socket, address: str, pair: KeyPair | None) -> None:
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
                if _speaks_zeromq(self._address):
                    raise self._wrong_learner()

    def close(self) -> None:
        """Stop watching."""
        self._dealer.disable_monitor()
        self.socket.close(0)

    def _unknown_key(self, key: PublicKey) -> Refused:
        return Refused(
            _STAGE,
            f"the learner at {self._address} does not know the key of this host",
            f"on the learner's computer run: handson keys authorise {key.key.hex()} --host {key.host}",
        )

    def _wrong_learner(self) -> Refused:
        return Refused(
            _STAGE,
            f"the learner at {self._address} has another key than the one that this host trusts",
            "copy the learner's HOST.key here and run: handson keys trust HOST.key",
        )

    def _other_mechanism(self) -> Refused:
        if self._pair:
            cause, cure = (
                "uses no keys, and this actor does",
                "start the learner with --keys, or this without",
            )
        else:
            cause = "lets in only known keys, and this actor was started without"
            cure = "run: handson keys make   and start with --keys (handson keys --help tells the whole way)"
        return Refused(_STAGE, f"the learner at {self._address} {cause}", cure)


def _speaks_zeromq(address: str, timeout_seconds: float = 1.0) -> bool:
    """Whether a ZMTP greeting comes from the port; a tunnel with nothing behind it sends none."""
    try:
        with socket.create_connection(host_and_port(address), timeout_seconds) as probe:
            probe.settimeout(timeout_seconds)
            return probe.recv(1) == b"\xff"
    except OSError:
        return False
