"""A network that can be made bad: a TCP proxy in user space, which needs no root and no kernel module.

with Network(("127.0.0.1", 5555)) as network:
    dial(network.address)
    network.stall()      # nothing passes, and every connection looks alive
    network.mend()
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from types import TracebackType

CHUNK_BYTES = 2**16
QUEUED_BYTES = 2**21
IDLE_SECONDS = 0.5
RESET = struct.pack("ii", 1, 0)  # closing then sends RST, as a peer that lost its power and came back does

Ends = tuple[socket.socket, socket.socket]


class _Flow:
    """One direction of one connection: what was read, and when it may be written."""

    def __init__(self, source: socket.socket, sink: socket.socket, upstream: bool) -> None:
        self.source, self.sink, self.upstream = source, sink, upstream
        self.queue: deque[tuple[float, memoryview]] = deque()
        self.queued_bytes = 0
        self.ended = False

    def take(self, due: float) -> bool:
        """Read what there is; False once the other end has closed."""
        try:
            data = self.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.queue.append((due, memoryview(data)))
        self.queued_bytes += len(data)
        return True

    def give(self, now: float) -> None:
        """Write what is due."""
        while self.queue and self.queue[0][0] <= now:
            due, data = self.queue.popleft()
            try:
                sent = self.sink.send(data)
            except BlockingIOError:
                sent = 0
            self.queued_bytes -= sent
            if sent < len(data):
                self.queue.appendleft((due, data[sent:]))
                return

    def lose(self) -> None:
        """Forget what is under way."""
        self.queue.clear()
        self.queued_bytes = 0


class Network:
    """Carries connections to one address. Every method may be called from any thread, and acts at once.

    Args:
        target: host and port of the server.

    Attributes:
        address: where clients dial, as tcp://HOST:PORT.
        connections: how many were made so far.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._flows: list[_Flow] = []
        self._delay_seconds = 0.0
        self._stalled = self._deaf = self._dark = False
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_out.setblocking(False)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="network")
        self._thread.start()

    def delay(self, seconds: float) -> None:
        """Every byte takes so much longer, each way."""
        self._set(_delay_seconds=seconds)

    def stall(self) -> None:
        """Nothing passes either way; connections stay, and new ones are accepted."""
        self._set(_stalled=True)

    def half_open(self) -> None:
        """What clients send is lost; what the server sends arrives."""
        self._set(_deaf=True)

    def cut(self) -> None:
        """Every connection is reset; new ones work."""
        with self._lock:
            self._reset()
        self._wake()

    def go_dark(self) -> None:
        """Every connection is reset, and new ones are too."""
        with self._lock:
            self._dark = True
            self._reset()
        self._wake()

    def mend(self) -> None:
        """No fault from now on. A connection that lost bytes is of no use any more, so it is reset."""
        with self._lock:
            if self._deaf:
                self._reset()
            self._delay_seconds = 0.0
            self._stalled = self._deaf = self._dark = False
        self._wake()

    def close(self) -> None:
        """End every connection and the thread. Twice is harmless."""
        if self._closing:
            return
        self._closing = True
        self._wake()
        self._thread.join()
        with self._lock:
            self._reset()
        for end in (self._server, self._wake_in, self._wake_out):
            end.close()

    def __enter__(self) -> "Network":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _set(self, **changes: object) -> None:
        with self._lock:
            for name, value in changes.items():
                setattr(self, name, value)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_in.send(b"!")

    def _run(self) -> None:
        while not self._closing:
            with self._lock:
                self._give()
                selector, timeout = self._interests(), self._timeout()
            with selector:
                ready = {key.fileobj for key, _ in selector.select(timeout)}
            if self._wake_out in ready:
                self._wake_out.recv(CHUNK_BYTES)
            with self._lock:
                if self._server in ready:
                    self._accept()
                for flow in [flow for flow in self._flows if flow.source in ready]:
                    self._take(flow)

    def _interests(self) -> selectors.BaseSelector:
        selector = selectors.DefaultSelector()
        selector.register(self._server, selectors.EVENT_READ)
        selector.register(self._wake_out, selectors.EVENT_READ)
        blocked = {flow.sink for flow in self._flows if self._due(flow)}
        for flow in self._flows:
            events = selectors.EVENT_WRITE if flow.source in blocked else 0
            if not self._stalled and not flow.ended and flow.queued_bytes < QUEUED_BYTES:
                events |= selectors.EVENT_READ
            if events:
                selector.register(flow.source, events)
        return selector

    def _due(self, flow: _Flow) -> bool:
        return bool(flow.queue) and not self._stalled and flow.queue[0][0] <= time.monotonic()

    def _timeout(self) -> float:
        if self._stalled:
            return IDLE_SECONDS
        waits = [flow.queue[0][0] - time.monotonic() for flow in self._flows if flow.queue]
        return max(0.0, min([IDLE_SECONDS, *(wait for wait in waits if wait > 0)]))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client = self._server.accept()[0]
            try:
                if self._dark:
                    raise ConnectionRefusedError
                server = socket.create_connection(self._target, 1.0)
            except OSError:
                _reset(client)
                return
            self.connections += 1
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._flows += [_Flow(client, server, True), _Flow(server, client, False)]

    def _take(self, flow: _Flow) -> None:
        try:
            flow.ended = not flow.take(time.monotonic() + self._delay_seconds)
        except OSError:
            self._end({flow.source, flow.sink})
            return
        if self._deaf and flow.upstream:
            flow.lose()
        if flow.ended and not flow.queue:
            self._end({flow.source, flow.sink})

    def _give(self) -> None:
        for flow in [] if self._stalled else list(self._flows):
            try:
                flow.give(time.monotonic())
            except OSError:
                self._end({flow.source, flow.sink})
            if flow.ended and not flow.queue:
                self._end({flow.source, flow.sink})

    def _end(self, ends: set[socket.socket]) -> None:
        self._flows = [flow for flow in self._flows if flow.source not in ends]
        for end in ends:
            end.close()

    def _reset(self) -> None:
        for flow in self._flows:
            _reset(flow.source)
        self._flows.clear()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.close()
