"""What whole systems share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def program_cache() -> Path:
    """The directory of compiled programs that the processes of all tests share."""
    return Path(os.environ["HANDSON_CACHE"])
