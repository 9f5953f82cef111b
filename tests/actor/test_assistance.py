"""What help added up to, and when a habit is worth a warning."""

import logging

import pytest

from actor.assistance import DRIVEN_TO_SUCCESS, FEW, NO_SHORTER, WINDOW, Assistance, Helped
from actor.outcome import EpisodeOutcome
from actor.spans import Span
from shared.step import Source, Why


def episode(*spans: tuple[int, int], length: int = 20, success: bool = True) -> EpisodeOutcome:
    return EpisodeOutcome(
        start_seed=0,
        length=length,
        episode_return=float(success),
        success=success,
        why=Why.SUCCESS if success else Why.TIME_LIMIT,
        interventions=tuple(Span(first=first, length=count, who=Source.HUMAN) for first, count in spans),
    )


def fed(*outcomes: EpisodeOutcome) -> Assistance:
    assistance = Assistance()
    for number, outcome in enumerate(outcomes):
        assistance.add(outcome, number)
    return assistance


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


def test_counts() -> None:
    total = fed(
        episode((2, 3), (10, 5)), episode(), episode((0, 2), success=False), episode(success=False)
    ).total
    assert total == Helped(
        episodes=4,
        steps=80,
        helped_episodes=2,
        spans=3,
        driven_steps=10,
        autonomous_successes=1,
        assisted_successes=1,
    )
    assert total.share == 10 / 80
    assert total.mean_span == 10 / 3
    metrics = total.as_metrics()
    assert metrics["interventions/autonomous_success"] == metrics["interventions/assisted_success"] == 0.25
    assert metrics["interventions/spans_per_episode"] == 0.75
    assert Helped().share == Helped().mean_span == 0.0


def test_lately_forgets() -> None:
    assistance = fed(*[episode((0, 20))] * 3, *[episode()] * WINDOW)
    assert assistance.lately.helped_episodes == 0
    assert assistance.total.helped_episodes == 3


def test_spans_are_logged_with_their_outcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    fed(episode((2, 3), (10, 5), success=False))
    assert [record.message for record in caplog.records] == [
        "episode 0: human drove steps 2 to 4 of 20; it ended in time_limit",
        "episode 0: human drove steps 10 to 14 of 20; it ended in time_limit",
    ]


def test_driving_to_the_success_every_time_is_warned_of_now_and_then(caplog) -> None:
    driven = episode((15, 5))
    fed(*[driven] * (FEW - 1))
    assert not warnings(caplog)
    fed(*[driven] * (FEW + WINDOW - 1))
    assert warnings(caplog) == [DRIVEN_TO_SUCCESS]
    caplog.clear()
    fed(*[driven] * (FEW + WINDOW))
    assert warnings(caplog) == [DRIVEN_TO_SUCCESS] * 2


def test_letting_go_or_failing_is_no_such_habit(caplog) -> None:
    fed(*[episode((15, 5))] * FEW, episode((2, 3)), *[episode((15, 5))] * FEW)
    assert len(warnings(caplog)) == 1  # before somebody let go
    caplog.clear()
    fed(episode((10, 2)), *[episode((15, 5), success=False)] * WINDOW)
    assert not warnings(caplog)


def test_corrections_that_become_no_shorter_are_warned_of(caplog) -> None:
    fed(*[episode((2, 4))] * 2 * WINDOW)
    assert warnings(caplog) == [NO_SHORTER]
    caplog.clear()
    fed(*[episode((2, 6))] * WINDOW, *[episode((2, 4))] * WINDOW)
    fed(*[episode((2, 4), (9, 4))] * WINDOW, *[episode((2, 4))] * WINDOW)
    assert not warnings(caplog)
