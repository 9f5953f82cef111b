"""What whole systems share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def program_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of compiled programs for the processes of all tests here."""
    return tmp_path_factory.mktemp("programs")
