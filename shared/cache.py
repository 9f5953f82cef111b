"""Where what can be made or fetched again is kept between lives of a process."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """HANDSON_CACHE, else `handson` below XDG_CACHE_HOME or ~/.cache."""
    if chosen := os.environ.get("HANDSON_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handson"


def trunk_directory() -> Path:
    """Where frozen trunks lie, by digest; see `shared.policy.trunks.trunk_file`."""
    return cache_directory() / "trunks"
