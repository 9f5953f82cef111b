"""The numbers of the control thread on a wall clock: printed, and held to five times what the design asks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SLACK = 5.0


def lines_of(repository: Path, name: str) -> list[dict[str, float]]:
    """What `python -m tests.benchmarks NAME` prints, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", name]
    done = subprocess.run(command, cwd=repository, timeout=100, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.realtime
def test_choosing_an_action_leaves_the_period_alone(repository) -> None:
    selections = [line for line in lines_of(repository, "acting") if "limit_ms" in line]
    assert len(selections) >= 2
    for line in selections:
        assert line["p99_ms"] < SLACK * line["limit_ms"], line


@pytest.mark.realtime
def test_putting_a_step_never_waits(repository) -> None:
    puts = lines_of(repository, "put")
    assert len(puts) == 2
    for line in puts:
        assert line["p50_ms"] < SLACK * line["limit_p50_ms"], line
        assert line["p99_ms"] < SLACK * line["limit_p99_ms"], line
