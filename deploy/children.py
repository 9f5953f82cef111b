"""Child processes of a launcher: each with a log file of its own, none outliving the launcher.

Children run in sessions of their own, so Ctrl-C reaches only the launcher, which ends them in order. Should
the launcher be killed, each child is interrupted (`deploy/tether.py`), and they end as after Ctrl-C.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.errors import HandsOnError

log = logging.getLogger(__name__)

TETHER = Path(__file__).with_name("tether.py")
TAIL_LINES = 15
KILL_SECONDS = 2.0


class ProcessFailed(HandsOnError):
    """A child process ended with an error; the cause holds the end of its log."""


class Child:
    """One process and its log."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process
        self._interrupted = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """Its exit status once it ended, None if it still runs after `seconds`."""
        try:
            return self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C does."""
        if self.status is None:
            self._interrupted = True
            self._process.send_signal(signal.SIGINT)

    def end(self, seconds: float) -> int:
        """Interrupt it and return its exit status; it is killed when it has not ended after `seconds`."""
        self.interrupt()
        if self.wait(seconds) is None:
            log.warning("%s did not end within %.1f s and is killed", self.name, seconds)
            self._process.kill()
        return self._process.wait(KILL_SECONDS)

    def check(self) -> None:
        """Raise ProcessFailed if it ended with an error; dying of our own interrupt is none."""
        if self.status not in (None, 0) and not (self._interrupted and self.status == -signal.SIGINT):
            raise self.failure()

    def failure(self) -> ProcessFailed:
        """Its end as an error: the status and the last lines of its log."""
        status = self.status or 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        words = f"{how}; its last words:\n{tail(self.log_path)}"
        return ProcessFailed(self.name, words, f"read {self.log_path}")


def handson(*arguments: str) -> list[str]:
    """The command that runs a role of this very checkout with this very interpreter."""
    return [sys.executable, "-m", "deploy.cli", *arguments]


def start(name: str, command: Sequence[str], log_path: Path, environment: Mapping[str, str]) -> Child:
    """Run a command, its output appended to `log_path`.

    Args:
        name: what messages call it.
        command: program and arguments.
        log_path: file for standard output and error.
        environment: variables on top of this process's own.
    """
    with log_path.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-I", str(TETHER), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    return Child(name, process, log_path)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a text file, indented; says so when there are none."""
    try:
        text = path.read_text(errors="replace").rstrip()
    except OSError:
        text = ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (nothing)"
