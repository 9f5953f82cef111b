import pytest

from robot_env.rate import Rate
from shared.clock import ManualClock
from shared.errors import ConfigError


def test_periods_are_equal_however_long_the_work_takes_within_them() -> None:
    clock = ManualClock(start=3.0)
    rate = Rate(10.0, clock)
    for number, work in enumerate([0.0, 0.03, 0.099, 0.05], start=1):
        clock.advance(work)
        assert rate.wait() == 0.0
        assert clock.now() == pytest.approx(3.0 + 0.1 * number)
    assert (rate.periods, rate.overruns) == (4, 0)


def test_an_overrun_is_measured_and_counted() -> None:
    clock = ManualClock()
    rate = Rate(10.0, clock)
    clock.advance(0.13)
    assert rate.wait() == pytest.approx(0.03)
    assert (rate.periods, rate.overruns) == (1, 1)


def test_after_a_stall_no_period_is_shorter_than_the_others() -> None:
    clock = ManualClock()
    rate = Rate(10.0, clock)
    clock.advance(5.0)
    rate.wait()
    for _ in range(3):
        before = clock.now()
        assert rate.wait() == 0.0
        assert clock.now() - before == pytest.approx(0.1)
    assert rate.overruns == 1


def test_restarting_forgets_the_time_between() -> None:
    clock = ManualClock()
    rate = Rate(10.0, clock)
    clock.advance(7.0)
    rate.restart()
    assert rate.wait() == 0.0
    assert clock.now() == pytest.approx(7.1)


@pytest.mark.parametrize("hz", [0.0, -1.0, float("nan")])
def test_what_is_no_rate_is_refused(hz: float) -> None:
    with pytest.raises(ConfigError, match="control rate"):
        Rate(hz, ManualClock())
