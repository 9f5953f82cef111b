"""However often learner and actor are killed while they train, each step is stored and counted once."""

import json
import subprocess
import sys

import pytest

from tests import results
from tests.system import full_system, small

SEED = 1
"""Who is killed and after how many steps; the exact moment is the computer's."""


def survive(repository, kills: int, cache, seconds: float, *more: str) -> dict[str, int]:
    flags = ("--kills", str(kills), "--seed", str(SEED), "--cache", str(cache), *more)
    command = [sys.executable, "-m", "tests.system.full_system", *flags]
    done = subprocess.run(
        command, cwd=repository, timeout=seconds, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    print(done.stdout)
    assert counts["learner_kills"] + counts["actor_kills"] == counts["kills"] == kills
    assert counts["steps_produced"] == counts["steps_received"] == counts["steps_durable"] > 0
    assert counts["steps_lost"] == 0
    return counts


@pytest.mark.timeout(280)
def test_three_kills(repository, program_cache):
    survive(repository, 3, program_cache, 270.0)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("name", "actor", "more"),
    [
        ("full-system-kills", small.ACTOR, ()),
        ("full-system-kills-cameras", small.SEEING_ACTOR, ("--cameras",)),
    ],
)
def test_thirty_kills(repository, program_cache, name, actor, more):
    counts = survive(repository, 30, program_cache, 3600.0, *more)
    settings = {"learner": " ".join(small.LEARNER), "actor": " ".join(actor), "seed": SEED}
    settings["steps_between_kills"] = list(full_system.STEPS_BETWEEN_KILLS)
    settings["share_killed_at_start"] = full_system.HURRIED
    results.record(name, counts, settings)
