"""Signals and other reasons to end."""

import os
import signal
import threading

import pytest

from actor.stop import StopSignal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_the_cause(number) -> None:
    stop = StopSignal()
    before = signal.getsignal(number)
    with stop.on_signals():
        assert stop.wait(0.0) is None
        os.kill(os.getpid(), number)
        assert stop.wait(10.0) == number.name
    assert signal.getsignal(number) is before


def test_a_second_interrupt_is_not_held_back() -> None:
    stop = StopSignal()
    with stop.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10.0) == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_hangup_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = StopSignal()
        with stop.on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.cause is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_first_cause_stays_and_waiting_ends_at_once() -> None:
    asked: list[str | None] = [None]
    stop = StopSignal()
    stop.watch(lambda: asked[0])
    assert stop.cause is None
    thread = threading.Thread(target=stop.set, args=("enough",))
    thread.start()
    assert stop.wait(60.0) == "enough"
    thread.join()
    asked[0] = "the learner is done"
    assert stop.cause == "enough"


def test_another_place_is_asked_too() -> None:
    stop = StopSignal()
    stop.watch(lambda: "the learner is done")
    assert stop.cause == "the learner is done"
