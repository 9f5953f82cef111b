import io
import logging

import pytest
from rich.console import Console

from learner.alarms.diagnosis import diagnose
from learner.alarms.history import History
from learner.run_logging import run_logging
from learner.screen import Screen
from shared.clock import ManualClock

NUMBERS = {"updates": 4000.0, "utd_actual": 4.0, "env_steps": 1200.0, "unheard_of": 3.0}


def test_without_a_terminal_there_is_a_line_now_and_then(caplog):
    clock, console = ManualClock(), Console(file=io.StringIO())
    with caplog.at_level(logging.INFO), Screen(10.0, clock, console) as screen:
        screen.show({})
        for _ in range(3):
            screen.show(NUMBERS)
            clock.advance(6.0)
    assert caplog.messages == ["steps 1,200  updates 4,000  UTD 4.00"] * 2


def test_on_a_terminal_there_is_a_panel():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60)
    with Screen(10.0, ManualClock(), console) as screen:
        screen.show(NUMBERS)
    assert "updates/s" not in stream.getvalue()
    assert "4,000" in stream.getvalue()


def test_alarms_stand_beside_the_numbers(caplog):
    history = History()
    history.add({"time_seconds": 0.0, "env_steps": 9, "q_mean": 9.0, "return_low": 0.0, "return_high": 1.0})
    findings = diagnose(history)
    with caplog.at_level(logging.INFO), Screen(10.0, ManualClock(), Console(file=io.StringIO())) as screen:
        screen.show({"updates": 5.0}, findings)
    assert caplog.messages == ["updates 5  alarm q_out_of_bounds"]
    stream = io.StringIO()
    with Screen(10.0, ManualClock(), Console(file=stream, force_terminal=True, width=200)) as screen:
        screen.show({"updates": 5.0}, findings)
    assert "the critics diverge" in stream.getvalue()


def test_everything_goes_to_the_file_and_to_the_console(tmp_path):
    stream = io.StringIO()
    with run_logging(tmp_path / "learner.log", Console(file=stream)):
        logging.getLogger("learner.test").info("hello")
        logging.getLogger("jax").info("chatter")
    logging.getLogger("learner.test").warning("afterwards")
    assert stream.getvalue() == "learner: hello\n"
    text = (tmp_path / "learner.log").read_text()
    assert "INFO    learner.test [MainThread] hello\n" in text
    assert "chatter" not in text
    assert "afterwards" not in text


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_a_launcher_that_collects_the_console_in_that_file_gets_lines_once(tmp_path, level):
    path = tmp_path / "learner.log"
    with path.open("a") as stream, run_logging(path, Console(file=stream)):
        logging.getLogger("learner.test").log(level, "hello")
    assert path.read_text().count("hello") == 1
