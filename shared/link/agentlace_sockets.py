"""The four sockets of agentlace: whole frames in and out, without a word about what is in them.

agentlace has no keys and no encryption: whoever reaches the two ports takes part. Loopback, unless forced.
"""

import errno
import threading
from typing import NamedTuple

import zmq

from shared.errors import LinkError
from shared.link import sockets
from shared.link.address import bindable, is_loopback, require_address
from shared.link.waker import Waker

STAGE = "agentlace"


class Request(NamedTuple):
    """One frame, and the connection that it came by and that waits for a reply."""

    peer: bytes
    frame: memoryview


class AgentlaceServerSockets:
    """The port for requests and the port that broadcasts. Owned by one thread; `wake` may be called by any.

    Requests are taken by a ROUTER that speaks REP's envelope, so that each connection has a name and a peer
    that went away holds up nobody.

    Args:
        bind: host to listen on, such as 127.0.0.1.
        ports: of requests and of broadcasts; 0 is any free one.
        force: whether others than this computer may connect, without keys.
        max_message_bytes: a larger frame cuts its connection.

    Attributes:
        ports: the real ones.

    Raises:
        LinkError: a port is in use, or others could reach it and that is not forced.
    """

    def __init__(self, bind: str, ports: tuple[int, int], *, force: bool, max_message_bytes: int) -> None:
        addresses = [f"tcp://{bind}:{port}" for port in ports]
        for address in addresses:
            require_address(address, STAGE, port_zero=True)
            _require_loopback(address, force)
        self._waker = Waker()
        self._context = sockets.new_context()
        self._requests = self._context.socket(zmq.ROUTER)
        self._broadcasts = self._context.socket(zmq.PUB)
        try:
            sockets.configure(self._requests, addresses[0], max_message_bytes)
            sockets.configure(self._broadcasts, addresses[1], max_message_bytes)
            self._broadcasts.conflate = True  # whoever is slow gets the newest
            self._requests.bind(bindable(addresses[0]))
            self._broadcasts.bind(bindable(addresses[1]))
        except zmq.ZMQError as error:
            self.close()
            raise _cannot_bind(addresses, error) from None
        self.ports = (_port(self._requests), _port(self._broadcasts))
        self._poller = zmq.Poller()
        self._poller.register(self._requests, zmq.POLLIN)
        self._poller.register(self._waker, zmq.POLLIN)

    def poll(self, timeout_seconds: float) -> list[Request]:
        """Wait for requests, a wake or the end of the time, and return at most `BATCH` requests."""
        self._poller.poll(sockets.milliseconds(timeout_seconds))
        self._waker.clear()
        requests: list[Request] = []
        for _ in range(sockets.BATCH):
            frames = sockets.receive(self._requests)
            if frames is None:
                break
            if len(frames) == 3 and not frames[1]:  # the envelope of a REQ; anything else is not one
                requests.append(Request(bytes(frames[0]), frames[2]))
        return requests

    def reply(self, peer: bytes, frame: bytes) -> None:
        """Answer a request; dropped where the peer is gone."""
        sockets.send(self._requests, [peer, b"", frame])

    def broadcast(self, frame: bytes) -> None:
        """Send to all that listen; a frame that one has not taken yet is replaced by this one."""
        sockets.send(self._broadcasts, [frame])

    def wake(self) -> None:
        """Make `poll` return. Any thread."""
        self._waker.wake()

    def close(self) -> None:
        """Release the ports. Twice is harmless."""
        if self._context.closed:
            return
        self._requests.close(0)
        self._broadcasts.close(0)
        self._context.term()
        self._waker.close()


class AgentlaceClientSockets:
    """A REQ and a SUB. `request` belongs to one thread at a time, `newest` to another.

    Args:
        host: of the learner.
        ports: of requests and of broadcasts.
        max_message_bytes: a larger frame cuts the connection.
    """

    def __init__(self, host: str, ports: tuple[int, int], max_message_bytes: int) -> None:
        self._address = f"tcp://{host}:{ports[0]}"
        require_address(self._address, STAGE)
        require_address(broadcasts := f"tcp://{host}:{ports[1]}", STAGE)
        self._max_message_bytes = max_message_bytes
        self._context = sockets.new_context()
        self._requests: sockets.Socket | None = None
        self._lock = threading.Lock()
        self._broadcasts = self._context.socket(zmq.SUB)
        sockets.configure(self._broadcasts, broadcasts, max_message_bytes)
        self._broadcasts.conflate = True  # has an effect only before the connection
        self._broadcasts.connect(broadcasts)
        self._broadcasts.subscribe(b"")

    def request(self, frame: bytes, timeout_seconds: float) -> memoryview:
        """Send one frame and wait for its reply.

        Raises:
            LinkError: none came in time; the connection is made anew, so a late one confuses nothing.
        """
        with self._lock:
            if self._requests is None:
                self._requests = self._context.socket(zmq.REQ)
                sockets.configure(self._requests, self._address, self._max_message_bytes)
                self._requests.connect(self._address)
            self._requests.send(frame, copy=False)
            if self._requests.poll(sockets.milliseconds(timeout_seconds)):
                return self._requests.recv(copy=False).buffer
            self._requests.close(0)
            self._requests = None
        raise LinkError(
            STAGE,
            f"no answer from {self._address} within {timeout_seconds:g} s",
            "start the learner, or name its host and ports as it prints them",
        )

    def newest(self, timeout_seconds: float) -> memoryview | None:
        """The newest broadcast that was not taken yet; None when none comes in time."""
        if not self._broadcasts.poll(sockets.milliseconds(timeout_seconds)):
            return None
        return self._broadcasts.recv(copy=False).buffer

    def close(self) -> None:
        """Release everything; call it when no other thread uses it any more. Twice is harmless."""
        if self._context.closed:
            return
        if self._requests is not None:
            self._requests.close(0)
        self._broadcasts.close(0)
        self._context.term()


def _require_loopback(address: str, force: bool) -> None:
    if not force and not is_loopback(address):
        raise LinkError(
            STAGE,
            f"other computers can reach {address}, and agentlace has no keys to tell them apart",
            "bind 127.0.0.1 and let actors come through ssh -L, or accept anybody by --agentlace-force",
        )


def _cannot_bind(addresses: list[str], error: zmq.ZMQError) -> LinkError:
    if error.errno == errno.EADDRINUSE:
        cause = f"a port of {' and '.join(addresses)} is in use"
        return LinkError(STAGE, cause, "stop what listens there (ss -ltnp names it), or choose other ports")
    return LinkError(
        STAGE, f"cannot listen on {addresses}: {error.strerror}", "bind an address that there is"
    )


def _port(socket: sockets.Socket) -> int:
    return int(socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
