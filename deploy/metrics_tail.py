"""Reads a growing `metrics.jsonl`: each call returns the lines that were completed since the last one."""

import json
import logging
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

Line = dict[str, Any]


class MetricsTail:
    """Follows one file; a file that does not exist yet is an empty one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[Line]:
        """New complete lines, in order. A line still being written waits for the next call."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        return [line for text in complete.splitlines() if (line := _parse(text)) is not None]


def read_metrics(path: Path) -> list[Line]:
    """Every complete line of a finished file."""
    return MetricsTail(path).read()


def _parse(text: bytes) -> Line | None:
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        log.warning("a line of metrics is not a JSON object and is passed over: %.80r", text)
        return None
    return line
