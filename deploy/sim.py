"""`handson sim`: from nothing to a trained policy, its evaluation and a report, on this computer."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy import run_directory
from deploy.children import ProcessFailed
from deploy.sim_command import parse
from shared.clock import Clock, SystemClock

if TYPE_CHECKING:
    from deploy.sim_config import SimConfig

NOT_MET = 3
FAILED = 1
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run; 0 when the target was met, 3 when it was not, 130 after Ctrl-C, 1 when a process failed."""
    clock = SystemClock()
    started = clock.now()
    config = parse(argv)
    run = _directory(config)
    try:
        stopped_by = _train(config, run, clock, started)
    except ProcessFailed as failure:
        print(f"{failure}\nwhat was recorded is kept in {run}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"stopped; what was recorded is kept in {run}", file=sys.stderr)
        return INTERRUPTED
    return conclude(config, run, stopped_by, clock.now() - started)


def _directory(config: "SimConfig") -> Path:
    if config.run_dir is not None:
        return run_directory.claim(config.run_dir).resolve()
    return run_directory.create(config.runs_dir, config.environment, datetime.now()).resolve()


def _train(config: "SimConfig", run: Path, clock: Clock, started: float) -> str:
    from deploy.screen import Screen
    from deploy.sim_processes import plan
    from deploy.simulation import Simulation

    screen = Screen(
        title=f"handson sim: {config.environment}, seed {config.seed}",
        target=config.target,
        utd=config.learner.ratio.utd,
        budget_seconds=60 * config.minutes,
        clock=clock,
        started=started,
    )
    screen.say(f"run directory: {_shown(run)}")
    with screen:
        return Simulation(plan(config, run), screen, clock, started).run()


def conclude(config: "SimConfig", run: Path, stopped_by: str, wall_seconds: float) -> int:
    """Write result.json and report.html, print the summary."""
    from actor.evaluation import STRIPS
    from deploy import result
    from deploy.metrics_tail import read_metrics
    from deploy.report.page import Report, render
    from deploy.sim_processes import SETTINGS, VIDEO
    from learner.augmented_samples import AUGMENTED

    found = result.assemble(config, run, stopped_by=stopped_by, wall_seconds=wall_seconds)
    passed = config.target.passed(found) if config.target else None
    result.write(run / run_directory.RESULT, found)
    evaluation = result.read(run / "evaluation.json")
    report = Report(
        result=found,
        metrics=read_metrics(run / "metrics.jsonl"),
        episodes=evaluation.get("episodes", ()),
        settings=(run / SETTINGS).read_text(),
        cameras=evaluation.get("cameras", ()),
        video=run / VIDEO,
        strips=run / STRIPS,
        augmented=run / AUGMENTED,
        passed=passed,
    )
    (run / "report.html").write_text(render(report), encoding="utf-8")
    print(summary(found, run, passed))
    return NOT_MET if passed is False else 0


def summary(found: Mapping[str, Any], run: Path, passed: bool | None) -> str:
    """What a person wants to know first."""
    low, high = found["success_interval"] or (0.0, 1.0)
    lines = {
        "success": f"{found['success_rate']:.0%} of {found['eval_episodes']} greedy episodes "
        f"(95% interval {low:.0%} to {high:.0%})",
        "mean return": f"{found['mean_return']:.2f}",
        "practice": f"{_count(found['env_steps'])} steps, {_count(found['updates'])} updates "
        f"({found['utd_actual'] or 0:.2f} a step)",
        "delivery": f"{_count(found['steps_produced'])} produced, {_count(found['steps_durable'])} durable, "
        f"{_count(found['steps_lost'])} lost",
        "time": f"{found['wall_seconds'] / 60:.1f} minutes, stopped by {found['stopped_by']}",
        "report": _shown(run / "report.html"),
    }
    if passed is False:
        lines["why"] = f"handson runs doctor {_shown(run)}"
    verdict = {True: "target met", False: "target not met", None: "done"}[passed]
    return "\n".join([verdict, *(f"  {name:<12} {text}" for name, text in lines.items())])


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _shown(path: Path) -> str:
    """A path as short as it can be told from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
