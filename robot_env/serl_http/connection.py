"""One HTTP connection that is kept, asked by POST, and never waited for longer than its deadline.

Proxies of the environment are for the internet: a robot server is reached directly.
"""

import http.client
import io
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from shared.clock import Clock
from shared.errors import ConfigError, RobotFault

STAGE = "serl_http"
LARGEST_ANSWER = 1 << 16
LONGEST_TEXT = 200


def require_url(url: str) -> tuple[str, int, str]:
    """Host, port and path of http://HOST:PORT/; ConfigError where it is none."""
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "http" or not parts.hostname or not port or parts.query or parts.username:
        raise ConfigError(
            STAGE, f"{url!r} is no address", "write http://HOST:PORT/, as in http://127.0.0.1:5000/"
        )
    return parts.hostname, port, parts.path.rstrip("/")


class Connection:
    """Any thread may ask; one at a time is answered.

    Args:
        url: http://HOST:PORT/.
        timeout_seconds: for connecting, sending and the whole answer together.
        clock: monotonic seconds.
    """

    def __init__(self, url: str, timeout_seconds: float, clock: Clock) -> None:
        self._host, self._port, self._path = require_url(url)
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._connection: _Bounded | None = None
        self._lock = threading.Lock()

    def ask(self, route: str, body: object = None, *, timeout_seconds: float | None = None) -> str:
        """The text that a route answers.

        Raises:
            RobotFault: no answer in time, or one that says that it failed.
        """
        seconds = timeout_seconds or self._timeout_seconds
        deadline = self._clock.now() + seconds
        try:
            with self._lock:
                status, text = self._exchange(route, body, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            kind = type(error).__name__
            raise self._fault(route, f"no answer within {seconds:g} s ({kind}: {error})") from None
        if status != 200:
            raise self._fault(route, f"answered {status}: {text[:LONGEST_TEXT]!r}")
        return text

    def ask_json(self, route: str) -> dict[str, Any]:
        """The object that a route answers; RobotFault where it is none."""
        text = self.ask(route)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._fault(route, f"answered {text[:LONGEST_TEXT]!r}, not a JSON object")
        return answer

    def tell(self, route: str, body: object, expected: str, *, timeout_seconds: float | None = None) -> None:
        """Ask a route whose answer is known; RobotFault where it is another."""
        text = self.ask(route, body, timeout_seconds=timeout_seconds)
        if text.strip() != expected:
            raise self._fault(route, f"answered {text[:LONGEST_TEXT]!r} instead of {expected!r}")

    def close(self) -> None:
        """Hang up; the next question dials anew."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _exchange(self, route: str, body: object, deadline: float) -> tuple[int, str]:
        kept = self._connection is not None and self._connection.sock is not None
        try:
            return self._once(route, body, deadline)
        except (http.client.RemoteDisconnected, ConnectionError):
            if not kept:
                raise
            # The server hung up between two questions, as it may: ask again on a new connection, once.
            assert self._connection is not None
            self._connection.close()
            return self._once(route, body, deadline)

    def _once(self, route: str, body: object, deadline: float) -> tuple[int, str]:
        if self._connection is None:
            self._connection = _Bounded(self._host, self._port, self._clock)
        connection = self._connection
        connection.deadline = deadline
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {"Content-Length": "0"}
        connection.request("POST", f"{self._path}/{route}", data, headers)
        response = connection.getresponse()
        text = response.read(LARGEST_ANSWER + 1)
        if len(text) > LARGEST_ANSWER:
            raise ValueError(f"an answer of more than {LARGEST_ANSWER} bytes")
        if response.length:
            raise http.client.IncompleteRead(text, response.length)
        return response.status, text.decode("utf-8", "replace")

    def _fault(self, route: str, cause: str) -> RobotFault:
        where = f"http://{self._host}:{self._port}{self._path}/{route}"
        return RobotFault(
            STAGE, f"{where} {cause}", "look at the robot server's terminal; restart it if it hangs"
        )


class _Bounded(http.client.HTTPConnection):
    """A connection of which every wait ends at the deadline, however slowly bytes trickle in."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        super().__init__(host, port)
        self.deadline = 0.0
        self._clock = clock

    def left(self) -> float:
        """Seconds; TimeoutError when none are."""
        left = self.deadline - self._clock.now()
        if left <= 0:
            raise TimeoutError("out of time")
        return left

    def connect(self) -> None:
        """Dial, and read and write through what keeps the deadline."""
        self.timeout = self.left()
        super().connect()
        self.sock = _Socket(self.sock, self)  # pyright: ignore[reportAttributeAccessIssue]


class _Socket:
    """What http.client asks of a socket."""

    def __init__(self, plain: socket.socket, owner: _Bounded) -> None:
        self._plain = plain
        self._owner = owner

    def sendall(self, data: bytes) -> None:
        self._plain.settimeout(self._owner.left())
        self._plain.sendall(data)

    def makefile(self, mode: str, *_: object) -> io.BufferedReader:
        del mode
        return io.BufferedReader(_Incoming(self._plain, self._owner))

    def close(self) -> None:
        self._plain.close()


class _Incoming(io.RawIOBase):
    """Holds the socket open until it is closed itself, as http.client expects of what `makefile` gives."""

    def __init__(self, plain: socket.socket, owner: _Bounded) -> None:
        self._plain = plain
        self._stream = plain.makefile("rb", buffering=0)
        self._owner = owner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._plain.settimeout(self._owner.left())
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()
