"""What corrections are worth: peg_insert without demonstrations, with few, with corrections, and constrained.

`python -m tests.system.interventions [FOLDER]`: whole runs of `handson sim` with the same seeds, the same
demonstrations and step budget; a simulated human takes over in two of the four arms. Every training step
counts, those that the human drove too. Evaluations are greedy and without help. A run ends after two in a row
of at least 90%, and the first of them is when it got there. Leaves docs/results/interventions.json and
interventions.svg; runs that FOLDER holds are not repeated.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests import results
from tests.system.curves import Curve, draw, evaluations, lines_of

SEEDS = (0, 1, 2)
DEMOS, MAX_STEPS, EVALUATE_EVERY_STEPS, GOAL = 3, 5_000, 250, 0.9
NAME = "interventions"
HUMAN = ("--teleop", "simulated_human")
ARMS: Mapping[str, tuple[str, ...]] = {
    "no demonstrations": ("--demos", "0"),
    "demonstrations": ("--demos", str(DEMOS)),
    "demonstrations and corrections": ("--demos", str(DEMOS), *HUMAN),
    "and SiLRI's constraint": ("--demos", str(DEMOS), *HUMAN, "--learner.agent.constraint.enabled"),
}
SETTINGS = (
    *("--task", "peg_insert", "--no-video", "--final-episodes", "20"),
    *("--minutes", "15", "--evaluation-seconds", "60", "--actor.max-steps", str(MAX_STEPS)),
    *("--actor.evaluation.every-steps", str(EVALUATE_EVERY_STEPS), "--actor.evaluation.episodes", "30"),
    *("--target.stop-at", str(GOAL), "--target.stop-after", "2", "--target.pass-at", "0"),
)


def main() -> None:
    """Every run that is not there yet, then the figures and the plot."""
    print(json.dumps(measure(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/interventions")), indent=2))


def measure(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """The figures of every arm; written down and drawn."""
    runs = {arm: [run(folder, arm, seed) for seed in SEEDS] for arm in ARMS}
    figures = {arm: figures_of([found(directory) for directory in runs[arm]]) for arm in ARMS}
    results.record(
        NAME, figures, {"command": " ".join(SETTINGS), "arms": {a: " ".join(f) for a, f in ARMS.items()}}
    )
    curves = {arm: [curve(directory) for directory in runs[arm]] for arm in ARMS}
    draw(curves, results.RESULTS / f"{NAME}.svg", "training steps, the human's among them", legend_at=24)
    return figures


def run(folder: Path, arm: str, seed: int) -> Path:
    """The directory of one whole run."""
    directory = folder / f"{list(ARMS).index(arm)}-seed-{seed}"
    if not (directory / "result.json").is_file():
        flags = (*SETTINGS, *ARMS[arm], "--seed", str(seed), "--run-dir", str(directory))
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "sim", *flags],
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        if not (directory / "result.json").is_file():
            raise RuntimeError(done.stdout[-2000:] + done.stderr)
    return directory


def found(directory: Path) -> dict[str, Any]:
    """One run: when it reached the goal, how much it was helped until it ended, and how good it became."""
    result = json.loads((directory / "result.json").read_text())
    helped = json.loads((directory / "actor-0.json").read_text())["helped"] or {}
    reached = reached_at(evaluations(directory))
    began = lines_of(directory)[0]["time_seconds"]
    return {
        "seed": result["seed"],
        "steps_to_goal": None if reached is None else reached["actor_steps"],
        "minutes_to_goal": None if reached is None else round((reached["time_seconds"] - began) / 60, 1),
        "cloning_alone": round(evaluations(directory)[0]["evaluation/success_rate"], 3),
        "success_rate": result["success_rate"],
        "env_steps": result["env_steps"],
        "demo_steps": result["demo_steps"],
        "human_steps": helped.get("driven_steps", 0),
        "human_spans": helped.get("spans", 0),
        "episodes_helped": helped.get("helped_episodes", 0),
        "episodes": helped.get("episodes"),
        "stopped_by": result["stopped_by"],
        "wall_minutes": round(result["wall_seconds"] / 60, 1),
    }


def reached_at(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first of two evaluations in a row that reach the goal; None where there are none."""
    for line, following in pairwise(lines):
        if min(line["evaluation/success_rate"], following["evaluation/success_rate"]) >= GOAL:
            return line
    return None


def figures_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One arm: medians over seeds, a run that never got there being worse than any that did."""
    steps = [each["steps_to_goal"] for each in runs]
    minutes = [each["minutes_to_goal"] for each in runs]
    return {
        "median_steps_to_goal": median(steps),
        "median_minutes_to_goal": median(minutes),
        "runs_that_reached_it": sum(each is not None for each in steps),
        "runs": list(runs),
    }


def median(values: Sequence[float | None]) -> float | None:
    """None counts as more than anything."""
    middle = statistics.median_high([float("inf") if value is None else value for value in values])
    return None if middle == float("inf") else middle


def curve(directory: Path) -> Curve:
    """(training steps, greedy success) at every evaluation; what reached the goal stays where it ended."""
    rates = [line["evaluation/success_rate"] for line in evaluations(directory)]
    rates += [rates[-1]] * (MAX_STEPS // EVALUATE_EVERY_STEPS + 1 - len(rates))
    return [(number * EVALUATE_EVERY_STEPS, rate) for number, rate in enumerate(rates)]


if __name__ == "__main__":
    main()
