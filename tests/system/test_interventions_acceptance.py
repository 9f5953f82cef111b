"""Corrections shorten training, steps of the human included: `tests.system.interventions` as a test."""

from pathlib import Path
from typing import Any

import pytest

from tests.system import interventions
from tests.system.curves import draw


def evaluated(*rates: float) -> list[dict[str, Any]]:
    return [{"evaluation/success_rate": rate, "actor_steps": 250 * n} for n, rate in enumerate(rates)]


@pytest.mark.parametrize(("in_a_row", "steps"), [(1, 250), (2, 750), (3, None)])
def test_the_goal_is_reached_at_the_first_of_so_many_evaluations(in_a_row: int, steps: int | None) -> None:
    reached = interventions.reached_at(evaluated(0.1, 0.9, 0.8, 0.9, 1.0, 0.5), in_a_row)
    assert (None if reached is None else reached["actor_steps"]) == steps


def test_a_run_that_never_gets_there_counts_as_worse_than_any_that_does() -> None:
    assert interventions.median([500, None, 2000]) == 2000
    assert interventions.median([500, None, None]) is None


def test_curves_are_drawn_one_for_each_arm(tmp_path: Path) -> None:
    curves = {arm: [[(0, 0.0), (250, 0.1 * n)] for n in range(3)] for arm in interventions.PEG_INSERT.arms}
    draw(curves, tmp_path / "curves.svg", "steps")
    picture = (tmp_path / "curves.svg").read_text()
    assert picture.startswith("<svg ")
    assert all(arm.replace("'", "&#x27;") in picture for arm in interventions.PEG_INSERT.arms)


@pytest.mark.acceptance
@pytest.mark.timeout(12 * interventions.RUN_SECONDS)
def test_corrections_shorten_training(tmp_path: Path) -> None:
    figures = interventions.measure(tmp_path, interventions.PEG_INSERT)
    without, corrected = figures[interventions.DEMONSTRATIONS], figures[interventions.CORRECTIONS]
    assert all(run["wall_minutes"] <= 16 for arm in figures.values() for run in arm["runs"])
    assert all(run["human_steps"] > 0 for run in corrected["runs"])
    assert corrected["runs_that_reached_it"] == len(interventions.PEG_INSERT.seeds)
    assert corrected["median_steps_to_goal"] < (without["median_steps_to_goal"] or float("inf"))


@pytest.mark.acceptance
@pytest.mark.timeout(2 * interventions.RUN_SECONDS)
def test_corrections_shorten_training_from_pictures(tmp_path: Path) -> None:
    figures = interventions.measure(tmp_path, interventions.PICTURES)
    without, corrected = figures[interventions.DEMONSTRATIONS], figures[interventions.CORRECTIONS]
    assert corrected["runs_that_reached_it"] == 1
    assert corrected["mean_success_over_budget"] > without["mean_success_over_budget"]
