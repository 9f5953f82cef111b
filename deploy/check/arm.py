"""A real arm without a robot server of ours, as one behind SERL's: whether it answers, and how quickly."""

import statistics
from contextlib import closing
from typing import Any

from deploy.check.base import Outcome, ok, skip, warn
from deploy.check.bench import Bench
from robot_env.arms.base import Impedance

READS = 20


def arm(bench: Bench, config: Any) -> Outcome:
    """Connect and read, which moves nothing; raises LinkError or RobotFault where it does not answer."""
    if not getattr(config, "real_time", False):
        return skip(f"{type(config).__name__.removesuffix('ArmConfig')} is simulated by the actor")
    with closing(config.build((), Impedance(), None)) as built:
        seconds = [_time(bench, built) for _ in range(READS)]
    return judge(seconds, bench.task.settings.control_hz)


def judge(seconds: list[float], control_hz: float) -> Outcome:
    """Judge how long it took to read the state, each time."""
    middle, worst = statistics.median(seconds), max(seconds)
    told = f"a state in {middle * 1000:.0f} ms, {worst * 1000:.0f} ms at worst"
    if middle > 0.5 / control_hz:
        return warn(
            f"{told}; a period is {1000 / control_hz:.0f} ms", "run the actor beside the arm's server"
        )
    return ok(told)


def _time(bench: Bench, built: Any) -> float:
    began = bench.clock.now()
    built.read()
    return bench.clock.now() - began
