"""Lets any thread end the wait of the thread that owns a socket."""

import socket
import threading


class Waker:
    """A pair of connected sockets; the reading end takes part in the owner's poll."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._lock = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """What to poll for input."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Make the poll return; wakes that come before the poll are not lost. Harmless after `close`."""
        with self._lock:
            if not self._closed:
                try:
                    self._writer.send(b"\0")
                except BlockingIOError:
                    pass  # thousands of wakes wait already

    def clear(self) -> None:
        """Forget the wakes so far. The owner's thread only."""
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Release both sockets. Twice is harmless."""
        with self._lock:
            self._closed = True
            self._reader.close()
            self._writer.close()
