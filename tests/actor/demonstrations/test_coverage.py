"""Coverage: each start falls into the part of the range that it lies in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.demonstrations.coverage import BINS, Coverage, quantities
from robot_env.geometry import Pose
from robot_env.registry import make
from robot_env.tasks import TASKS
from robot_env.tasks.base import Start
from shared.clock import ManualClock


def start(x: float, y: float = 0.3) -> Start:
    return Start(tcp=Pose.of((x, 0.0, 0.2)), objects={"cube": Pose.of((0.5, y, 0.0))})


def test_only_what_varies_is_covered() -> None:
    coverage = Coverage([start(0.0, 0.1), start(1.0, 0.2)])
    assert [spread.name for spread in coverage.spreads] == ["tool x (m)", "cube y (m)"]
    assert Coverage([]).spreads == []


@given(st.lists(st.floats(-0.5, 1.5), min_size=1))
def test_every_start_falls_into_the_part_that_it_lies_in(values) -> None:
    coverage = Coverage([start(x) for x in np.linspace(0.0, 1.0, 101)])
    for x in values:
        coverage.add(start(x))
    expected = np.histogram(np.clip(values, 0.0, 1.0), BINS, (0.0, 1.0))[0]
    spread = coverage.spreads[0]
    # A value next to an edge may be rounded to either side of it.
    edges = sum(abs(x * BINS - round(x * BINS)) < 1e-9 for x in values)
    assert np.abs(np.array(spread.counts) - expected).sum() <= 2 * edges
    assert sum(spread.counts) == len(values)
    assert len(spread.bar) == BINS
    assert spread.bar.count("·") == BINS - spread.seen


def test_a_gap_that_the_task_never_draws_is_not_missed() -> None:
    coverage = Coverage([start(x) for x in (0.0, 0.01, 0.99, 1.0)])
    coverage.add(start(0.0))
    assert (coverage.spreads[0].seen, len(coverage.spreads[0].reachable)) == (1, 2)
    assert coverage.spreads[0].bar == "█" + " " * (BINS - 2) + "·"


@pytest.mark.parametrize("task", ["reach", "pick_cube", "peg_insert", "relocate"])
def test_what_a_seed_draws_is_what_a_reset_with_it_drew(task) -> None:
    assert task in TASKS
    env = make(task, clock=ManualClock())
    env.reset(seed=7)
    drawn, foretold = env.unwrapped.start, env.unwrapped.start_of(7)
    assert quantities(drawn) == quantities(foretold)
    assert quantities(env.unwrapped.start_of(8)) != quantities(foretold)
    env.close()
