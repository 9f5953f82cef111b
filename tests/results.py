"""Figures of long runs, kept beside the pages that quote them: docs/results/<name>.json."""

import json
from collections.abc import Mapping
from pathlib import Path

from shared.version import code_version

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def record(name: str, figures: Mapping[str, object], settings: Mapping[str, object] | None = None) -> Path:
    """Write what was measured, by which code and with which settings; no dates, so that reruns compare.

    Args:
        name: of the file, without its ending.
        figures: what was measured; plain values for JSON.
        settings: what it was measured with.
    """
    content = {"code_version": code_version(), "settings": dict(settings or {}), "figures": dict(figures)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
