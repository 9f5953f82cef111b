import threading

import pytest

from learner.worker import Worker


def test_jobs_run_in_order_in_a_thread_of_their_own():
    worker, seen = Worker("test"), []
    for number in range(5):
        worker.submit(lambda number=number: seen.append((number, threading.current_thread().name)))
    assert worker.close(5.0)
    assert seen == [(number, "test") for number in range(5)]


def test_replace_drops_what_waits_but_not_what_runs():
    worker, seen, go = Worker("test"), [], threading.Event()
    started = threading.Event()
    worker.submit(lambda: (started.set(), go.wait(5.0), seen.append("running")))
    assert started.wait(5.0)
    for name in ("old", "older", "newest"):
        worker.replace(lambda name=name: seen.append(name))
    assert not worker.idle
    go.set()
    assert worker.drain(5.0)
    assert worker.idle
    assert seen == ["running", "newest"]
    assert worker.close(5.0)


def test_a_failure_ends_the_thread_and_is_raised_to_whoever_asks(caplog):
    worker, seen = Worker("test"), []

    def fail() -> None:
        raise ValueError("no")

    worker.submit(fail)
    worker.submit(lambda: seen.append("after"))
    assert not worker.drain(5.0)
    assert worker.close(5.0)
    assert seen == []
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            worker.check()


def test_closing_has_a_deadline(caplog):
    worker, go = Worker("test"), threading.Event()
    worker.submit(lambda: go.wait(5.0))
    assert not worker.close(0.05)
    assert "did not end" in caplog.text
    go.set()
    assert worker.close(5.0)
