"""What both ends of the link do alike with a ZeroMQ socket."""

import threading
from collections.abc import Sequence
from typing import TypeVar

import msgspec
import zmq
from zmq.utils.garbage import gc as buffer_keeper

from shared import codec
from shared.link.address import is_ipv6

T = TypeVar("T")
Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]

QUEUED_MESSAGES = 64
BATCH = 64
LONGEST_CAUSE = 1000
RECONNECT_MS, RECONNECT_MAX_MS = 100, 1000
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 5, 2, 3
# A single frame beyond this cuts the connection, before it takes memory; below it, the peer is told.
HARD_LIMIT = 2

_keeper_lock = threading.Lock()


def new_context(io_threads: int = 1) -> Context:
    """A context, and under a name the thread in which pyzmq lets go of sent buffers: one a process."""
    with _keeper_lock:
        if not buffer_keeper.is_alive():
            buffer_keeper.start()
            if buffer_keeper.thread is not None:
                buffer_keeper.thread.name = "pyzmq-buffers"
    return zmq.Context(io_threads=io_threads)


def configure(socket: Socket, address: str, max_message_bytes: int) -> None:
    """Bound queues and frame sizes, notice dead connections, and drop what is unsent when closed."""
    socket.sndhwm = socket.rcvhwm = QUEUED_MESSAGES
    socket.maxmsgsize = HARD_LIMIT * max_message_bytes
    socket.linger = 0
    socket.ipv6 = is_ipv6(address)
    socket.reconnect_ivl, socket.reconnect_ivl_max = RECONNECT_MS, RECONNECT_MAX_MS
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = KEEPALIVE_IDLE_S
    socket.tcp_keepalive_intvl = KEEPALIVE_INTERVAL_S
    socket.tcp_keepalive_cnt = KEEPALIVE_PROBES


def send(socket: Socket, frames: Sequence[codec.Buffer]) -> bool:
    """Hand over a whole message, large frames uncopied; False when it would wait, or nobody is there."""
    try:
        socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
    except zmq.Again:
        return False
    except zmq.ZMQError as error:
        if error.errno == zmq.EHOSTUNREACH:
            return False
        raise
    return True


def receive(socket: Socket) -> list[memoryview] | None:
    """The frames of one whole message, without a copy; None when none waits."""
    try:
        return [frame.buffer for frame in socket.recv_multipart(zmq.NOBLOCK, copy=False)]
    except zmq.Again:
        return None


def read(
    frames: list[memoryview], max_message_bytes: int, decoder: "msgspec.msgpack.Decoder[T]"
) -> tuple[T, list[memoryview]]:
    """A message and its buffers; ProtocolError when the frames are not one."""
    codec.require_size(frames, max_message_bytes)
    return codec.decode_with(decoder, frames[0]), frames[1:]


def milliseconds(seconds: float) -> int:
    """A wait as ZeroMQ wants it: rounded up, never negative."""
    return max(0, int(seconds * 1000 + 0.999))
