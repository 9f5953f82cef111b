"""Updates are what steps have paid for: never more, and in the end not a call less."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from learner.ratio import Ratio, RatioConfig
from shared.errors import ConfigError

utds = st.sampled_from([0.1, 0.3, 0.5, 1.0, 1.5, 4.0, 8.0, 20.0])
calls = st.none() | st.integers(1, 30)


def config_of(utd: float, warmup: int, per_call: int | None, **settings) -> RatioConfig:
    return RatioConfig(
        utd=utd, warmup_steps=warmup, updates_per_call=per_call, **{"max_lead_steps": 1000} | settings
    )


@given(utd=utds, warmup=st.integers(0, 20), per_call=calls, lazy=st.lists(st.integers(0, 3), max_size=120))
def test_on_a_simulated_clock_nothing_is_forfeited(
    utd: float, warmup: int, per_call: int | None, lazy: list[int]
) -> None:
    config = config_of(utd, warmup, per_call, clock="simulated")
    ratio = Ratio(config)
    for calls_now in lazy:
        ratio.observe_training_step()
        for _ in range(calls_now):
            if ratio.ready():
                ratio.spend()
        assert ratio.credit >= 0
        assert ratio.updates <= utd * max(0, ratio.training_steps - warmup) + 1e-9
    while ratio.ready():
        ratio.spend()
    assert ratio.forfeited == 0
    earned = Fraction(str(utd)) * max(0, len(lazy) - warmup)
    assert 0 <= earned - ratio.updates < config.call_updates


@given(utd=utds, per_call=calls, most=st.integers(1, 40), lazy=st.lists(st.integers(0, 3), max_size=120))
def test_on_a_wall_clock_late_credit_is_forfeited_and_counted(
    utd: float, per_call: int | None, most: int, lazy: list[int]
) -> None:
    assume((per_call or max(1, math.ceil(utd))) <= most * utd)
    config = config_of(utd, 3, per_call, clock="wall", max_credit_steps=most)
    ratio = Ratio(config)
    for calls_now in lazy:
        ratio.observe_training_step()
        assert 0 <= ratio.credit <= Fraction(str(utd)) * most
        for _ in range(calls_now):
            if ratio.ready():
                ratio.spend()
    while ratio.ready():
        ratio.spend()
    earned = Fraction(str(utd)) * max(0, len(lazy) - 3)
    assert float(earned - ratio.updates - ratio.credit) == pytest.approx(ratio.forfeited)
    assert ratio.credit < config.call_updates


def test_a_burst_after_a_stall_is_bounded() -> None:
    ratio = Ratio(config_of(4.0, 10, None, clock="wall", max_credit_steps=5))
    for _ in range(110):
        ratio.observe_training_step()
    assert (ratio.credit, ratio.forfeited) == (20, 380)


def test_a_tenth_stays_a_tenth() -> None:
    ratio = Ratio(config_of(0.1, 0, None, clock="simulated"))
    for step in range(1, 1001):
        ratio.observe_training_step()
        assert ratio.ready() == (step % 10 == 0)
        if ratio.ready():
            ratio.spend()
    assert ratio.updates == 100
    assert ratio.actual == pytest.approx(0.1)


@given(utd=utds, steps=st.integers(0, 200), spent=st.integers(0, 50), more=st.integers(0, 50))
def test_it_continues_from_its_dict(utd: float, steps: int, spent: int, more: int) -> None:
    config = config_of(utd, 5, 2, clock="wall", max_credit_steps=30)

    def go_on(ratio: Ratio, steps: int, calls: int) -> None:
        for _ in range(steps):
            ratio.observe_training_step()
        for _ in range(calls):
            if ratio.ready():
                ratio.spend()

    whole = Ratio(config)
    go_on(whole, steps, spent)
    resumed = Ratio(config, whole.to_dict())
    go_on(whole, more, more)
    go_on(resumed, more, more)
    assert resumed.to_dict() == whole.to_dict()
    assert resumed.credit == whole.credit


def test_spending_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="credit for 0"):
        Ratio(RatioConfig()).spend()


def test_before_the_warmup_is_over() -> None:
    ratio = Ratio(config_of(4.0, 3, None))
    assert (ratio.warmup_left, ratio.actual) == (3, 0.0)
    for _ in range(3):
        ratio.observe_training_step()
    assert (ratio.warmup_left, ratio.ready(), ratio.actual) == (0, False, 0.0)
    ratio.observe_training_step()
    assert ratio.ready()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"utd": 0.0}, "utd is 0.0"),
        ({"utd": math.nan}, "utd is nan"),
        ({"utd": math.inf}, "utd is inf"),
        ({"warmup_steps": -1}, "warmup_steps is -1"),
        ({"updates_per_call": 0}, "updates_per_call is 0"),
        ({"clock": "lunar"}, "clock is 'lunar'"),
        ({"utd": 0.1, "max_credit_steps": 9}, "max_credit_steps is 9, but one call of 1 updates at utd 0.1"),
        (
            {"utd": 4.0, "updates_per_call": 10, "max_lead_steps": 2, "clock": "simulated"},
            "max_lead_steps is 2, but one call of 10 updates at utd 4 takes 3 steps",
        ),
    ],
)
def test_settings_out_of_range(settings: dict, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RatioConfig(**settings)
    assert says in caught.value.cause
    assert caught.value.cure


def test_a_call_is_as_many_updates_as_a_step_earns() -> None:
    assert [RatioConfig(utd=utd).call_updates for utd in (0.5, 1.0, 1.5, 4.0)] == [1, 1, 2, 4]
