"""A capture process as its supervisor holds it: started, given orders, and killed where it does not obey."""

import logging
import os
import subprocess
import sys

from robot_env.cameras.capture import RUNGS, STOP
from robot_env.cameras.frame_ring import FrameRing
from robot_env.cameras.ladder import Rung
from robot_env.cameras.source_config import Life, SourceConfig, to_text

log = logging.getLogger(__name__)

END_SECONDS = 2.0
KILL_SECONDS = 2.0


class CaptureProcess:
    """One life of a camera's process, with a ring of its own: one that does not die can spoil no other.

    Attributes:
        ring: what it writes.
    """

    def __init__(self, config: SourceConfig, life: Life) -> None:
        self.ring = FrameRing(config.layout)
        module = "robot_env.cameras.capture"
        told = (str(self.ring.descriptor), str(os.getpid()), *to_text(config))
        self._orders = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *told, str(life.number), repr(life.began_seconds)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(self.ring.descriptor,),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it has carried out the last order."""
        return self.ring.word("asked") == self.ring.word("done")

    def ask(self, rung: Rung | None) -> None:
        """Order what a rung says, or, with None, to end; returns at once."""
        self._orders += 1
        self.ring.set_word("asked", RUNGS * self._orders + (STOP if rung is None else int(rung)))

    def end(self) -> None:
        """Let it stop the camera and end; kill it where it does not."""
        self.ask(None)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.ring.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            log.error("process %d of a camera does not die: a driver holds it in the kernel", self.pid)
        self.ring.close()
