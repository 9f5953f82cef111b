"""What corrections are worth: with no demonstrations, with few, with corrections, and constrained by them.

`python -m tests.system.interventions [FOLDER] [STUDY ...]`: whole runs of `handson sim` with the same seeds,
demonstrations and step budget; a simulated human takes over in some of the arms. Every training step
counts, those that the human drove too. Evaluations are greedy and without help. Told are the steps to the
first of at least 90%, and to the first of two in a row, after which a run ends. Seed 0 is left out: on it
the simulated human was tuned. Each study leaves
docs/results/NAME.json and NAME.svg; runs that FOLDER holds are not repeated.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests import results
from tests.system.curves import Curve, draw, evaluations, lines_of

GOAL = 0.9
RUN_SECONDS = 1_500
HUMAN = ("--teleop", "simulated_human")
DEMONSTRATIONS, CORRECTIONS = "demonstrations", "demonstrations and corrections"


@dataclass(frozen=True, kw_only=True)
class Study:
    """Arms of one task that differ in nothing but their flags."""

    name: str
    task: str
    arms: Mapping[str, tuple[str, ...]]
    seeds: Sequence[int]
    max_steps: int
    evaluate_every_steps: int

    @property
    def settings(self) -> tuple[str, ...]:
        """What all arms are told."""
        return (
            *("--task", self.task, "--no-video", "--final-episodes", "20"),
            *("--minutes", "15", "--evaluation-seconds", "60", "--actor.max-steps", str(self.max_steps)),
            *("--actor.evaluation.every-steps", str(self.evaluate_every_steps)),
            *("--actor.evaluation.episodes", "30", "--target.pass-at", "0"),
            *("--target.stop-at", str(GOAL), "--target.stop-after", "2"),
        )


PEG_INSERT = Study(
    name="interventions",
    task="peg_insert",
    arms={
        "no demonstrations": ("--demos", "0"),
        DEMONSTRATIONS: ("--demos", "3"),
        CORRECTIONS: ("--demos", "3", *HUMAN),
        "and SiLRI's constraint": ("--demos", "3", *HUMAN, "--learner.agent.constraint.enabled"),
    },
    seeds=(1, 2, 3),
    max_steps=5_000,
    evaluate_every_steps=250,
)
PICTURES = Study(
    name="interventions_vision",
    task="pick_cube_vision",
    arms={DEMONSTRATIONS: ("--demos", "5"), CORRECTIONS: ("--demos", "5", *HUMAN)},
    seeds=(1,),
    max_steps=6_000,
    evaluate_every_steps=500,
)
STUDIES = {study.name: study for study in (PEG_INSERT, PICTURES)}


def main() -> None:
    """Every run that is not there yet, then the figures and the plots."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/interventions")
    for name in sys.argv[2:] or STUDIES:
        Console().print(table(name, measure(folder, STUDIES[name])))


def measure(folder: Path, study: Study) -> Mapping[str, Mapping[str, Any]]:
    """The figures of every arm; written down and drawn."""
    runs = {arm: [run(folder, study, arm, seed) for seed in study.seeds] for arm in study.arms}
    figures = {arm: figures_of([found(directory, study) for directory in runs[arm]]) for arm in study.arms}
    arms = {arm: " ".join(flags) for arm, flags in study.arms.items()}
    results.record(study.name, figures, {"command": " ".join(study.settings), "arms": arms})
    curves = {arm: [curve(directory, study) for directory in runs[arm]] for arm in study.arms}
    picture = results.RESULTS / f"{study.name}.svg"
    draw(curves, picture, "training steps, the human's among them", legend_at=24)
    return figures


def run(folder: Path, study: Study, arm: str, seed: int) -> Path:
    """The directory of one whole run."""
    directory = folder / study.name / f"{list(study.arms).index(arm)}-seed-{seed}"
    if not (directory / "result.json").is_file():
        flags = (*study.settings, *study.arms[arm], "--seed", str(seed), "--run-dir", str(directory))
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "sim", *flags],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        if not (directory / "result.json").is_file():
            raise RuntimeError(done.stdout[-2000:] + done.stderr)
    return directory


