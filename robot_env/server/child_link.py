"""The robot's messages over a pair of Unix sockets: whole messages, and nobody ever waits for the other."""

import socket
from typing import Any

import msgspec

from shared import codec
from shared.errors import ProtocolError
from shared.robot_protocol import ROBOT

LARGEST_BYTES = 1 << 16
MOST_AT_ONCE = 256


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class ChildLink:
    """One end. A message that the other end does not take is dropped: the next tells more.

    Attributes:
        open: until the other end is closed, or its process has ended.
    """

    def __init__(self, pair: socket.socket) -> None:
        self._socket = pair
        pair.setblocking(False)
        self.open = True

    def fileno(self) -> int:
        """What to poll for input."""
        return self._socket.fileno()

    def send(self, message: msgspec.Struct) -> bool:
        """Hand over a message; False when it was dropped."""
        try:
            self._socket.send(codec.encode(message))
        except BlockingIOError:
            return False
        except OSError:
            self.open = False
            return False
        return True

    def receive(self) -> list[Any]:
        """What has come, oldest first; never waits."""
        messages: list[Any] = []
        while len(messages) < MOST_AT_ONCE:
            try:
                frame = self._socket.recv(LARGEST_BYTES)
            except BlockingIOError:
                break
            except OSError:
                frame = b""
            if not frame:
                self.open = False
                break
            try:
                messages.append(codec.decode_with(ROBOT.decoder, frame))
            except ProtocolError:
                continue  # both ends are of one installation: only a dying process writes such
        return messages

    def close(self) -> None:
        """Harmless twice."""
        self.open = False
        self._socket.close()
