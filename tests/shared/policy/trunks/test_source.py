"""Where weights come from: paths, and servers that are slow, wrong or gone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.policy.trunks import source
from shared.policy.trunks.source import DEADLINE_SECONDS, fetch
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import VisionConfig

CONTENT = bytes(range(256)) * 64


class Server(ThreadingHTTPServer):
    """`/weights` is whole, `/short` ends early, anything else is missing; counts what it was asked."""

    daemon_threads = False
    asked = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        name = self.path.partition("?")[0]
        if name not in ("/weights", "/short"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) + (name == "/short")))
        self.end_headers()
        self.wfile.write(CONTENT)
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_a_path(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(CONTENT)
    assert fetch(str(tmp_path / "w"), None) == (CONTENT, f"trunk weights {tmp_path / 'w'}")


def test_a_download_happens_once(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    url = f"{server.address}/weights?download=true"
    assert fetch(url, cache) == fetch(url, cache) == (CONTENT, f"trunk weights {url}")
    assert server.asked == 1
    (kept,) = cache.iterdir()
    assert kept.name.endswith("-weights")
    assert fetch(url, None)[0] == CONTENT
    assert server.asked == 2


def test_a_cache_that_cannot_be_written_is_no_failure(server: Server, tmp_path: Path, caplog) -> None:
    (tmp_path / "file").touch()
    assert fetch(f"{server.address}/weights", tmp_path / "file" / "cache")[0] == CONTENT
    assert "is not kept" in caplog.text


@pytest.mark.parametrize(("path", "cause"), [("/none", "404"), ("/short", "1 bytes early")])
def test_what_is_missing_or_short_is_not_kept(server: Server, tmp_path: Path, path: str, cause: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)trunk weights {server.address}{path}.*{cause}.*its path"):
        fetch(server.address + path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_gone(server: Server) -> None:
    with pytest.raises(ConfigError, match="cannot be downloaded"):
        fetch("http://127.0.0.1:9/weights", None)


def test_a_download_has_a_deadline(server: Server) -> None:
    class Slow(ManualClock):
        def now(self) -> float:
            self.advance(DEADLINE_SECONDS)
            return super().now()

    with pytest.raises(ConfigError, match="not done after 300 s"):
        fetch(f"{server.address}/weights", None, Slow())


def test_more_than_any_trunk_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 1000)
    (tmp_path / "w").write_bytes(CONTENT)
    for where in (f"{server.address}/weights", str(tmp_path / "w")):
        with pytest.raises(ConfigError, match="is larger than"):
            fetch(where, None)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/weights"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"neither a path nor an http\(s\) address"):
        fetch(url, None)


def test_a_download_that_is_no_weights_is_not_taken_from_the_cache_again(
    server: Server, tmp_path: Path
) -> None:
    for asked in (1, 2):
        with pytest.raises(ConfigError, match="like none of the formats"):
            load_trunk(VisionConfig(), f"{server.address}/weights", tmp_path)
        assert server.asked == asked
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_user_stays_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(CONTENT)
    with pytest.raises(ConfigError, match="like none of the formats"):
        load_trunk(VisionConfig(), str(tmp_path / "w"), tmp_path)
    assert (tmp_path / "w").exists()
