import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.server.watchdog import Watchdog, WatchdogConfig
from shared.errors import ConfigError

PERIODS = st.floats(0.01, 0.4)


@given(PERIODS, st.floats(0.0, 5.0))
def test_three_silent_periods_hold_and_two_seconds_stop(period: float, silence: float) -> None:
    dog = Watchdog(WatchdogConfig(), 0.0)
    dog.set_point(1.0, period)
    expected = (
        "stop" if (1.0 + silence) - 1.0 >= 2.0 else "go" if 1.0 + silence < 1.0 + 3 * period else "hold"
    )
    assert dog.verdict(1.0 + silence) == expected


@given(st.lists(st.floats(0.01, 1.9), min_size=1, max_size=20))
def test_an_explicit_hold_is_never_stopped_while_it_is_said_again(pauses: list[float]) -> None:
    dog, now = Watchdog(WatchdogConfig(), 0.0), 0.0
    for pause in pauses:
        dog.hold(now)
        now += pause
        assert dog.verdict(now) == "hold"
    assert dog.verdict(now + 2.0) == "stop"


def test_nothing_moves_before_the_first_set_point() -> None:
    assert Watchdog(WatchdogConfig(), 7.0).verdict(7.0) == "hold"


def test_a_set_point_that_was_under_way_for_longer_than_the_watchdog_waits_is_stale() -> None:
    dog = Watchdog(WatchdogConfig(), 0.0)
    assert dog.is_stale(0.31, 0.1)
    assert not dog.is_stale(0.29, 0.1)


@pytest.mark.parametrize("settings", [{"periods": 0.5}, {"stop_seconds": 0.0}, {"periods": float("nan")}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="control periods"):
        WatchdogConfig(**settings)
