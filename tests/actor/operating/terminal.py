"""A pseudo terminal with a process at its other end, as a person at a keyboard has one."""

import os
import pty
import select
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Terminal:
    """What a person sees and types. The process at it leads a session of its own, as a shell's job does."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        self.seen = ""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, argv: Sequence[str]) -> None:
        """Start `python ARGV` there; opening the terminal as session leader makes it the process's own."""
        line = f"exec {shlex.join([sys.executable, *argv])} <{os.ttyname(self._slave)}"
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            ["sh", "-c", line],
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            cwd=ROOT,
            env=environment,
        )

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read(self) -> str:
        """All that was shown until now."""
        while select.select([self._master], [], [], 0)[0]:
            self.seen += os.read(self._master, 65536).decode(errors="replace")
        return self.seen

    def forget(self) -> None:
        """What was shown until now no longer counts."""
        self.read()
        self.seen = ""

    def wait_for(self, text: str | Callable[[str], bool], seconds: float = 30.0) -> None:
        """Until it is shown."""
        there = text if callable(text) else lambda seen: text in seen
        deadline = time.monotonic() + seconds
        while not there(self.read()):
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen[-2000:]}"
            assert self.process is not None
            assert self.process.poll() is None or there(self.read()), self.seen[-2000:]
            time.sleep(0.02)

    def end(self, seconds: float = 20.0) -> int:
        """The exit status, with all that was shown read."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < deadline, self.seen[-2000:]
            time.sleep(0.02)
        self.read()
        return self.process.returncode

    @property
    def passes_lines(self) -> bool:
        """Whether it passes lines, and shows what is typed, as a shell expects it."""
        flags = termios.tcgetattr(self._slave)[3]
        return bool(flags & termios.ICANON and flags & termios.ECHO)

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)
