"""Keys from a real terminal, and the terminal afterwards."""

import os
import signal

import pytest

from tests.actor.operating.terminal import Terminal

SCRIPT = """
import sys, time
from actor.operating.keyboard import Keyboard, terminal_of_stdin
from actor.stop import StopSignal
stop = StopSignal()
with stop.on_signals(), Keyboard(terminal_of_stdin(), lambda key: print(f"<{key}>")):
    print("listening")
    while stop.cause is None:
        stop.wait(0.05)
        if "fails" in sys.argv:
            raise RuntimeError("broken")
print("ended by", stop.cause)
"""


def test_keys_are_heard_one_by_one_without_return_and_not_shown(terminal: Terminal) -> None:
    assert terminal.passes_lines
    terminal.run(["-c", SCRIPT])
    terminal.wait_for("listening")
    assert not terminal.passes_lines
    terminal.type("p")
    terminal.wait_for("<p>")
    terminal.type("ab")
    terminal.wait_for("<b>")
    terminal.type("\x1b[A")  # an arrow key
    terminal.type("?")
    terminal.wait_for("<?>")
    assert "<A>" not in terminal.seen
    assert "\np" not in terminal.seen
    terminal.type("\x03")  # Ctrl-C
    assert terminal.end() == 0
    assert "ended by SIGINT" in terminal.seen
    assert terminal.passes_lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Terminal, number: signal.Signals) -> None:
    terminal.run(["-c", SCRIPT])
    terminal.wait_for("listening")
    assert terminal.process is not None
    os.kill(terminal.process.pid, number)
    assert terminal.end() == 0
    assert terminal.passes_lines


def test_an_error_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.run(["-c", SCRIPT, "fails"])
    assert terminal.end() == 1
    assert "RuntimeError: broken" in terminal.seen
    assert terminal.passes_lines


def test_where_the_terminal_is_somebody_elses_it_is_left_alone(terminal: Terminal) -> None:
    """As under a launcher, which runs its children in sessions of their own."""
    launcher = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True);"
        "sys.stdin.readline(); child.terminate(); sys.exit(child.wait())"
    )
    terminal.run(["-c", launcher, SCRIPT])
    terminal.wait_for("listening")
    assert terminal.passes_lines
    terminal.type("p\n")
    assert terminal.end() == 0
    assert "<p>" not in terminal.seen
    assert terminal.passes_lines
