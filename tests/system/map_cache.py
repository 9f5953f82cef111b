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

from deploy.report.charts import COLOURS, Series, line_chart
from tests import results

SHIFTS = (1, 4, 8, 0)
"""M; 0 is without the cache."""
SEEDS = (0, 1, 2)
CLONING_UPDATES, UPDATES, UTD, WARM_UP_STEPS, EVALUATE_EVERY_STEPS = 1_500, 1_500, 4, 100, 75
NAME = "map_cache"
STYLE = "text{font:11px sans-serif;fill:#444}.grid{stroke:#ddd}svg{background:#fff}"
SETTINGS = (
    *("--task", "reach_vision", "--actor.cameras", "wrist", "--demos", "200", "--no-video"),
    *("--learner.sampler.batch-size", "32", "--learner.imitation.batch-size", "32"),
    *("--learner.imitation.updates", str(CLONING_UPDATES)),
    *("--learner.utd", str(UTD), "--learner.warmup-steps", str(WARM_UP_STEPS)),
    *("--actor.max-steps", str(WARM_UP_STEPS + UPDATES // UTD), "--target.stop-at", "2"),
    *("--actor.evaluation.every-steps", str(EVALUATE_EVERY_STEPS), "--actor.evaluation.episodes", "50"),
    *("--minutes", "30", "--final-episodes", "50"),
)

Curve = Sequence[tuple[float, float]]


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
    draw(curves, results.RESULTS / f"{NAME}.svg")
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
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [
        (CLONING_UPDATES + line["evaluation/policy_update"], line["evaluation/success_rate"])
        for line in lines
        if "evaluation/success_rate" in line
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


def average(curves: Sequence[Curve]) -> tuple[Curve, Sequence[tuple[float, float, float]]]:
    """Mean over seeds at each evaluation, and the range from the worst seed to the best."""
    line, band = [], []
    for points in zip(*curves, strict=False):
        update = statistics.mean(x for x, _ in points)
        rates = [y for _, y in points]
        line.append((update, statistics.mean(rates)))
        band.append((update, min(rates), max(rates)))
    return line, band


def label(shifts: int) -> str:
    """How a person calls it."""
    return f"cached, M = {shifts}" if shifts else "not cached"


def draw(curves: Mapping[int, Sequence[Curve]], path: Path) -> None:
    """One line for each M with the range of its seeds, as a picture."""
    series = []
    for m, found in curves.items():
        line, band = average(found)
        series.append(Series(label=label(m), points=line, band=band))
    chart = line_chart(series, x_label="updates, of which the first 1,500 clone", y_range=(0.0, 1.0))
    drawing = chart.partition("</svg>")[0]
    drawing = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="690" ', 1)
    path.write_text(f"{drawing}<style>{STYLE}</style>{_legend(series)}</svg>\n", encoding="utf-8")


def _legend(series: Sequence[Series]) -> str:
    return "".join(
        f'<text x="70" y="{130 + 14 * i}" style="fill:{COLOURS[i]}">{s.label}</text>'
        for i, s in enumerate(series)
    )


if __name__ == "__main__":
    main()
