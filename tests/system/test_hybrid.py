"""A gripper decided by critics of its own learns at least as soon as one that the Gaussian policy moves."""

from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from shared.episodes import read_episodes
from shared.records import StepRecord
from tests import results
from tests.system.test_learning import require_that_it_adds_up, train

SEEDS, LEVEL, IN_A_ROW, EVERY_STEPS = range(3), 0.9, 3, 250
PASS = 0.8
"""Of the final fifty episodes: a run that stops at its first three good evaluations is no finished one."""
PRESETS = {"sac": (), "sac_hybrid": ("--preset", "sac_hybrid")}
KEPT = (
    "seed",
    "steps_to_level",
    "success_rate",
    "env_steps",
    "updates",
    "wall_seconds",
    "stopped_by",
    "curve",
)
FLAGS = (
    *("--task", "pick_cube", "--no-video", "--actor.evaluation.every-steps", str(EVERY_STEPS)),
    *("--target.stop-at", str(LEVEL), "--target.stop-after", str(IN_A_ROW), "--target.pass-at", str(PASS)),
)


def steps_to_level(curve: list[tuple[int, float]], env_steps: int) -> int:
    """Where the first of three evaluations in a row stood that were at the level; all steps if none did.

    An evaluation begins with the first episode after a multiple of the interval, which it is counted as.
    """
    for first in range(len(curve) - IN_A_ROW + 1):
        if all(success >= LEVEL for _, success in curve[first : first + IN_A_ROW]):
            return curve[first][0] // EVERY_STEPS * EVERY_STEPS
    return env_steps


def test_an_untaught_policy_that_is_good_by_chance_has_not_reached_the_level() -> None:
    curve = [(20, 0.9), (260, 0.8), (510, 0.9), (770, 1.0), (1003, 0.93)]
    assert steps_to_level(curve, 1003) == 500
    assert steps_to_level(curve[:4], 1003) == 1003


@pytest.mark.acceptance
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("demos", [20, 5])
def test_hybrid_matches_sac_on_pick_cube(tmp_path: Path, demos: int) -> None:
    """Same demonstrations, same seeds; to match means no later than by one interval between evaluations."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PRESETS}
    for seed in SEEDS:
        for name, preset in PRESETS.items():
            flags = (*preset, *FLAGS, "--seed", str(seed), "--demos", str(demos))
            result = train(tmp_path, *flags)
            result["steps_to_level"] = steps_to_level(result["curve"], result["env_steps"])
            found[name].append(result)
        assert_same_demonstrations(*(runs[-1]["run"] for runs in found.values()))
    steps = {name: mean(run["steps_to_level"] for run in runs) for name, runs in found.items()}
    results.record(
        "hybrid" if demos == 20 else f"hybrid-{demos}-demos",
        {
            "steps_to_90_percent": steps,
            "success_pooled": {
                name: mean(run["success_rate"] for run in runs) for name, runs in found.items()
            },
            "runs": {name: [{k: run[k] for k in KEPT} for run in runs] for name, runs in found.items()},
        },
        {"command": " ".join(("handson sim", *FLAGS)), "demos": demos, "seeds": list(SEEDS)},
    )
    for runs in found.values():
        for run in runs:
            require_that_it_adds_up(run)
    assert steps["sac_hybrid"] <= steps["sac"] + EVERY_STEPS
    assert all(run["success_rate"] >= PASS for run in found["sac_hybrid"])


def assert_same_demonstrations(one: Path, other: Path) -> None:
    first, second = (demonstrated(run / "demos.mcap") for run in (one, other))
    assert first == second
    assert first


def demonstrated(path: Path) -> list[bytes]:
    """The actions, step by step."""
    records = read_episodes(path).records()
    return [record.step.chosen_action.tobytes() for record in records if isinstance(record, StepRecord)]
