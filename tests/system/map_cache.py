"""Does a frozen trunk's cache learn as well as augmenting raw frames at every update, and how does M matter?

`python -m tests.system.map_cache [FOLDER]`: reach_vision through the wrist's 64x64 camera, batch 32: 1,500
cloning updates on 200 demonstrations, then 1,500 updates in practice, with M = 1, 4, 8 cached shifts and
without the cache, three seeds each, as whole runs of `handson sim`. Leaves docs/results/map_cache.json and
map_cache.svg; runs that FOLDER holds are not repeated.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import results
from tests.system.curves import Curve, draw, evaluations

SHIFTS = (1, 4, 8, 0)
"""M; 0 is without the cache."""
SEEDS = (0, 1, 2)
CLONING_UPDATES, UPDATES, UTD, WARM_UP_STEPS, EVALUATE_EVERY_STEPS = 1_500, 1_500, 4, 100, 75
NAME = "map_cache"
SETTINGS = (
    *("--task", "reach_vision", "--actor.cameras", "wrist", "--demos", "200", "--no-video"),
    *("--learner.sampler.batch-size", "32", "--learner.imitation.batch-size", "32"),
    *("--learner.imitation.updates", str(CLONING_UPDATES)),
    *("--learner.utd", str(UTD), "--learner.warmup-steps", str(WARM_UP_STEPS)),
    *("--actor.max-steps", str(WARM_UP_STEPS + UPDATES // UTD), "--target.stop-at", "2"),
    *("--actor.evaluation.every-steps", str(EVALUATE_EVERY_STEPS), "--actor.evaluation.episodes", "50"),
    *("--minutes", "30", "--final-episodes", "50"),
)


def main() -> None:
    """Every run that is not there yet, then the figures and the plot."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/map_cache")
    measure(folder)


def measure(folder: Path) -> Mapping[int, Mapping[str, object]]:
    """Success by update of every M, averaged over seeds; written down and drawn."""
    runs = {m: [run(folder, m, seed) for seed in SEEDS] for m in SHIFTS}
    curves = {m: [curve(directory) for directory in found] for m, found in runs.items()}
    figures = {m: figures_of(curves[m]) | {"best_policies": best_policies(runs[m])} for m in SHIFTS}
    results.record(NAME, {label(m): figures[m] for m in SHIFTS}, {"command": " ".join(SETTINGS)})
    labelled = {label(m): curves[m] for m in SHIFTS}
    draw(labelled, results.RESULTS / f"{NAME}.svg", "updates, of which the first 1,500 clone")
    return figures


def run(folder: Path, shifts: int, seed: int) -> Path:
    """The directory of one whole run."""
    directory = folder / f"shifts-{shifts}-seed-{seed}"
    if not (directory / "result.json").is_file():
        cache = ("--learner.sampler.replay.cached-shifts", str(shifts))
        flags = (*SETTINGS, *cache, "--seed", str(seed), "--run-dir", str(directory))
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "sim", *flags],
            capture_output=True,
            text=True,
            timeout=2400,
            check=False,
        )
        if not (directory / "result.json").is_file():
            raise RuntimeError(done.stdout[-2000:] + done.stderr)
    result = json.loads((directory / "result.json").read_text())
    if result["updates"] != UPDATES:
        raise RuntimeError(f"{directory} made {result['updates']} updates, stopped by {result['stopped_by']}")
    return directory


def curve(directory: Path) -> Curve:
    """(cloning and critic updates, success rate on 50 greedy episodes) at every evaluation of a run."""
    return [
        (CLONING_UPDATES + line["evaluation/policy_update"], line["evaluation/success_rate"])
        for line in evaluations(directory)
    ]


def figures_of(curves: Sequence[Curve]) -> dict[str, object]:
    """What a table needs of one M."""
    means = [statistics.mean(rate for _, rate in curve) for curve in curves]
    return {
        "mean_success_over_training": round(statistics.mean(means), 3),
        "by_seed": [round(mean, 3) for mean in means],
        "success_when_last_evaluated": [curve[-1][1] for curve in curves],
        "cloning_alone": [curve[0][1] for curve in curves],
    }


def best_policies(runs: Sequence[Path]) -> list[float]:
    """What the best policy of each run reaches on 50 other starts, as its final evaluation found."""
    return [json.loads((directory / "result.json").read_text())["success_rate"] for directory in runs]


def label(shifts: int) -> str:
    """How a person calls it."""
    return f"cached, M = {shifts}" if shifts else "not cached"


if __name__ == "__main__":
    main()
