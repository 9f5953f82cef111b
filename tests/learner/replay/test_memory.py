"""The budget line is what a process then uses."""

import subprocess
import sys

import pytest

from tests.conftest import Spawn


def test_a_full_store_takes_what_was_told(spawn: Spawn) -> None:
    process = spawn([sys.executable, "-m", "tests.learner.replay.filled_store"], stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=60)
    told, grown = map(int, output.split())
    assert told > 90e6
    assert grown == pytest.approx(told, rel=0.1)
