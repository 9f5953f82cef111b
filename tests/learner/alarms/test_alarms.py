"""Each alarm: what makes it warn, what makes it an alarm, what it lets pass, and when it cannot tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from learner.alarms.base import Level, Scale
from learner.alarms.diagnosis import ALARMS, diagnose, speaking
from learner.alarms.history import KEPT, History
from learner.alarms.panel import add_alarms


def history(*lines: dict[str, Any]) -> History:
    """Lines two seconds and a hundred steps apart unless they say otherwise."""
    found = History()
    for number, line in enumerate(lines):
        found.add({"time_seconds": 1e9 + 2 * number, "env_steps": 100 * number, "updates": number} | line)
    return found


def levels(*lines: dict[str, Any]) -> dict[str, Level]:
    return {finding.name: finding.level for finding in diagnose(history(*lines))}


HEALTHY = {
    "practice_episodes": 80.0,
    "practice_successes": 40.0,
    "reward_low": 0.0,
    "reward_high": 1.0,
    "return_low": 0.0,
    "return_high": 1.0,
    "q_mean": 0.7,
    "q_policy": 0.75,
    "training/done_at_start": 0.0,
    "actions/saturated_share": 0.3,
    "actions/steps": 1000.0,
    "entropy": -6.0,
    "entropy_target": -6.0,
    "motion_size": 3.0,
    "alpha": 0.01,
    "starts/demos": 20.0,
    "starts/distance/arm/tcp_position_base_m": 0.02,
    "pictures/front/brightness": 101.0,
    "pictures/front/contrast": 40.0,
    "pictures/front/brightness_before": 100.0,
    "pictures/front/contrast_before": 41.0,
    "pictures/front/spread_before": 2.0,
    "classifier/start_score": 0.03,
    "classifier/start_score_before": 0.02,
    "classifier/successes": 30.0,
    "classifier/denied": 0.0,
    "interventions/step_share": 0.1,
    "interventions/autonomous_success": 0.5,
    "interventions/driven_to_success": 0.2,
    "interventions/helped_episodes": 10.0,
    "utd_target": 4.0,
    "utd_actual": 3.98,
    "warmup_left": 0.0,
    "updates_forfeited": 0.0,
    "actor/policy_age_seconds": 0.2,
    "actors": 1.0,
}


def test_a_healthy_run_has_nothing_to_tell() -> None:
    found = diagnose(history(*[HEALTHY] * 40))
    assert {finding.level for finding in found} == {Level.OK}
    assert not speaking(found)
    assert all(finding.evidence and finding.threshold and not finding.next_step for finding in found)


def test_a_run_that_says_nothing_is_unknown_to_every_alarm() -> None:
    found = diagnose(History())
    assert len(found) == len({finding.name for finding in found}) == len(ALARMS)
    assert {finding.level for finding in found} == {Level.UNKNOWN}


CASES = [
    ("no_reward", {"practice_episodes": 20, "practice_successes": 0, "reward_high": 0.0}, Level.WARN),
    ("no_reward", {"practice_episodes": 50, "practice_successes": 0, "reward_high": 0.0}, Level.ALARM),
    ("no_reward", {"practice_episodes": 19, "practice_successes": 0, "reward_high": 0.0}, Level.OK),
    (
        "no_reward",  # a cost at every step tells better from worse
        {"practice_episodes": 99, "practice_successes": 0, "reward_low": -2.0, "reward_high": -0.1},
        Level.OK,
    ),
    (
        "no_reward",  # the same cost at every step does not
        {"practice_episodes": 99, "practice_successes": 0, "reward_low": -1.0, "reward_high": -1.0},
        Level.ALARM,
    ),
    ("q_out_of_bounds", {"q_mean": 1.04, "q_policy": 0.5}, Level.OK),
    ("q_out_of_bounds", {"q_mean": 1.1}, Level.WARN),
    ("q_out_of_bounds", {"q_policy": 1.3}, Level.ALARM),
    ("q_out_of_bounds", {"q_mean": -0.3}, Level.ALARM),
    (
        "q_out_of_bounds",
        {"return_low": -50.0, "return_high": 0.0, "q_mean": -40.0, "q_policy": 0.5},
        Level.OK,
    ),
    ("done_at_start", {"training/done_at_start": 0.1}, Level.WARN),
    ("done_at_start", {"evaluation/done_at_start": 5.0, "evaluation/episodes": 15.0}, Level.ALARM),
    ("saturated_actions", {"actions/saturated_share": 0.85}, Level.WARN),
    ("saturated_actions", {"actions/saturated_share": 0.97}, Level.ALARM),
    ("saturated_actions", {"actions/saturated_share": 0.97, "actions/steps": 50.0}, Level.UNKNOWN),
    ("entropy_collapse", {"entropy": -8.0}, Level.WARN),
    ("entropy_collapse", {"entropy": -11.0}, Level.ALARM),
    ("entropy_collapse", {"entropy": 3.0}, Level.OK),
    ("starts_far", {"starts/distance/gripper/width_m": 0.5}, Level.WARN),
    ("starts_far", {"starts/distance/gripper/width_m": 1.5}, Level.ALARM),
    ("starts_far", {"starts/distance/gripper/width_m": 1.5, "starts/demos": 2.0}, Level.UNKNOWN),
    ("picture_drift", {"pictures/front/brightness": 110.0}, Level.WARN),
    ("picture_drift", {"pictures/front/brightness": 70.0}, Level.ALARM),
    ("picture_drift", {"pictures/front/contrast": 20.0}, Level.ALARM),
    ("picture_drift", {"pictures/front/brightness": 70.0, "pictures/front/spread_before": 30.0}, Level.OK),
    ("classifier_drift", {"classifier/start_score": 0.15}, Level.WARN),
    ("classifier_drift", {"classifier/start_score": 0.5}, Level.ALARM),
    ("classifier_drift", {"classifier/start_score": 0.6, "classifier/start_score_before": 0.6}, Level.ALARM),
    ("denied_successes", {"classifier/denied": 3.0}, Level.WARN),
    ("denied_successes", {"classifier/denied": 9.0}, Level.ALARM),
    ("denied_successes", {"classifier/denied": 2.0, "classifier/successes": 2.0}, Level.UNKNOWN),
    ("driven_to_success", {"interventions/driven_to_success": 0.9}, Level.WARN),
    ("driven_to_success", {"interventions/driven_to_success": 1.0}, Level.ALARM),
    (
        "driven_to_success",
        {"interventions/driven_to_success": 1.0, "interventions/helped_episodes": 3.0},
        Level.OK,
    ),
    ("intervention_share", {"interventions/step_share": 0.4}, Level.WARN),
    ("intervention_share", {"interventions/step_share": 0.7}, Level.ALARM),
    ("utd_not_met", {"utd_actual": 3.0}, Level.WARN),
    ("utd_not_met", {"utd_actual": 1.0}, Level.ALARM),
    (
        "no_reward",  # what was recorded is not what is learned from
        {"rewards_replaced": 1.0, "practice_successes": 0, "reward_high": 0.0},
        Level.UNKNOWN,
    ),
    ("policy_age", {"actor/policy_age_seconds": 20.0}, Level.WARN),
    ("policy_age", {"actor/policy_age_seconds": 90.0}, Level.ALARM),
]


@pytest.mark.parametrize(("name", "change", "level"), CASES)
def test_each_alarm_answers_to_its_own_figures_alone(name, change, level) -> None:
    found = levels(*[HEALTHY | change] * 40)
    assert found.pop(name) is level
    assert set(found.values()) == {Level.OK}


@pytest.mark.parametrize("name", [case[0] for case in CASES if case[2] is Level.ALARM])
def test_an_alarm_says_what_to_do(name) -> None:
    change = next(case[1] for case in CASES if case[0] == name and case[2] is Level.ALARM)
    finding = next(f for f in diagnose(history(*[HEALTHY | change] * 40)) if f.name == name)
    assert finding.next_step
    assert any(character.isdigit() for character in finding.evidence)
    assert finding.as_dict()["level"] == "alarm"


@pytest.mark.parametrize(("seconds", "level"), [(59, Level.OK), (61, Level.WARN), (301, Level.ALARM)])
def test_data_goes_stale_while_the_learner_goes_on_writing(seconds, level) -> None:
    lines = [HEALTHY] * 3 + [HEALTHY | {"time_seconds": 1e9 + 4 + seconds, "env_steps": 200}]
    assert levels(*lines)["stale_data"] is level


def test_help_in_the_first_minutes_is_welcome() -> None:
    early = [HEALTHY | {"interventions/step_share": 0.9, "env_steps": 50 * n} for n in range(40)]
    assert levels(*early)["intervention_share"] is Level.OK
    late = [HEALTHY | {"interventions/step_share": 0.9, "env_steps": 2000 + 50 * n} for n in range(10)]
    assert levels(*early, *late)["intervention_share"] is Level.ALARM


def test_updates_right_after_the_warm_up_say_nothing_of_the_ratio() -> None:
    warming = [HEALTHY | {"warmup_left": 50.0, "utd_actual": 0.0, "env_steps": n} for n in range(3)]
    first = [HEALTHY | {"utd_actual": 0.5, "env_steps": 300 + 50 * n} for n in range(4)]
    assert levels(*warming, *first)["utd_not_met"] is Level.UNKNOWN


def test_one_bad_row_of_values_is_no_divergence() -> None:
    assert levels(*[HEALTHY] * 20, HEALTHY | {"q_mean": 1.3})["q_out_of_bounds"] is Level.OK


def test_what_is_no_finite_number_is_left_out() -> None:
    found = history({"q_mean": None, "entropy": float("nan"), "kind": "learner", "flag": True, "alpha": 1})
    assert [found.newest(name) for name in ("q_mean", "entropy", "kind", "flag", "alpha")] == [
        None,
        None,
        None,
        None,
        1.0,
    ]


def test_a_long_run_is_not_held_in_memory() -> None:
    found = history(*[{"q_mean": float(n)} for n in range(3 * KEPT)])
    assert len(found.points("q_mean")) == KEPT
    assert found.newest("q_mean") == 3 * KEPT - 1


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**9), 10**9))


@given(st.lists(st.dictionaries(st.sampled_from(sorted(HEALTHY)), numbers), max_size=5))
def test_no_figures_make_a_diagnosis_fail(lines: list[dict[str, Any]]) -> None:
    for finding in diagnose(history(*lines)):
        assert finding.evidence
        assert bool(finding.next_step) == finding.speaks


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-5, 5), st.floats(-5, 5))
def test_worse_is_never_less(warn: float, alarm: float, a: float, b: float) -> None:
    scale = Scale(name="x", warn=warn, alarm=alarm, what="x", next_step="do")
    order = [Level.OK, Level.WARN, Level.ALARM]
    worse, better = (max(a, b), min(a, b)) if alarm >= warn else (min(a, b), max(a, b))
    assert order.index(scale.judge(worse, "x").level) >= order.index(scale.judge(better, "x").level)


def test_a_screen_shows_what_speaks_worst_first() -> None:
    grid = Table.grid()
    findings = diagnose(history(*[HEALTHY | {"q_mean": 1.1, "actor/policy_age_seconds": 90.0}] * 40))
    add_alarms(grid, findings)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(grid)
    told = console.export_text()
    assert told.index("policy_age") < told.index("q_out_of_bounds")
    assert "→ see the link" in told
    console.file.close()
    calm = Table.grid()
    add_alarms(calm, diagnose(history(*[HEALTHY] * 40)))
    assert calm.row_count == 1
