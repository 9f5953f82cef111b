"""Runs of `handson sim` as a person starts them: does it learn, in time, and does everything add up?"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import results
from tests.system import map_cache

KEPT = (
    *(
        "seed",
        "success_rate",
        "mean_return",
        "cloning_alone",
        "env_steps",
        "demo_steps",
        "updates",
        "utd_actual",
    ),
    *("steps_produced", "steps_durable", "steps_lost", "updates_per_second", "wall_seconds", "stopped_by"),
)


def train(runs: Path, *flags: str) -> dict[str, Any]:
    """A whole run, and its result with what the policy could do before it practised."""
    run = runs / "-".join(flags).strip("-").replace(":", "-")
    command = [sys.executable, "-m", "deploy.cli", "sim", *flags, "--run-dir", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2400, check=False)
    print(done.stdout[-1500:])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    result = json.loads((run / "result.json").read_text())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    name = "evaluation/success_rate"
    curve = [(line["env_steps"], line[name]) for line in lines if name in line]
    found = {"run": run, "curve": curve, "cloning_alone": curve[0][1], "returncode": done.returncode}
    return result | found


def require_that_it_adds_up(result: dict[str, Any]) -> None:
    """Every step is where it belongs, and as many updates were made as steps have paid for."""
    assert result["steps_produced"] == result["steps_received"] == result["steps_durable"]
    assert result["steps_lost"] == 0
    paid = result["utd_target"] * (result["env_steps"] - result["warmup_steps"])
    assert abs(result["updates"] - paid) <= result["utd_target"]


def keep(name: str, found: list[dict[str, Any]]) -> None:
    pooled = sum(result["success_rate"] for result in found) / len(found)
    runs = [{key: result[key] for key in KEPT} for result in found]
    results.record(name, {"success_pooled": pooled, "runs": runs}, {"command": f"handson sim, {name}"})


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("task", "pooled", "each", "minutes"), [("pick_cube", 0.9, 0.8, 10), ("peg_insert", 0.8, 0.0, 25)]
)
def test_three_seeds_learn_from_twenty_demonstrations(tmp_path, task, pooled, each, minutes) -> None:
    found = [train(tmp_path, "--task", task, "--seed", str(seed)) for seed in range(3)]
    keep(task, found)
    for result in found:
        require_that_it_adds_up(result)
        assert result["wall_seconds"] < 60 * minutes
        assert result["success_rate"] >= each
    assert sum(result["success_rate"] for result in found) / 3 >= pooled


@pytest.mark.acceptance
@pytest.mark.parametrize(("task", "minutes"), [("pick_cube_vision", 45), ("reach_vision", 10)])
def test_two_cameras_are_enough(tmp_path, task, minutes) -> None:
    result = train(tmp_path, "--task", task, "--seed", "0")
    keep(task, [result])
    require_that_it_adds_up(result)
    assert result["success_rate"] >= 0.9
    assert result["wall_seconds"] <= 60 * minutes


@pytest.mark.acceptance
@pytest.mark.timeout(4 * 3600)
def test_cached_maps_learn_as_well_as_shifting_at_every_update(tmp_path) -> None:
    figures = map_cache.measure(tmp_path)
    uncached = figures[0]["mean_success_over_training"]
    for shifts in (4, 8):
        assert figures[shifts]["mean_success_over_training"] >= uncached - 0.1


@pytest.mark.acceptance
def test_practice_climbs_well_past_cloning(tmp_path) -> None:
    result = train(tmp_path, "--task", "pick_cube", "--demos", "3")
    keep("few_demos", [result])
    require_that_it_adds_up(result)
    assert result["success_rate"] >= result["cloning_alone"] + 0.2
    assert result["success_rate"] >= 0.9


@pytest.mark.acceptance
def test_reach_takes_two_minutes(tmp_path) -> None:
    result = train(tmp_path, "--task", "reach")
    keep("reach", [result])
    require_that_it_adds_up(result)
    assert result["success_rate"] >= 0.95
    assert result["wall_seconds"] <= 120


@pytest.mark.acceptance
def test_pendulum_swings_up_within_ten_thousand_steps(tmp_path) -> None:
    result = train(tmp_path, "--env", "gymnasium:Pendulum-v1")
    keep("pendulum", [result])
    require_that_it_adds_up(result)
    assert result["mean_return"] > -250
    assert result["env_steps"] <= 10_000
