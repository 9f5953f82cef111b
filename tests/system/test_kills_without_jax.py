"""Every step of which `put` returned is stored once and in order, however often either process is killed."""

import json
import subprocess
import sys

import pytest

from tests import results


def survive(repository, kills: int, seconds: float) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.system.kills_without_jax", "--kills", str(kills)]
    done = subprocess.run(
        command, cwd=repository, timeout=seconds, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    print(done.stdout)
    assert counts["kills"] == kills
    assert counts["produced"] == counts["received"] == counts["durable"] > 0
    assert counts["lost"] == 0
    return counts


def test_three_kills(repository):
    survive(repository, 3, 60.0)


@pytest.mark.acceptance
def test_a_thousand_kills(repository):
    results.record("kills-without-jax", survive(repository, 1000, 3600.0))
