"""An HTTP server of POSTs for this computer: bounded bodies, bounded waits, and no word to a web page."""

import errno
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.errors import LinkError

log = logging.getLogger(__name__)

STAGE = "serl facade"
LARGEST_BODY = 1 << 16
IDLE_SECONDS = 30.0
POLL_SECONDS = 0.05
CLOSE_SECONDS = 5.0
MOST_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, and a text or an object that becomes JSON."""

    status: int
    content: str | dict[str, Any]


Respond = Callable[[str, Any], Answer]


class Posts:
    """Serves from construction to `close`, each connection in a thread of its own.

    Args:
        port: to listen on; 0 is any free one.
        respond: called with the route and the decoded body (None without one), in any thread.

    Attributes:
        port: the real one.

    Raises:
        LinkError: the port is in use.
    """

    def __init__(self, port: int, respond: Respond) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _handler(respond))
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            cause = f"port {port} is in use" if used else f"cannot listen on port {port}: {error.strerror}"
            cure = f"stop what listens there (ss -ltnp 'sport = :{port}' names it), or choose another port"
            raise LinkError(STAGE, cause, cure) from None
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and hang up. Twice is harmless."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(CLOSE_SECONDS)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for it, unless there are too many."""
        with self._lock:
            full = len(self._open) >= MOST_CONNECTIONS
            if not full:
                self._open.add(request)
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """It is over."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Hang up on everybody, too."""
        super().server_close()
        with self._lock:
            for request in self._open:
                try:
                    request.shutdown(2)
                except OSError:
                    pass  # it has hung up itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection broke; the others do not care."""
        log.debug("a connection ended by an error", exc_info=True)


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        timeout = IDLE_SECONDS

        def do_POST(self) -> None:
            refused = self._refusal()
            if refused is not None:
                self.close_connection = True  # its body was not read
                self._say(refused)
                return
            try:
                body = self._body()
            except (ValueError, RecursionError) as error:
                self._say(Answer(400, f"the body is no JSON: {error}"[:200]))
                return
            self._say(respond(self.path.partition("?")[0].strip("/"), body))

        def do_GET(self) -> None:
            self.close_connection = True
            self._say(Answer(405, "only POST is understood"))

        do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
            log.debug(format, *args)

        def _refusal(self) -> Answer | None:
            if self.headers.get("Origin") is not None:
                return Answer(403, "a web page may not move a robot")
            if self.headers.get("Transfer-Encoding") is not None:
                return Answer(411, "send a Content-Length")
            length = self.headers.get("Content-Length", "0")
            if not (length.isascii() and length.isdigit()):
                return Answer(400, "the Content-Length is no number")
            if len(length) > 9 or int(length) > LARGEST_BODY:
                return Answer(413, f"a body of more than {LARGEST_BODY} bytes")
            return None

        def _body(self) -> Any:
            data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return json.loads(data) if data else None

        def _say(self, answer: Answer) -> None:
            plain = isinstance(answer.content, str)
            text = answer.content if plain else json.dumps(answer.content, separators=(",", ":")) + "\n"
            data = str(text).encode()
            self.send_response(answer.status)
            kind = "text/html; charset=utf-8" if plain else "application/json"
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(data)))):
                self.send_header(name, value)
            if answer.status == 405:
                self.send_header("Allow", "POST, OPTIONS")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            self.wfile.flush()

    return Handler
