import os
import signal

import pytest

from learner.ending import Ending, Goals, Interrupt, interruptible


@pytest.fixture
def counts():
    return {"updates": 0, "env_steps": 0, "deserted": False}


def _ending(counts, interrupt=None, **goals):
    return Ending(
        Goals(**goals),
        interrupt or Interrupt(),
        updates=lambda: counts["updates"],
        env_steps=lambda: counts["env_steps"],
        deserted=lambda: counts["deserted"],
    )


def test_without_goals_training_goes_on(counts):
    counts |= {"updates": 10**9, "env_steps": 10**9}
    assert _ending(counts).cause() is None


@pytest.mark.parametrize(("goal", "count"), [("max_updates", "updates"), ("max_steps", "env_steps")])
def test_a_count_ends_training_when_it_is_reached(counts, goal, count):
    ending = _ending(counts, **{goal: 8})
    counts[count] = 7
    assert ending.cause() is None
    counts[count] = 8
    assert "8" in ending.cause()


def test_training_ends_once_it_is_deserted_where_that_was_asked_for(counts):
    ending = _ending(counts, end_with_actors=True)
    assert ending.cause() is None
    counts["deserted"] = True
    assert ending.cause() == "all actors have left"
    assert _ending(counts).cause() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_and_a_second_one_hurries(counts, number):
    before = signal.getsignal(number)
    with interruptible() as interrupt:
        ending = _ending(counts, interrupt)
        assert signal.getsignal(number) == interrupt.on_signal
        os.kill(os.getpid(), number)
        assert ending.cause() == f"{number.name} received"
        assert not interrupt.hurry
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.hurry
        assert ending.cause() == f"{number.name} received"
    assert signal.getsignal(number) is before


def test_a_learner_under_nohup_outlives_its_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interrupt:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupt.cause is None
    finally:
        signal.signal(signal.SIGHUP, before)