def found(directory: Path, study: Study) -> dict[str, Any]:
    """One run: when it reached the goal, how much it was helped until it ended, and how good it became."""
    result = json.loads((directory / "result.json").read_text())
    helped = json.loads((directory / "actor-0.json").read_text())["helped"] or {}
    began = lines_of(directory)[0]["time_seconds"]
    first, kept = (reached_at(evaluations(directory), in_a_row) for in_a_row in (1, 2))
    return {
        "seed": result["seed"],
        "steps_to_goal": None if first is None else first["actor_steps"],
        "minutes_to_goal": None if first is None else round((first["time_seconds"] - began) / 60, 1),
        "steps_to_goal_twice": None if kept is None else kept["actor_steps"],
        "mean_success_over_budget": round(statistics.mean(rate for _, rate in curve(directory, study)), 3),
        "cloning_alone": round(evaluations(directory)[0]["evaluation/success_rate"], 3),
        "success_rate": result["success_rate"],
        "env_steps": result["env_steps"],
        "demo_steps": result["demo_steps"],
        "human_steps": helped.get("driven_steps", 0),
        "human_spans": helped.get("spans", 0),
        "episodes_helped": helped.get("helped_episodes", 0),
        "stopped_by": result["stopped_by"],
        "wall_minutes": round(result["wall_seconds"] / 60, 1),
    }


def reached_at(lines: Sequence[Mapping[str, Any]], in_a_row: int) -> Mapping[str, Any] | None:
    """The first of so many evaluations in a row that reach the goal; None where there are none."""
    for number in range(len(lines) - in_a_row + 1):
        if all(line["evaluation/success_rate"] >= GOAL for line in lines[number : number + in_a_row]):
            return lines[number]
    return None


def figures_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One arm: medians over seeds, a run that never got there being worse than any that did."""
    steps = [each["steps_to_goal"] for each in runs]
    minutes = [each["minutes_to_goal"] for each in runs]
    return {
        "median_steps_to_goal": median(steps),
        "median_minutes_to_goal": median(minutes),
        "median_steps_to_goal_twice": median([each["steps_to_goal_twice"] for each in runs]),
        "runs_that_reached_it": sum(each is not None for each in steps),
        "mean_success_over_budget": round(statistics.mean(e["mean_success_over_budget"] for e in runs), 3),
        "runs": list(runs),
    }


def median(values: Sequence[float | None]) -> float | None:
    """None counts as more than anything."""
    middle = statistics.median_high([float("inf") if value is None else value for value in values])
    return None if middle == float("inf") else middle


def curve(directory: Path, study: Study) -> Curve:
    """(training steps, greedy success) at every evaluation; what reached the goal stays where it ended."""
    rates = [line["evaluation/success_rate"] for line in evaluations(directory)]
    count = study.max_steps // study.evaluate_every_steps + 1
    rates = [*rates, *[rates[-1]] * count][:count]
    return [(number * study.evaluate_every_steps, rate) for number, rate in enumerate(rates)]


def table(title: str, figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """For a person."""
    columns = (
        "arm",
        "steps to 90%",
        "minutes",
        "twice in a row",
        "reached by",
        "mean success",
        "human steps",
    )
    shown = Table(*columns, title=title)
    for arm, each in figures.items():
        human = sum(run["human_steps"] for run in each["runs"]) / len(each["runs"])
        reached = f"{each['runs_that_reached_it']} of {len(each['runs'])}"
        medians = [
            each[f"median_{name}"] for name in ("steps_to_goal", "minutes_to_goal", "steps_to_goal_twice")
        ]
        words = ["never" if median is None else f"{median:,}" for median in medians]
        shown.add_row(arm, *words, reached, f"{each['mean_success_over_budget']:.2f}", f"{human:.0f}")
    return shown


if __name__ == "__main__":
    main()
