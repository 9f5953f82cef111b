import io

import pytest
from rich.console import Console

from deploy.progress import Progress
from deploy.screen import Screen, sparkline
from deploy.target import Target
from shared.clock import ManualClock
from shared.errors import ConfigError

LINES = [
    {"kind": "learner", "env_steps": 1000, "updates": 2000, "utd_actual": 4.0, "updates_per_second": 151.2},
    {
        "kind": "actor",
        "env_steps": 1010,
        "updates": 2040,
        "actor/policy_age_seconds": 0.21,
        "actor_id": "actor-0",
    },
    {"kind": "evaluation", "env_steps": 1500, "updates": 4000, "evaluation/success_rate": 0.5},
    {"kind": "evaluation", "env_steps": 2000, "updates": 6000, "evaluation/success_rate": 0.85},
]


def screen(stream: io.StringIO, clock: ManualClock) -> Screen:
    return Screen(title="reach", target=Target(), utd=4, budget_seconds=120, clock=clock, stream=stream)


def test_numbers_fold_into_progress():
    progress = Progress()
    progress.fold(LINES)
    assert (progress.env_steps, progress.updates) == (2000, 6000)
    assert [e["success_rate"] for e in progress.evaluations] == [0.5, 0.85]
    assert progress.values["actor/policy_age_seconds"] == 0.21


def test_plain_lines_come_every_ten_seconds_and_with_each_phase():
    stream, clock = io.StringIO(), ManualClock()
    shown = screen(stream, clock)
    progress = Progress(phase="recording demos")
    with shown:
        for _ in range(25):
            shown.show(progress)
            clock.advance(1.0)
        progress.phase = "practising"
        progress.fold(LINES)
        shown.show(progress)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["recording demos"] * 3 + ["practising"]
    assert lines[-1].startswith("00:25 of 02:00  practising")
    for text in (
        "85% of 95%",
        "steps 2,000",
        "updates 6,000",
        "UTD 4.00 of 4",
        "updates/s 151",
        "policy age 0.21 s",
    ):
        assert text in lines[-1]


def test_a_terminal_gets_a_panel(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    stream.isatty = lambda: True
    progress = Progress()
    progress.fold(LINES)
    with screen(stream, ManualClock()) as shown:
        shown.show(progress)
    assert "reach" in stream.getvalue()
    assert "2,000" in stream.getvalue()


def test_sparklines_reach_from_low_to_high():
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([-1500.0, -150.0]) == "▁█"
    assert sparkline([3.0]) == "▁"


def test_training_stops_after_enough_good_evaluations():
    target = Target(stop_at=0.9, stop_after=2)
    good, bad = {"success_rate": 0.95}, {"success_rate": 0.8}
    assert not target.reached([])
    assert not target.reached([good])
    assert not target.reached([good, bad, good])
    assert target.reached([bad, good, good])


def test_a_return_may_be_the_target():
    target = Target(metric="mean_return", stop_at=-200, pass_at=-250)
    assert target.passed({"mean_return": -240.0, "success_rate": 0.0})
    assert not target.passed({"mean_return": -260.0})
    assert not target.passed({"mean_return": None})


def test_impossible_targets_are_refused():
    with pytest.raises(ConfigError, match="stop_after"):
        Target(stop_after=0)
    with pytest.raises(ConfigError, match="pass_at"):
        Target(pass_at=90)


def test_help_is_shown_where_somebody_may_help():
    stream, progress = io.StringIO(), Progress(phase="practising")
    helped = {"step_share": 0.125, "mean_span_steps": 6.25, "autonomous_success": 0.4}
    progress.fold([{f"interventions/{name}": value for name, value in helped.items()}])
    with screen(stream, ManualClock()) as shown:
        shown.show(progress)
    assert "help 12% of steps, 6.2 at a time; success 40% alone" in stream.getvalue()


HEADLESS = {"time_seconds": 1e9, "kind": "learner", "env_steps": 900, "updates": 100}
DIVERGED = HEADLESS | {"q_mean": 9.0, "return_low": 0.0, "return_high": 1.0}


def test_alarms_are_named_in_plain_lines_and_explained_on_a_terminal():
    stream, progress = io.StringIO(), Progress(phase="practising")
    progress.fold([DIVERGED])
    with screen(stream, ManualClock()) as shown:
        shown.show(progress)
    assert "alarm q_out_of_bounds" in stream.getvalue()
    console = Console(file=io.StringIO(), width=120)
    console.print(shown._panel(progress))
    assert "what can be earned lies in 0 to 1" in console.file.getvalue()
    assert "the critics diverge" in console.file.getvalue()


def test_without_an_alarm_the_panel_says_so():
    progress = Progress(phase="practising")
    progress.fold([DIVERGED | {"q_mean": 0.5}])
    console = Console(file=io.StringIO(), width=120)
    console.print(screen(io.StringIO(), ManualClock())._panel(progress))
    assert "none of 14" in console.file.getvalue()
