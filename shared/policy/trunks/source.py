"""The bytes of a weights file: from a path, or once from a URL, within a size and a deadline."""

import hashlib
import http.client
import logging
import os
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from shared.clock import Clock, SystemClock
from shared.errors import ConfigError

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 28
ANSWER_SECONDS = 20.0
"""Longest silence of a server."""
DEADLINE_SECONDS = 300.0
"""Longest download."""
_CHUNK_BYTES = 1 << 20


def fetch(source: str, cache: Path | None, clock: Clock | None = None) -> tuple[bytes, str]:
    """The bytes behind a path or an http(s) URL, and how errors name them.

    Args:
        source: path or URL.
        cache: directory where a download stays, under a name that follows from the URL; None to keep none.
        clock: tells when the deadline of a download has passed.

    Raises:
        ConfigError: it cannot be had, or is larger than any trunk.
    """
    if "://" not in source:
        return _read(Path(source).expanduser()), f"trunk weights {source}"
    stage = f"trunk weights {source}"
    if urlsplit(source).scheme not in ("http", "https"):
        raise ConfigError(stage, "is neither a path nor an http(s) address", "give one of these")
    kept = None if cache is None else cache / _file_name(source)
    if kept is not None and kept.exists():
        return _read(kept), stage
    data = _download(source, stage, clock or SystemClock())
    if kept is not None:
        _keep(data, kept)
    return data, stage


def forget(source: str, cache: Path | None) -> None:
    """Download it anew the next time: what came was no use, such as the page of a network's login."""
    if cache is not None and "://" in source:
        (cache / _file_name(source)).unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    stage = f"trunk weights {path}"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(stage, f"cannot be read: {error.strerror}", "name an existing file") from None
    _bounded(data, stage)
    return data


def _download(url: str, stage: str, clock: Clock) -> bytes:
    deadline = clock.now() + DEADLINE_SECONDS
    data = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            while chunk := answer.read1(_CHUNK_BYTES):
                data += chunk
                _bounded(data, stage)
                if clock.now() >= deadline:
                    raise TimeoutError(f"not done after {DEADLINE_SECONDS:g} s, {len(data)} bytes")
            if answer.length:
                raise ConnectionError(f"it ended {answer.length} bytes early")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConfigError(
            stage, f"cannot be downloaded: {error}", "download it by other means and give its path"
        ) from None
    return bytes(data)


def _bounded(data: bytes | bytearray, stage: str) -> None:
    if len(data) > MAX_BYTES:
        raise ConfigError(stage, f"is larger than {MAX_BYTES >> 20} MB", "give the weights of a trunk alone")


def _file_name(url: str) -> str:
    name = Path(urlsplit(url).path).name or "weights"
    return f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}"


def _keep(data: bytes, path: Path) -> None:
    """Under its name only when whole; a cache that cannot be written costs another download, no more."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the download is not kept in %s: %s", path.parent, error)
